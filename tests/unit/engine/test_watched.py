"""A watched coroutine behaves as the one that it watches, and tells of its steps."""

import asyncio

import pydantic
import pytest

from support import forever
from taskora import Taskora
from taskora.model import Claimed
from taskora.worker import WorkerSettings
from taskora.worker.execution import Execution
from taskora.worker.run import Run
from taskora.worker.threads import ThreadPool
from taskora.worker.watched import watched


class Recorder:
    watches = True

    def __init__(self) -> None:
        self.holding: list[str] = []
        self.steps = 0
        self.deadline_ns = 0

    def hold(self, job_id: str, deadline_ns: int) -> None:
        self.deadline_ns = deadline_ns
        self.holding.append(job_id)
        self.steps += 1

    def let_go(self, job_id: str) -> None:
        self.holding.remove(job_id)

    def claim_begun(self, connection: str, number: int) -> None:
        raise NotImplementedError

    def thread_stuck(self, task: str, job_id: str) -> bool:
        raise NotImplementedError

    def identity_lost(self) -> None:
        raise NotImplementedError

    def worker_broken(self) -> None:
        raise NotImplementedError


async def test_it_holds_during_its_steps_and_not_while_it_waits() -> None:
    host = Recorder()
    gate = asyncio.Event()

    async def handler() -> str:
        assert host.holding == ["a"]
        await gate.wait()
        assert host.holding == ["a"]
        return "done"

    task = asyncio.ensure_future(_run(watched(handler(), host, "a", 7)))
    await asyncio.sleep(0)
    assert (host.holding, host.steps, host.deadline_ns) == ([], 1, 7)
    gate.set()
    assert await task == "done"
    assert (host.holding, host.steps) == ([], 2)


async def test_errors_and_cancels_pass_through_and_may_be_caught() -> None:
    host = Recorder()

    async def stubborn() -> str:
        try:
            await forever()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return "caught"
        return "slept"

    task = asyncio.ensure_future(_run(watched(stubborn(), host, "a", 7)))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "caught"

    async def broken() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    with pytest.raises(KeyError):
        await watched(broken(), host, "a", 7)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await watched(forever(), host, "a", 7)
    assert host.holding == []


async def _run(work: object) -> object:
    return await work  # type: ignore[misc]


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize(("timeout", "patience_s"), [(None, 300.0), ("7s", 9.0)])
async def test_silence_is_explained_by_the_timeout_and_else_for_five_minutes(
    kind: str, timeout: str | None, patience_s: float
) -> None:
    host = Recorder()
    app = Taskora("memory://")

    async def on_loop() -> None:
        await asyncio.sleep(0)

    def in_thread() -> None:
        pass

    task = app.task("any", on_loop if kind == "async" else in_thread, timeout=timeout)
    threads = ThreadPool(1)
    execution = Execution(threads, host, 0.1, WorkerSettings().hang_timeout_s, lambda run: None)
    run = Run(
        Claimed("any", "a", b"null", 1, 1, 0, "token", 0, ""), task, lambda run: pytest.fail("it reports nothing")
    )
    outcome = await execution.outcome(run)
    threads.close()
    assert outcome is not None
    assert outcome.verb == "complete"
    assert host.deadline_ns / 1e9 == pytest.approx(run.started_s + patience_s)


async def test_migrations_and_validators_hold_as_the_handler_does() -> None:
    host = Recorder()
    seen: list[str] = []

    def newer(data: object) -> object:
        seen.append(f"migration of {host.holding}")
        return data

    class Checked(pydantic.BaseModel):
        kind: str

        @pydantic.model_validator(mode="after")
        def note(self) -> "Checked":
            seen.append(f"validation of {host.holding}")
            return self

    app = Taskora("memory://")

    @app.task("mail", version=2, since=1, migrate=[newer])
    async def mail(data: Checked) -> object:
        return data.kind

    execution = Execution(ThreadPool(1), host, 0.1, 0.001, lambda run: None)
    job = Claimed("mail", "a", b'{"kind":"x"}', 1, 1, 0, "token", 0, "")
    outcome = await execution.outcome(Run(job, mail, lambda run: pytest.fail("nothing is reported")))
    assert outcome is not None
    assert outcome.payload == b'"x"'
    assert seen == ["migration of ['a']", "validation of ['a']"]
    assert host.holding == []
