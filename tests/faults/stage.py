"""What surrounds a process that dies around a script: its application, the harness, and who comes after it."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis

from faults.app import Item, Load, Settings, make_app
from faults.checker import Aftermath, violations
from faults.circumstances import Circumstances, Life
from faults.snapshot import Reader, Snapshot
from faults.violation import Violation
from support import wait_until_async
from taskora import Context, SchedulerConfig, Task, Taskora
from taskora.housekeeping import Housekeeper
from taskora.housekeeping.pace import Pace
from taskora.keys import Keys
from taskora.worker import Alone

FAST = Pace(
    roster_s=0.05, trim_s=0.05, workflows_s=0.02, owed_s=0.05, registry_s=0.05, mend_s=0.1, mend_grace_s=0.05,
    mend_pause_s=0.0,
)  # fmt: skip
VICTIM = "victim"  # the token of a victim that leads, by which its successor gives its lead up
_REST_S = 20.0


def scene_app(settings: Settings, **options: Any) -> Taskora:
    """The storm's application, with what it lacks: tasks that report and that dispatch."""
    app = make_app(settings, **options)
    ledger = settings.ledger

    @app.task("report")
    async def report(load: Load, ctx: Context) -> None:
        run = ledger.begin(ctx.task, ctx.id, ctx.attempt)
        ctx.progress(load["key"])
        ctx.log.info("reported")
        await asyncio.sleep(load["takes"])
        ledger.end(run, "ok")

    @app.task("spread")
    async def spread(load: Load, ctx: Context) -> None:
        run = ledger.begin(ctx.task, ctx.id, ctx.attempt)
        quick: Task[Load, int] = app.tasks["quick"]
        gather: Task[Item, int] = app.tasks["gather"]
        await quick.dispatch(load)
        await gather.dispatch({"item": int.from_bytes(os.urandom(4), "big")})
        ledger.end(run, "ok")

    assert {report.name, spread.name} <= app.tasks.keys()
    return app


def housekeeper(app: Taskora, token: str | None = None) -> Housekeeper:
    """One that declares nothing, and does not wait long."""
    options = {name: task.options for name, task in app.tasks.items()}
    config = SchedulerConfig(poll_interval=0.02, lock_ttl=3)
    return Housekeeper(app.adapter, options, config=config, retention=app.retention, pace=FAST, token=token)


def load(key: int, takes: float = 0.0) -> Load:
    """A payload."""
    return {"key": key, "takes": takes, "fails": 0}


class Stage:
    """The harness's own application and connection, while a scene is played and after it."""

    def __init__(self, settings: Settings) -> None:
        client: Any = redis.Redis
        self.settings = settings
        self.ledger = settings.ledger
        self.app = scene_app(settings, stall_s=0.1)
        self.keys: Keys = self.app.adapter.keys
        self.raw: Any = client.from_url(settings.url, decode_responses=True, protocol=2)
        self._born_ns = time.monotonic_ns()

    def close(self) -> None:
        """Close all connections."""
        self.ledger.close()
        self.app.close()
        self.raw.close()

    def task(self, name: str) -> "Task[Any, Any]":
        return self.app.tasks[name]

    def promise(self, task: str, *loads: Load, **options: Any) -> None:
        """Dispatch jobs, and have them promised."""
        for each in loads:
            handle = self.task(task).dispatch(each, **options)
            self.ledger.job(handle.id, task, task, 0)

    def run_calls(self, *calls: Any) -> None:
        """Run an adapter's calls in plain code."""
        for call in calls:
            call.run()

    # -- after the death

    def replace_victim(self, pid: int, done: Callable[["Stage"], bool]) -> None:
        """Do what a steward does for a worker that died, and all that there is to do."""
        identity = Path(self.settings.folder) / f"identity-{pid}"
        if identity.exists():
            self.recover(identity.read_text())
        self.app.adapter.house.resign(VICTIM).run()
        asyncio.run(self._work(done))
        # What the leader does after the interval.
        self.run_calls(*(self.app.adapter.house.sweep(task, 1) for task in self.app.tasks))

    def recover(self, worker: str) -> None:
        """Give a dead worker's jobs back."""
        tasks = dict.fromkeys(self.app.tasks, 0)
        self.run_calls(
            self.app.adapter.leases.recover(worker, tasks, cause="signal:9", charged=True, max_crashes=3),
            self.app.adapter.house.unregister(worker),
        )

    async def _work(self, done: Callable[["Stage"], bool]) -> None:
        service = self.app.service(Alone(), housekeeper(self.app))
        await service.start()
        try:
            await wait_until_async(lambda: done(self), _REST_S, "what the victim was about should be done")
            if "tick" in [info.name for info in await self.app.schedules.list_async()]:
                await self.app.schedules.pause_async("tick")
            # What is not at rest then, the checker says.
            with suppress(AssertionError):
                await wait_until_async(self._at_rest, _REST_S)
        finally:
            await service.stop(5)
            await self.app.close_async()

    async def _at_rest(self) -> bool:
        counts = await self.app.inspect().stats_by_task_async()
        if any(count.waiting or count.active or count.delayed for count in counts.values()):
            return False
        running = await self.app.inspect().workflows_async(state="running", limit=1)
        # A worker takes a marker away when it next waits: what it found without one it did not wait for.
        markers = [self.keys.marker(task) for task in self.app.tasks]
        return not running and not self.raw.exists(self.keys.own("workflows:owed"), *markers)

    def check(self, victims: list[Life]) -> list[Violation]:
        """Hold what is stored against what was promised and done."""
        now_ns = time.monotonic_ns()
        mine = Life(os.getpid(), "harness", "worker", self._born_ns, now_ns)
        snapshot = self._snapshot()
        records = self.ledger.read()
        circumstances = Circumstances([mine, *victims], [], now_ns)
        return violations(records, snapshot, circumstances, Aftermath())

    def _snapshot(self) -> Snapshot:
        counts = {
            task: {state: getattr(stats, state) for state in stats.__slots__ if state != "retrying"}
            for task, stats in self.app.inspect().stats_by_task().items()
        }
        reader = Reader(self.settings.url, self.keys, list(self.app.tasks))
        try:
            return reader.read(counts)
        finally:
            reader.close()
