"""A cancel ends a job wherever it is, and nothing that comes later changes that."""

import asyncio
import threading
import time
from functools import partial

import pytest

from integration.engine.kit import Engine, error_of, gated, state_is, working
from support import forever, wait_until_async
from taskora import CancelledError, Context, Defaults, Retry, Taskora


async def assert_cancelled(handle: object, reason: str | None = None) -> None:
    error = await error_of(handle)  # type: ignore[arg-type]  # any handle
    assert isinstance(error, CancelledError)
    assert error.reason == reason or not reason
    assert error.job_id


@pytest.mark.parametrize("delay", [0, 60])
async def test_a_queued_job_is_cancelled_at_once_and_never_runs(app: Taskora, delay: int) -> None:
    ran: list[int] = []
    app.task("queued", lambda: ran.append(1))
    async with working(app):
        await app.close_async()
        handle = await app.tasks["queued"].dispatch(delay=delay)
        assert await handle.cancel_async("no need") == "cancelled"
        assert await handle.cancel_async() == "not_cancellable"
        await assert_cancelled(handle, "no need")
    async with working(app):
        assert await handle.state_async() == "cancelled"
    assert not ran


async def test_a_running_async_handler_is_cancelled(app: Taskora) -> None:
    task, _, runs = gated(app, retry=Retry(attempts=5))
    async with working(app):
        handle = task.dispatch(1)
        await wait_until_async(lambda: runs)
        assert await handle.cancel_async("stop") == "flagged"
        await assert_cancelled(handle, "stop")
        assert runs[0].signal.reason == "cancelled"
        assert len(runs) == 1


async def test_a_running_thread_is_interrupted(app: Taskora) -> None:
    started = threading.Event()

    @app.task("spin")
    def spin() -> None:
        started.set()
        while True:
            pass

    async with working(app):
        handle = spin.dispatch()
        await wait_until_async(started.is_set)
        assert await handle.cancel_async() == "flagged"
        await assert_cancelled(handle)


@pytest.mark.parametrize("sync", [False, True])
async def test_a_running_handler_sees_its_cancel_within_50_ms_of_the_call(app: Taskora, sync: bool) -> None:
    begun, seen_s = list[int](), list[float]()

    async def watch(n: int, ctx: Context) -> None:
        begun.append(n)
        await ctx.signal.wait()
        seen_s.append(time.perf_counter())

    def watch_in_a_thread(n: int, ctx: Context) -> None:
        begun.append(n)
        while not ctx.signal.aborted:
            time.sleep(0.001)
        seen_s.append(time.perf_counter())

    task = app.task("watch", watch_in_a_thread if sync else watch)
    took_s: list[float] = []
    async with working(app):
        for n in range(11):
            handle = await task.dispatch(n)
            await wait_until_async(partial(begun.__contains__, n))
            called_s = time.perf_counter()
            assert await handle.cancel_async() == "flagged"
            await assert_cancelled(handle)
            took_s.append(seen_s[n] - called_s)
    # What a busy machine adds is added to some of them.
    assert min(took_s) < 0.05, took_s
    assert sorted(took_s)[5] < 0.15, took_s


async def test_a_job_that_waits_for_a_retry_is_cancelled(app: Taskora) -> None:
    @app.task("flaky", retry=Retry(attempts=2, delay=60))
    async def flaky() -> None:
        raise ValueError("again")

    async with working(app):
        handle = flaky.dispatch()
        await state_is(handle, "retrying")
        assert await handle.cancel_async() == "cancelled"
        await assert_cancelled(handle)


async def test_an_unknown_job_is_not_cancellable(app: Taskora) -> None:
    app.task("one", lambda: None)
    async with working(app):
        assert await app.tasks["one"].handle("nobody").cancel_async() == "not_cancellable"


