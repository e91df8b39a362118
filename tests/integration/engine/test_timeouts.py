"""A job that is over its time ends, whatever its handler does, and harms no other."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from integration.engine.kit import Engine, ended, error_of, working
from support import forever, wait_until, wait_until_async
from taskora import Context, JobFailedError, Retry, Taskora, TimeoutError
from taskora.context import Interrupted

LIMIT = "200ms"


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Ends what a stubborn handler does, at the latest after the test."""
    event = threading.Event()
    yield event
    event.set()
    wait_until(lambda: not any(thread.name.startswith("taskora-handler") for thread in threading.enumerate()))


async def swallows_once_and_fails() -> None:
    try:
        await forever()
    except asyncio.CancelledError:
        raise ValueError("torn") from None


def spins() -> None:
    while True:
        pass


def swallows_exceptions() -> None:
    while True:
        try:
            time.sleep(0.01)
        except Exception:  # noqa: BLE001 - as careless handlers do
            continue


@pytest.mark.parametrize("handler", [forever, swallows_once_and_fails, spins, swallows_exceptions, None])
async def test_a_job_over_its_time_is_over_soon_and_the_next_one_runs(
    app: Taskora, handler: Callable[[], None] | None, release: threading.Event
) -> None:
    def stays_in_c() -> None:
        release.wait()

    app.task("late", handler or stays_in_c, timeout=LIMIT)

    @app.task("bystander", concurrency=5)
    def bystander(n: int) -> int:
        return n

    late = app.tasks["late"]
    async with working(app):
        started_s = time.monotonic()
        both = [late.dispatch(), late.dispatch()]
        others = await bystander.dispatch_many(range(20))
        assert [await other.result_async(5) for other in others] == list(range(20))
        for handle in both:
            error = await error_of(handle)
            assert isinstance(error, JobFailedError)
            assert error.error_type == "TimeoutError"
            assert "ran longer than 0.2 s" in str(error)
        assert time.monotonic() - started_s < 3
        for handle in both:
            assert (await handle.info_async()).attempt == 1


async def test_an_async_handler_that_ignores_every_cancel_loses_its_job_within_3_s(app: Taskora) -> None:
    stop, swallowed = asyncio.Event(), 0

    @app.task("stubborn", timeout=LIMIT)
    async def stubborn() -> None:
        nonlocal swallowed
        while not stop.is_set():
            try:
                await stop.wait()
            except asyncio.CancelledError:
                swallowed += 1

    @app.task("bystander")
    async def bystander(n: int) -> int:
        return n

    async with working(app):
        started_s = time.monotonic()
        error = await error_of(stubborn.dispatch())
        assert time.monotonic() - started_s < 3
        assert isinstance(error, JobFailedError)
        assert error.error_type == "TimeoutError"
        assert swallowed >= 1
        assert await bystander.dispatch(1).result_async(5) == 1
        stop.set()
        await wait_until_async(lambda: not [t for t in asyncio.all_tasks() if "stubborn" in str(t.get_stack())])


async def test_a_thread_that_ignores_every_interruption_is_replaced(app: Taskora, release: threading.Event) -> None:
    ignored: list[int] = []

    @app.task("stubborn", timeout=LIMIT)
    def stubborn(n: int) -> int:
        if n == 0:
            while not release.is_set():
                with contextlib.suppress(BaseException):
                    time.sleep(0.01)
            ignored.append(n)
        return n

    async with working(app):
        first, *rest = await stubborn.dispatch_many(range(6))
        error = await error_of(first, 3)
        assert isinstance(error, JobFailedError)
        assert error.error_type == "TimeoutError"
        assert [await handle.result_async(5) for handle in rest] == [1, 2, 3, 4, 5]
        release.set()
        await wait_until_async(lambda: ignored)
        assert [await h.result_async(5) for h in await stubborn.dispatch_many([7, 8, 9])] == [7, 8, 9]


async def test_threads_given_up_again_and_again_leave_the_pool_whole(app: Taskora, release: threading.Event) -> None:
    @app.task("nap", timeout="20ms", concurrency=2)
    def nap(n: int) -> int:
        if n % 2:
            release.wait()
        return n

    async with working(app):
        handles = await nap.dispatch_many(range(8))
        for n, handle in enumerate(handles):
            if n % 2:
                assert isinstance(await error_of(handle), JobFailedError)
            else:
                assert await handle.result_async(10) == n


