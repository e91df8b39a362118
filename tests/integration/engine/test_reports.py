"""What a handler reports is stored before its job ends, from a loop and from a thread; its context is its own."""

import asyncio
import contextvars
import threading
from datetime import UTC, datetime, timedelta

import pytest

from integration.engine.kit import Engine, error_of, working
from taskora import Context, JobFailedError, Taskora

seen = contextvars.ContextVar[str]("seen", default="nothing")


@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
async def test_progress_and_logs_are_stored_in_order_before_the_end(engine: Engine, app: Taskora, sync: bool) -> None:
    def report(n: int, ctx: Context) -> int:
        for at in range(n):
            ctx.progress({"at": at})
            ctx.log.info(f"line {at}", at=at)  # noqa: G004 - it is no logger
        ctx.log.warn("careful")  # noqa: G010 - it is no logger
        ctx.log.error("half \udc00", what=object(), text="\udc00")  # what JSON cannot express is told as text
        ctx.heartbeat()
        return n

    async def report_async(n: int, ctx: Context) -> int:
        return report(n, ctx)

    task = app.task("report", report if sync else report_async)
    async with working(app):
        handle = task.dispatch(50)
        assert await handle.result_async(5) == 50
        assert await handle.progress_async() == {"at": 49}
        logs = await handle.logs_async()
        assert [entry.message for entry in logs[:50]] == [f"line {at}" for at in range(50)]
        assert [entry.level for entry in logs[50:]] == ["warn", "error"]
        assert logs[7].meta == {"at": 7}
        assert abs(logs[0].timestamp - datetime.now(UTC)) < timedelta(seconds=10)
        events = engine.events("report", handle.id)
        assert events[-1] == "completed"
        assert events[-2] == "progress"


async def test_reports_of_a_failing_run_are_kept(app: Taskora) -> None:
    @app.task("boom")
    async def boom(_: int, ctx: Context) -> None:
        ctx.log.info("so far")
        ctx.progress(10)
        raise ValueError("no further")

    async with working(app):
        handle = boom.dispatch(1)
        assert isinstance(await error_of(handle), JobFailedError)
        assert [entry.message for entry in await handle.logs_async()] == ["so far"]
        assert await handle.progress_async() == 10


async def test_a_progress_that_is_no_json_value_fails_its_job_only(app: Taskora) -> None:
    @app.task("odd")
    async def odd(n: int, ctx: Context) -> int:
        ctx.progress(object() if n else 1)
        return n

    async with working(app):
        wrong, right = await odd.dispatch_many([1, 0])
        error = await error_of(wrong)
        assert isinstance(error, JobFailedError)
        assert error.error_type == "SerializationError"
        assert await right.result_async(5) == 0


async def test_a_handler_sees_its_job(app: Taskora) -> None:
    found: list[Context] = []

    @app.task("look")
    async def look(_: int, ctx: Context) -> None:
        found.append(ctx)

    async with working(app):
        before = datetime.now(UTC)
        handle = look.dispatch(1)
        await handle.result_async(5)
    (ctx,) = found
    assert (ctx.id, ctx.task, ctx.attempt, ctx.max_attempts) == (handle.id, "look", 1, 1)
    assert abs(ctx.timestamp - before) < timedelta(seconds=1)
    assert not ctx.signal.aborted
    assert ctx.signal.reason is None
    ctx.signal.raise_if_aborted()


async def test_context_variables_do_not_leak_from_job_to_job(app: Taskora) -> None:
    @app.task("async-var")
    async def async_var(n: int) -> str:
        before = seen.get()
        seen.set(f"job {n}")
        await asyncio.sleep(0)
        return before

    @app.task("sync-var")
    def sync_var(n: int) -> str:
        before = seen.get()
        seen.set(f"job {n}")
        return before

    token = seen.set("the application's")
    try:
        async with working(app):
            for task in (async_var, sync_var):
                handles = await task.dispatch_many(range(10))
                values = {await handle.result_async(5) for handle in handles}
                assert values == {"the application's"}
    finally:
        seen.reset(token)


async def test_a_thread_runs_handlers_without_a_loop_and_may_run_its_own(app: Taskora) -> None:
    @app.task("own-loop")
    def own_loop() -> str:
        async def inside() -> str:
            await asyncio.sleep(0)
            return threading.current_thread().name

        return asyncio.run(inside())

    async with working(app):
        assert (await own_loop.dispatch().result_async(5)).startswith("taskora-handler")


async def test_a_handler_may_dispatch_and_wait_from_its_thread(app: Taskora) -> None:
    @app.task("child")
    async def child(n: int) -> int:
        return n + 1

    @app.task("parent")
    def parent(n: int) -> int:
        return child.dispatch(n).result(5)

    async with working(app):
        assert await parent.dispatch(1).result_async(8) == 2