async def test_a_cooperative_handler_ends_within_the_grace_and_cleans_up_by_itself(app: Taskora) -> None:
    steps: list[str] = []

    @app.task("kind")
    async def kind(_: int, ctx: Context) -> None:
        steps.append("started")
        try:
            await ctx.signal.wait()
            steps.append(f"signal {ctx.signal.reason}")
            await asyncio.sleep(0.05)
            steps.append("clean")
        except asyncio.CancelledError:
            steps.append("interrupted")
            raise

    async with working(app):
        handle = kind.dispatch(1)
        await wait_until_async(lambda: steps)
        await handle.cancel_async()
        await assert_cancelled(handle)
    assert steps == ["started", "signal cancelled", "clean"]


@pytest.mark.parametrize("sync", [True, False])
async def test_on_cancel_runs_after_the_handler_and_before_the_state_is_final(
    engine: Engine, app: Taskora, sync: bool
) -> None:
    steps: list[str] = []

    def note(data: int, ctx: Context) -> None:
        steps.append(f"on_cancel {data} {engine.hash('slow', ctx.id)['state']}")

    async def note_async(data: int, ctx: Context) -> None:
        await asyncio.sleep(0)
        note(data, ctx)

    @app.task("slow", on_cancel=note if sync else note_async)
    async def slow(n: int) -> None:
        steps.append("started")
        try:
            await forever()
        finally:
            steps.append("stopped")

    async with working(app):
        handle = slow.dispatch(7)
        await wait_until_async(lambda: steps)
        await handle.cancel_async()
        await assert_cancelled(handle)
    assert steps == ["started", "stopped", "on_cancel 7 active"]


async def test_an_async_on_cancel_may_take_longer_than_the_grace(engine: Engine) -> None:
    """Neither the first interruption nor a repeated one, both meant for the handler, may hit it."""
    app = engine.app(defaults=Defaults(cancel_grace="20ms"))
    steps: list[str] = []

    async def clean(data: int, ctx: Context) -> None:
        await asyncio.sleep(0.09)
        steps.append("cleaned")

    @app.task("kind", on_cancel=clean)
    async def kind(_: int, ctx: Context) -> None:
        steps.append("started")
        await ctx.signal.wait()

    async with working(app):
        handle = kind.dispatch(1)
        await wait_until_async(lambda: steps)
        await handle.cancel_async()
        await assert_cancelled(handle)
    assert steps == ["started", "cleaned"]


@pytest.mark.parametrize("error", [ValueError, SystemExit, asyncio.CancelledError])
async def test_an_error_of_on_cancel_is_logged_and_changes_nothing(
    app: Taskora, caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    def broken(data: int, ctx: Context) -> None:
        raise error("in the hook")

    task, gate, runs = gated(app, on_cancel=broken, retry=Retry(attempts=3))
    async with working(app):
        handle = task.dispatch(1)
        await wait_until_async(lambda: runs)
        await handle.cancel_async()
        await assert_cancelled(handle)
        gate.set()
        assert await task.dispatch(2).result_async(5) == 2
    assert "on_cancel failed" in caplog.text


async def test_cancelled_wins_over_a_late_completion(app: Taskora) -> None:
    started = threading.Event()

    @app.task("late")
    def late(_: int, ctx: Context) -> int:
        started.set()
        while not ctx.signal.aborted:
            time.sleep(0.005)
        return 1

    async with working(app):
        handle = late.dispatch(1)
        await wait_until_async(started.is_set)
        await handle.cancel_async()
        await assert_cancelled(handle)


async def test_a_handler_that_ignores_its_cancel_loses_its_job(app: Taskora) -> None:
    stop, started = asyncio.Event(), asyncio.Event()

    @app.task("stubborn")
    async def stubborn() -> None:
        started.set()
        while not stop.is_set():
            try:
                await stop.wait()
            except asyncio.CancelledError:
                continue

    async with working(app):
        handle = stubborn.dispatch()
        await started.wait()
        await handle.cancel_async()
        await assert_cancelled(handle)
        stop.set()


async def test_a_cancel_that_comes_with_the_claim_is_not_missed(app: Taskora) -> None:
    task, _, _ = gated(app, concurrency=200)
    async with working(app):
        handles = await task.dispatch_many(range(200))
        await asyncio.gather(*(handle.cancel_async() for handle in handles))
        for handle in handles:
            await assert_cancelled(handle)
