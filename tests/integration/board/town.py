"""An application in which one of everything has happened, with texts of the test's choice in every place for them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, cast

from integration.engine.kit import ended, state_is
from taskora import Collect, Context, Retry, Taskora, chain

ONCE = Retry(attempts=1)


@dataclass
class Town:
    """What there is.

    Attributes:
        app: The application, which works.
        schedule: Name of a schedule.
        jobs: Task and id of a job by what became of it.
        workflow: Id of a workflow that failed.
        gate: Lets the active job end.
    """

    app: Taskora
    schedule: str
    jobs: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    workflow: str = ""
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def job(self, kind: str) -> str:
        """The query that names a job."""
        task, job_id = self.jobs[kind]
        return f"task={task}&id={job_id}"

    def pages(self) -> list[str]:
        """Every page, by its address below the board."""
        return [
            "", "workflows", f"workflow?id={self.workflow}", "schedules", "dead-letters", "dead-letters?task=mail.fail",
            "workers", "flow", "migrations", "search", "audit",
            *(f"task?name={task}" for task in ("mail.send", "mail.fail", "mail.gate", "mail.batch")),
            *(f"task?name={task}&state={state}" for task, state in (
                ("mail.send", "completed"), ("mail.fail", "failed"), ("mail.send", "delayed"), ("mail.gate", "active"),
                ("mail.send", "cancelled"),
            )),
            "task?name=mail.send&where=user_id&is=7",
            *(f"job?{self.job(kind)}" for kind in self.jobs),
            *(f"job/raw?{self.job(kind)}&part={part}" for kind in self.jobs for part in ("data", "result")),
            f"workflow/graph?id={self.workflow}", f"workflow/graph?id={self.workflow}&format=mermaid",
        ]  # fmt: skip

    def reads(self) -> list[str]:
        """Everything that the REST API tells."""
        return [
            "overview", "config", "schedules", "workflows", f"workflows/{self.workflow}", "dlq", "throughput",
            *(f"tasks/mail.send/{what}" for what in ("jobs", "stats", "migrations")),
            *(f"tasks/mail.send/jobs?state={state}" for state in ("completed", "delayed", "cancelled")),
            "tasks/mail.fail/jobs?state=failed", "tasks/mail.gate/jobs?state=active",
            *(f"jobs/{job_id}" for _, job_id in self.jobs.values()),
        ]  # fmt: skip


@contextlib.asynccontextmanager
async def settled(app: Taskora, text: str, value: dict[str, Any], name: str = "nightly") -> AsyncGenerator[Town]:
    """Have one of everything happen.

    Args:
        app: The application.
        text: Written where there is room for a text: errors, logs, reasons, names of workflows.
        value: Dispatched, reported and returned.
        name: Of the schedule and the workflow.
    """
    town = Town(app, name)
    _define(town, text, value)
    await app.start()
    try:
        await _live(town, text, value)
        yield town
    finally:
        town.gate.set()
        await app.close_async(5)


def _define(town: Town, text: str, value: dict[str, Any]) -> None:
    app = town.app

    @app.task("mail.send", index=("user_id",), retry=ONCE)
    async def send(data: dict[str, Any], ctx: Context) -> dict[str, Any]:
        ctx.log.info(text, **value)
        ctx.progress({"step": text, **value})
        return {"sent": text, **value}

    @app.task("mail.fail", retry=ONCE)
    async def fail(data: dict[str, Any], ctx: Context) -> None:
        ctx.log.error(text)
        raise RuntimeError(text)

    @app.task("mail.gate", retry=ONCE)
    async def wait(data: dict[str, Any], ctx: Context) -> None:
        ctx.progress(50)
        await town.gate.wait()

    @app.task("mail.batch", collect=Collect("all", delay=3600), retry=ONCE)
    async def batch(data: list[dict[str, Any]]) -> None: ...

    app.schedule(town.schedule, task="mail.send", every=3600, data={"user_id": 7, **value})


async def _live(town: Town, text: str, value: dict[str, Any]) -> None:
    send, fail, gate, batch = (town.app.find_task(f"mail.{name}") for name in ("send", "fail", "gate", "batch"))
    data = {"user_id": 7, **value}
    done, failed = await send.dispatch(data), await fail.dispatch(data)
    active, delayed, cancelled = (
        await gate.dispatch(data),
        await send.dispatch(data, delay=3600),
        await send.dispatch(data, delay=3600),
    )
    await cancelled.cancel_async(text)
    await batch.dispatch(data)
    flow = await cast("Any", chain)(send.s(data), fail.s(), send.s()).dispatch(name=town.schedule)
    town.workflow = flow.workflow_id
    with contextlib.suppress(Exception):
        await flow.result_async(30)
    assert await ended(done) == "completed"
    assert await ended(failed) == "failed"
    await state_is(active, "active", 30)
    for kind, handle in (
        ("completed", done), ("failed", failed), ("active", active), ("delayed", delayed), ("cancelled", cancelled),
    ):  # fmt: skip
        town.jobs[kind] = (handle.task, handle.id)