async def test_the_signal_fires_first_and_a_cooperative_handler_ends_by_itself(app: Taskora) -> None:
    @app.task("kind", timeout=LIMIT)
    async def kind(_: int, ctx: Context) -> str:
        await ctx.signal.wait()
        return str(ctx.signal.reason)

    @app.task("kind-thread", timeout=LIMIT)
    def kind_thread(_: int, ctx: Context) -> str:
        while not ctx.signal.aborted:
            time.sleep(0.005)
        return str(ctx.signal.reason)

    async with working(app):
        handles = [kind.dispatch(1), kind_thread.dispatch(1)]
        assert [await handle.result_async(5) for handle in handles] == ["timeout", "timeout"]


async def test_raise_if_aborted_raises_our_timeout(app: Taskora) -> None:
    raised: list[BaseException] = []

    @app.task("kind", timeout=LIMIT)
    def kind(_: int, ctx: Context) -> None:
        try:
            while True:
                ctx.signal.raise_if_aborted()
                time.sleep(0.005)
        except BaseException as error:
            raised.append(error)
            raise

    async with working(app):
        assert isinstance(await error_of(kind.dispatch(1)), JobFailedError)
    assert isinstance(raised[0], TimeoutError)


async def test_a_thread_is_interrupted_with_what_handlers_do_not_catch(app: Taskora) -> None:
    raised: list[BaseException] = []

    @app.task("spin", timeout=LIMIT)
    def spin() -> None:
        try:
            spins()
        except BaseException as error:
            raised.append(error)
            raise

    async with working(app):
        await error_of(spin.dispatch())
    assert isinstance(raised[0], Interrupted)
    assert not isinstance(raised[0], Exception)


async def test_a_timeout_is_retried_only_when_the_task_says_so(engine: Engine, app: Taskora) -> None:
    app.task("plain", forever, timeout="50ms", retry=Retry(attempts=3, delay=0))
    retry = Retry(attempts=3, delay=0, retry_on=(TimeoutError,))
    app.task("again", forever, timeout="50ms", retry=retry)
    async with working(app):
        handles = {name: app.tasks[name].dispatch() for name in ("plain", "again")}
        for handle in handles.values():
            assert isinstance(await error_of(handle), JobFailedError)
        assert engine.events("plain", handles["plain"].id).count("active") == 1
        assert engine.events("again", handles["again"].id).count("active") == 3


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_w5_what_a_handler_reports_after_its_timeout_is_not_written_into_the_run_that_followed(
    app: Taskora, release: threading.Event, kind: str
) -> None:
    ran, reported = list[int](), list[int]()
    retry = Retry(attempts=2, delay=0, retry_on=(TimeoutError,))

    def report(ctx: Context) -> int:
        ctx.progress(ctx.attempt)
        ctx.log.info("report", run=ctx.attempt)
        return ctx.attempt

    @app.task("async", timeout=LIMIT, retry=retry)
    async def on_loop(_: int, ctx: Context) -> int:
        ran.append(ctx.attempt)
        while ctx.attempt == 1 and not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
        reported.append(report(ctx))
        if ctx.attempt == 2:
            await ctx.signal.wait()
        return ctx.attempt

    @app.task("sync", timeout=LIMIT, retry=retry)
    def in_thread(_: int, ctx: Context) -> int:
        ran.append(ctx.attempt)
        while ctx.attempt == 1 and not release.is_set():
            with contextlib.suppress(BaseException):
                time.sleep(0.01)
        reported.append(report(ctx))
        while ctx.attempt == 2 and not ctx.signal.aborted:
            time.sleep(0.01)
        return ctx.attempt

    async with working(app):
        handle = await app.tasks[kind].dispatch(1)
        await wait_until_async(lambda: reported == [2], 30)
        release.set()
        await wait_until_async(lambda: reported == [2, 1], 30)
        await ended(handle)
        await wait_until_async(lambda: not [t for t in asyncio.all_tasks() if "_write_all" in repr(t)], 30)
        assert ran == [1, 2]
        assert await handle.progress_async() == 2
        assert [entry.meta for entry in await handle.logs_async()] == [{"run": 2}]


async def test_the_timeout_counts_for_each_attempt_anew(app: Taskora) -> None:
    @app.task("often", timeout="250ms", retry=Retry(attempts=4, delay=0))
    async def often(_: int, ctx: Context) -> int:
        await asyncio.sleep(0.09)
        if ctx.attempt < 4:
            raise ValueError("again")
        return ctx.attempt

    async with working(app):
        assert await often.dispatch(1).result_async(5) == 4
