"""Middleware around handlers, on a real server."""

import asyncio
import contextvars
import inspect
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest

from integration.engine.kit import PATIENCE_S, Engine, ended, error_of, open_app, working
from support import forever, wait_until_async
from taskora import (
    ConfigError,
    Context,
    JobFailedError,
    MiddlewareContext,
    Next,
    Retry,
    Taskora,
)

marks: contextvars.ContextVar[str] = contextvars.ContextVar("marks", default="")


@dataclass
class Order:
    count: int
    note: str = ""


def traced(name: str, trace: list[str]) -> Any:
    async def middleware(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002 - as the documentation has it
        trace.append(f"{name} in")
        await next()
        trace.append(f"{name} out")

    return middleware


async def test_the_applications_stand_around_the_tasks_and_each_around_the_next(app: Taskora) -> None:
    trace: list[str] = []
    app.use(traced("first", trace))

    async def run(n: int) -> int:
        trace.append("handler")
        return n

    task = app.task("traced", run, middleware=[traced("own", trace), traced("inner", trace)])
    app.use(traced("second", trace))
    async with working(app):
        assert await task.dispatch(3).result_async(PATIENCE_S) == 3
    names = ["first", "second", "own", "inner"]
    assert trace == [*(f"{name} in" for name in names), "handler", *(f"{name} out" for name in reversed(names))]


async def test_a_middleware_of_one_task_leaves_the_others_alone(app: Taskora) -> None:
    trace: list[str] = []

    @app.task(middleware=[traced("own", trace)])
    async def with_it(n: int) -> int:
        return n

    @app.task
    async def without(n: int) -> int:
        return n

    async with working(app):
        assert await without.dispatch(1).result_async(PATIENCE_S) == 1
        assert trace == []
        assert await with_it.dispatch(1).result_async(PATIENCE_S) == 1
        assert trace == ["own in", "own out"]


@pytest.mark.parametrize("threaded", [False, True])
async def test_it_reads_and_changes_the_checked_payload_and_the_result(app: Taskora, threaded: bool) -> None:
    seen: list[object] = []

    @app.use
    async def change(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        seen.append((ctx.task, ctx.data, ctx.result, ctx.attempt))
        ctx.data = Order(ctx.data.count + 1, "changed")
        await next()
        seen.append(ctx.result)
        ctx.result = {**ctx.result, "by": "v2"}

    async def on_loop(order: Order) -> dict[str, Any]:
        return {"count": order.count, "note": order.note}

    def in_thread(order: Order) -> dict[str, Any]:
        return {"count": order.count, "note": order.note}

    task = app.task("threaded", in_thread) if threaded else app.task("looped", on_loop)
    async with working(app):
        result = await task.dispatch(Order(1)).result_async(PATIENCE_S)
    assert result == {"count": 2, "note": "changed", "by": "v2"}
    assert seen == [(task.name, Order(1), None, 1), {"count": 2, "note": "changed"}]


async def test_a_middleware_that_does_not_go_on_leaves_the_handler_out(app: Taskora) -> None:
    calls: list[int] = []

    async def cached(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        if ctx.data == 0:
            return
        if ctx.data == 1:
            ctx.result = 11
            return
        await next()

    async def run(n: int) -> int | None:
        calls.append(n)
        return n

    task = app.task("cached", run, middleware=[cached])
    async with working(app):
        results = [await task.dispatch(n).result_async(PATIENCE_S) for n in range(3)]
    assert results == [None, 11, 2]
    assert calls == [2]


async def test_the_result_is_checked_as_middleware_leaves_it(app: Taskora) -> None:
    async def spoil(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        await next()
        ctx.result = "no number"

    async def run(n: int) -> int:
        return n

    task = app.task("spoiled", run, middleware=[spoil])
    async with working(app):
        error = await error_of(task.dispatch(1))
    assert isinstance(error, JobFailedError)
    assert error.error_type == "ValidationError"


async def test_the_payload_is_checked_before_any_middleware_sees_it(app: Taskora) -> None:
    trace: list[str] = []

    async def run(n: int) -> int:
        return n

    task = app.task("strict", run, middleware=[traced("own", trace)])
    async with working(app):
        error = await error_of(task.dispatch("x", skip_validation=True))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - the point of it
    assert isinstance(error, JobFailedError)
    assert error.error_type == "ValidationError"
    assert trace == []


@pytest.mark.parametrize("threaded", [False, True])
async def test_errors_pass_through_and_may_be_replaced_or_swallowed(app: Taskora, threaded: bool) -> None:
    seen: list[str] = []

    @app.use
    async def watch(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        try:
            await next()
        except ValueError as error:
            seen.append(str(error))
            ctx.log.error("task failed", error=str(error))
            if ctx.data == 2:
                raise KeyError("replaced") from error
            if ctx.data == 1:
                raise

    def fail(n: int) -> int | None:
        raise ValueError(f"broken {n}")

    async def fail_on_loop(n: int) -> int | None:
        return fail(n)

    task = app.task("failing", fail) if threaded else app.task("failing", fail_on_loop)
    async with working(app):
        first, second = await error_of(task.dispatch(1)), await error_of(task.dispatch(2))
        handle = await task.dispatch(3)
        assert await handle.result_async(PATIENCE_S) is None
        (line,) = await handle.logs_async()
    assert isinstance(first, JobFailedError)
    assert isinstance(second, JobFailedError)
    assert (first.error_type, second.error_type) == ("ValueError", "KeyError")
    assert seen == ["broken 1", "broken 2", "broken 3"]
    assert line.meta == {"error": "broken 3"}


async def test_an_error_of_a_middleware_is_retried_like_the_handlers(app: Taskora) -> None:
    async def shaky(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        if ctx.attempt == 1:
            raise ValueError("not yet")
        await next()

    async def run(n: int) -> int:
        return n

    task = app.task("shaky", run, middleware=[shaky], retry=Retry(attempts=2, delay=0))
    async with working(app):
        assert await task.dispatch(5).result_async(PATIENCE_S) == 5


async def test_going_on_twice_is_refused(app: Taskora) -> None:
    runs: list[int] = []

    async def twice(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        await next()
        await next()

    async def run(n: int) -> int:
        runs.append(n)
        return n

    task = app.task("twice", run, middleware=[twice])
    async with working(app):
        assert "called next() twice" in str(await error_of(task.dispatch(1)))
    assert runs == [1]


@pytest.mark.parametrize("threaded", [False, True])
async def test_context_variables_of_a_middleware_reach_the_handler(app: Taskora, threaded: bool) -> None:
    @app.use
    async def mark(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        marks.set(f"job {ctx.data}")
        await next()

    def plain(n: int) -> str:
        assert threading.current_thread() is not threading.main_thread()
        return marks.get()

    async def looped(n: int) -> str:
        return marks.get()

    task = app.task("plain", plain) if threaded else app.task("looped", looped)
    async with working(app):
        assert await task.dispatch(7).result_async(PATIENCE_S) == "job 7"
    assert marks.get() == ""


async def test_a_handler_that_asks_for_a_context_shares_the_middlewares(app: Taskora) -> None:
    contexts: list[Context] = []

    async def remember(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        contexts.append(ctx)
        await next()

    async def run(n: int, ctx: Context) -> int:
        contexts.append(ctx)
        return n

    task = app.task("shared", run, middleware=[remember])
    async with working(app):
        await task.dispatch(1).result_async(PATIENCE_S)
    assert contexts[0] is contexts[1]


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_timeout_ends_a_middleware_that_waits(app: Taskora, where: str) -> None:
    ends: list[str] = []

    async def slow(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        try:
            if where == "after":
                await next()
            await forever()
        except asyncio.CancelledError:
            ends.append(str(ctx.signal.reason))
            raise

    def run(n: int) -> int:
        return n

    task = app.task("slow", run, middleware=[slow], timeout="50ms")
    async with working(app):
        error = await error_of(task.dispatch(1))
    assert isinstance(error, JobFailedError)
    assert error.error_type == "TimeoutError"
    assert ends == ["timeout"]


async def test_a_cancel_reaches_the_thread_and_then_the_middleware_around_it(app: Taskora) -> None:
    begun, ends = threading.Event(), list[str]()

    async def around(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        try:
            await next()
        finally:
            ends.append("middleware")

    def spin(n: int) -> int:
        begun.set()
        try:
            while True:
                time.sleep(0.001)
        finally:
            ends.append("handler")

    task = app.task("spin", spin, middleware=[around])
    async with working(app):
        handle = await task.dispatch(1)
        await wait_until_async(begun.is_set)
        assert await handle.cancel_async("enough") == "flagged"
        assert await ended(handle) == "cancelled"
    assert ends == ["handler", "middleware"]


async def test_a_middleware_that_goes_on_after_its_interrupted_thread_does_not_keep_the_job(
    app: Taskora, caplog: pytest.LogCaptureFixture
) -> None:
    begun, waits = threading.Event(), asyncio.Event()

    async def stubborn(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        try:
            await next()
        except BaseException:  # noqa: BLE001 - what nobody should write
            await waits.wait()

    def spin(n: int) -> int:
        begun.set()
        while True:
            time.sleep(0.001)

    task = app.task("stubborn", spin, middleware=[stubborn])
    async with working(app):
        handle = await task.dispatch(1)
        await wait_until_async(begun.is_set)
        await handle.cancel_async()
        assert await ended(handle) == "cancelled"
    assert "goes on although it was cancelled" in caplog.text


async def test_nothing_is_added_once_the_process_works(app: Taskora) -> None:
    @app.task
    async def idle(n: int) -> int:
        return n

    async with working(app):
        with pytest.raises(ConfigError, match="before start"):
            app.use(traced("late", []))


async def test_what_is_no_async_function_is_refused(engine: Engine) -> None:
    async with open_app(engine.app()) as app:

        def plain(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
            return

        async def run(n: int) -> int:
            return n

        wrong: Any = plain
        with pytest.raises(ConfigError, match="use: expected an async function"):
            app.use(wrong)
        with pytest.raises(ConfigError, match="middleware: expected an async function"):
            app.task("run", run, middleware=[wrong])
        with pytest.raises(ConfigError, match="middleware: expected a list"):
            app.task("run", run, middleware=wrong)


async def test_a_job_without_middleware_runs_in_the_coroutines_that_it_had(app: Taskora) -> None:
    stacks: list[list[str]] = []

    async def run(n: int) -> int:
        frame, names = inspect.currentframe(), list[str]()
        while frame is not None and not frame.f_globals["__name__"].startswith("asyncio"):
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        stacks.append(names)
        return n

    async def through(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002
        await next()

    plain, wrapped = app.task("plain", run), app.task("wrapped", run, middleware=[through])
    async with working(app):
        await plain.dispatch(1).result_async(PATIENCE_S)
        await wrapped.dispatch(1).result_async(PATIENCE_S)
    assert stacks[0] == ["run", "_on_loop", "_call", "outcome", "_live"]
    assert "through" in stacks[1]
