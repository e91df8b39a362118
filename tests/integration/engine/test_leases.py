"""A worker keeps what it holds for as long as it lives, and lets go of what it lost."""

import asyncio

from integration.engine.kit import Engine, gated, working
from support import wait_until_async
from taskora import Context, Defaults, Stall, Taskora

RENEWALS_A_TTL = 3


class Renewals:
    """Counts how often the time that a lock has left grows."""

    def __init__(self, engine: Engine, lock: str) -> None:
        self._engine = engine
        self._lock = lock
        self._last_ms = 0
        self._count = -1  # the first look is none

    def count(self) -> int:
        left_ms = int(self._engine.raw.pttl(self._lock))
        assert left_ms > 0, "the lock ran out"
        self._count += left_ms > self._last_ms
        self._last_ms = left_ms
        return self._count


async def test_a_job_of_three_times_the_lock_s_time_is_never_swept(engine: Engine) -> None:
    app = engine.app(defaults=Defaults(lock_ttl=1, stall=Stall(interval="200ms", max_count=0)))
    task, gate, runs = gated(app, concurrency=3)
    async with working(app):
        handles = await task.dispatch_many(range(3))
        await wait_until_async(lambda: len(runs) == 3)
        renewals = Renewals(engine, engine.key("gated", f"{handles[0].id}:lock"))
        await wait_until_async(lambda: renewals.count() >= RENEWALS_A_TTL * 3, 15)
        gate.set()
        assert [await handle.result_async(5) for handle in handles] == [0, 1, 2]
        assert [engine.events("gated", handle.id) for handle in handles] == [["waiting", "active", "completed"]] * 3


async def test_a_lost_lock_aborts_the_run_and_nothing_is_written(engine: Engine) -> None:
    app = engine.app(defaults=Defaults(lock_ttl=1))
    reasons: list[str | None] = []
    task, _, runs = gated(app)

    async with working(app):
        handle = await task.dispatch(1)
        await wait_until_async(lambda: runs)
        # As after a recovery: somebody else runs it now.
        engine.raw.set(engine.key("gated", f"{handle.id}:lock"), "another.a1.1")
        engine.raw.hset(engine.key("gated", handle.id), "processedOn", "1")
        before = engine.hash("gated", handle.id)
        await wait_until_async(lambda: runs[0].signal.aborted, 3)
        reasons.append(runs[0].signal.reason)
        second = await task.dispatch(2)
        await wait_until_async(lambda: len(runs) == 2, 3)
        assert engine.hash("gated", handle.id) == before
        await second.cancel_async()
    assert reasons == ["lost"]


async def test_what_a_run_that_lost_its_lock_still_reports_is_not_written(engine: Engine, app: Taskora) -> None:
    gate, started = asyncio.Event(), asyncio.Event()

    @app.task("late")
    async def late(_: int, ctx: Context) -> int:
        started.set()
        await gate.wait()
        ctx.progress(99)
        ctx.log.info("too late")
        return 1

    async with working(app):
        handle = await late.dispatch(1)
        await started.wait()
        engine.raw.set(engine.key("late", f"{handle.id}:lock"), "another.a1.1")
        engine.raw.hset(engine.key("late", handle.id), "processedOn", "1")
        before = engine.hash("late", handle.id)
        gate.set()
        await wait_until_async(lambda: not [t for t in asyncio.all_tasks() if "_live" in repr(t)])
        assert await handle.progress_async() is None
        assert await handle.logs_async() == []
        assert engine.hash("late", handle.id) == before


async def test_a_heartbeat_renews_the_lock_at_once(engine: Engine, app: Taskora) -> None:
    gate = asyncio.Event()
    contexts: list[Context] = []

    @app.task("beat")
    async def beat(_: int, ctx: Context) -> None:
        contexts.append(ctx)
        await gate.wait()

    async with working(app):
        handle = await beat.dispatch(1)
        await wait_until_async(lambda: contexts)
        lock = engine.key("beat", f"{handle.id}:lock")
        engine.raw.pexpire(lock, 5000)
        contexts[0].heartbeat()
        await wait_until_async(lambda: engine.raw.pttl(lock) > 20_000)
        gate.set()


async def test_a_lock_that_ran_out_is_taken_again_when_nobody_else_has_the_job(engine: Engine, app: Taskora) -> None:
    task, gate, runs = gated(app)
    async with working(app):
        handle = await task.dispatch(1)
        await wait_until_async(lambda: runs)
        engine.raw.delete(engine.key("gated", f"{handle.id}:lock"))
        gate.set()
        assert await handle.result_async(5) == 1
