"""However many jobs a worker runs, it holds no more than before."""

import asyncio
import gc
import threading
import time
from pathlib import Path

import pytest

from integration.engine.kit import Engine, ended, working
from support import forever, wait_until_async
from taskora import Context, Defaults, Retry, Taskora
from taskora.worker import Worker

ROUNDS = 4
PER_ROUND = 125


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_two_thousand_jobs_of_every_kind_leave_nothing_behind(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "taskora.worker")
    app = engine.app(defaults=Defaults(cancel_grace="20ms"))

    @app.task("async-ok", concurrency=20)
    async def async_ok(n: int, ctx: Context) -> int:
        ctx.progress(n)
        ctx.log.info("running")
        return n

    @app.task("sync-ok", concurrency=5)
    def sync_ok(n: int, ctx: Context) -> int:
        ctx.progress(n)
        return n

    @app.task("failing", concurrency=20, retry=Retry(attempts=2, delay=0))
    async def failing(n: int) -> None:
        raise ValueError("x" * 1000)

    @app.task("late", concurrency=60, timeout="10ms")
    async def late(n: int) -> None:
        await forever()

    @app.task("late-sync", concurrency=2, timeout="10ms")
    def late_sync(n: int) -> None:
        time.sleep(0.09) if n == 0 else time.sleep(0.001)  # beyond its interruption, or not

    async def one_round() -> None:
        handles = [
            handle
            for task in (async_ok, sync_ok, failing, late)
            for handle in await task.dispatch_many(range(PER_ROUND))
        ]
        handles += await late_sync.dispatch_many(range(3))
        await asyncio.gather(*(ended(handle) for handle in handles))

    async def held(worker: Worker) -> tuple[int, int, int, int]:
        await wait_until_async(lambda: not worker.runs)
        gc.collect()
        tasks = [task for task in asyncio.all_tasks() if "_live" in repr(task)]
        threads = [thread for thread in threading.enumerate() if thread.name.startswith("taskora-handler")]
        return len(tasks), len(threads), descriptors(), len(asyncio.all_tasks())

    async with working(app):
        service = app._running.service  # pyright: ignore[reportPrivateUsage]
        assert service is not None
        worker = service.worker
        await one_round()
        before = await held(worker)
        for _ in range(ROUNDS - 1):
            await one_round()
        after = await held(worker)
        assert worker.runs == {}
        assert not worker._chores  # pyright: ignore[reportPrivateUsage]
        assert after[0] == 0
        assert after[1] <= before[1] + 2
        assert after[2] <= before[2] + 2
        assert after[3] <= before[3] + 2
        # All of its slots work still.
        assert [await h.result_async(5) for h in await sync_ok.dispatch_many(range(20))] == list(range(20))
    (station,) = worker._stations  # pyright: ignore[reportPrivateUsage]
    assert set(station.slots._used.values()) == {0}  # pyright: ignore[reportPrivateUsage]


async def test_an_application_that_starts_and_closes_again_and_again_holds_nothing(app: Taskora) -> None:
    @app.task("one")
    def one(n: int) -> int:
        return n

    async def once() -> int:
        async with working(app):
            assert await one.dispatch(1).result_async(5) == 1
        return descriptors()

    first = await once()
    last = [await once() for _ in range(10)][-1]
    assert last <= first + 2
    await wait_until_async(lambda: not [t for t in threading.enumerate() if t.name.startswith("taskora")])
