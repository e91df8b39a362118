"""Waiting for results costs two connections, however many wait, and ends when the job does."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from integration.engine.kit import Engine, error_of, gated, open_app, state_is, working
from support import Server, wait_until_async
from taskora import (
    AdapterError,
    CancelledError,
    ExpiredError,
    JobFailedError,
    JobNotFoundError,
    Keep,
    Retention,
    Taskora,
    TimeoutError,
)


async def test_a_wait_that_runs_out_leaves_the_job_alone(app: Taskora) -> None:
    task, gate, _ = gated(app)
    async with working(app):
        handle = task.dispatch(4)
        with pytest.raises(TimeoutError, match=r"did not end within 0\.05 s; it goes on") as raised:
            await handle.result_async("50ms")
        assert raised.value.timeout == 0.05
        gate.set()
        assert await handle.result_async(5) == 4


def test_a_wait_in_plain_code_runs_out_too(app: Taskora) -> None:
    task = app.task("idle", lambda: None)
    handle = task.dispatch()
    with pytest.raises(TimeoutError):
        handle.result(0.05)
    assert handle.state() == "waiting"
    assert handle.cancel("enough") == "cancelled"
    with pytest.raises(CancelledError) as raised:
        handle.result(5)
    assert raised.value.reason == "enough"


async def test_an_unknown_id_raises_at_once_and_names_retention(app: Taskora) -> None:
    task = app.task("one", lambda: None)
    async with open_app(app):
        for ask in (task.handle("nobody").result_async, task.handle("nobody").state_async, task.handle("n").info_async):
            started_s = time.monotonic()
            with pytest.raises(JobNotFoundError, match="retention") as raised:
                await ask()
            assert time.monotonic() - started_s < 1
            assert raised.value.task == "one"


async def test_each_end_raises_its_error_with_its_attributes(app: Taskora) -> None:
    @app.task("boom")
    async def boom() -> None:
        raise KeyError("k")

    idle = app.task("idle", lambda: None)
    async with open_app(app):
        stale = await idle.dispatch(ttl="1ms")
        gone = await idle.dispatch()
        await gone.cancel_async("changed my mind")
    async with working(app):
        failed = boom.dispatch()
        error = await error_of(failed)
        assert isinstance(error, JobFailedError)
        assert (error.job_id, error.task, error.error_type) == (failed.id, "boom", "KeyError")
        error = await error_of(gone)
        assert isinstance(error, CancelledError)
        assert (error.job_id, error.task, error.reason) == (gone.id, "idle", "changed my mind")
        error = await error_of(stale)
        assert isinstance(error, ExpiredError)
        assert (error.job_id, error.task) == (stale.id, "idle")


async def test_a_thousand_waiters_share_two_connections(server: Server, app: Taskora) -> None:
    task, gate, _ = gated(app, concurrency=1000)
    async with working(app):
        handles = await task.dispatch_many(range(1000))
        before = server.client_count()
        waits = [asyncio.ensure_future(handle.result_async(20)) for handle in handles]
        await asyncio.sleep(0.05)
        assert server.client_count() <= before + 2
        gate.set()
        assert await asyncio.gather(*waits) == list(range(1000))


def test_threads_of_plain_code_wait_at_the_same_time_on_two_connections(
    server: Server, engine: Engine, app: Taskora
) -> None:
    @app.task("double", concurrency=50)
    async def double(n: int) -> int:
        return n * 2

    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with working(engine_worker):
            ready.set()
            await stop.wait()

    engine_worker = engine.app()
    engine_worker.task("double", double.handler, concurrency=50)
    handles = [double.dispatch(n) for n in range(40)]
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    with ThreadPoolExecutor(10) as pool:
        waits = [pool.submit(handle.result, 10) for handle in handles]
        thread.start()
        try:
            assert [wait.result(10) for wait in waits] == [n * 2 for n in range(40)]
            assert threading.active_count() < 20
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)
            loop.close()


async def test_waiters_see_ends_that_happen_while_the_server_restarts() -> None:
    with Server("redis", appendonly=True) as server:
        app = Taskora(server.url)
        task, gate, runs = gated(app, concurrency=20)
        async with working(app):
            handles = await task.dispatch_many(range(20))
            waits = [asyncio.ensure_future(handle.result_async(20)) for handle in handles]
            await wait_until_async(lambda: len(runs) == 20)
            await asyncio.to_thread(server.kill)
            gate.set()
            await asyncio.to_thread(server.start)
            assert await asyncio.gather(*waits) == list(range(20))


async def test_a_result_is_read_as_the_tasks_output_type_from_another_process(engine: Engine, app: Taskora) -> None:
    @app.task("pair")
    async def pair(n: int) -> tuple[int, str]:
        return n, str(n)

    async with working(app):
        handle = await pair.dispatch(3)
        assert await handle.result_async(5) == (3, "3")
        other = engine.app()

        @other.task("pair")
        async def twin(n: int) -> tuple[int, str]:
            return n, ""

        assert await twin.handle(handle.id).result_async(5) == (3, "3")
        await other.close_async()


async def test_many_may_wait_for_one_job_and_each_wait_can_be_cancelled(app: Taskora) -> None:
    task, gate, runs = gated(app)
    async with working(app):
        handle = await task.dispatch(5)
        waits = [asyncio.ensure_future(handle.result_async(10)) for _ in range(10)]
        await wait_until_async(lambda: runs)
        for wait in waits[:5]:
            wait.cancel()
        gate.set()
        assert await asyncio.gather(*waits[5:]) == [5] * 5


async def test_who_still_waits_when_the_application_closes_is_told(app: Taskora) -> None:
    task = app.task("idle", lambda: None)
    async with open_app(app):
        handle = await task.dispatch()
        wait = asyncio.ensure_future(handle.result_async())
        await asyncio.sleep(0.05)
    with pytest.raises(AdapterError, match="closed"):
        await wait


async def test_a_job_that_retention_removes_ends_its_waiters_with_not_found(engine: Engine) -> None:
    app = engine.app(retention=Retention(completed=Keep(max_items=0, min_age=0)))
    task = app.task("idle", lambda: None)
    async with open_app(app):
        handle = await task.dispatch(delay=60)
        wait = asyncio.ensure_future(handle.result_async(10))
        await state_is(handle, "delayed")
        engine.raw.delete(engine.key("idle", handle.id))
        with pytest.raises(JobNotFoundError):
            await wait
