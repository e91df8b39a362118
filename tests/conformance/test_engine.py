"""An application on any adapter, with a worker at work: what a user sees is the same everywhere."""

import asyncio
import threading
import time
from typing import Any

import pytest

from conformance.adapters import NoServer, adapter_on
from conformance.kit import PATIENCE_S, soon, working
from support import Server, forever, wait_until, wait_until_async
from taskora import (
    CancelledError,
    Context,
    ExpiredError,
    JobFailedError,
    JobNotFoundError,
    Keep,
    Retention,
    Retry,
    Task,
    Taskora,
    TimeoutError,
    Ttl,
)


async def test_a_result_comes_back(app: Taskora) -> None:
    @app.task
    async def double_task(n: int) -> int:
        return 2 * n

    @app.task
    def triple_task(n: int) -> int:
        return 3 * n

    async with working(app):
        first, second = await double_task.dispatch(2), await triple_task.dispatch(2)
        assert await first.result_async(PATIENCE_S) == 4
        assert await second.result_async(PATIENCE_S) == 6
        assert await first.state_async() == "completed"


def test_plain_code_waits_for_a_worker_in_another_thread(app: Taskora) -> None:
    @app.task
    def double_task(n: int) -> int:
        return 2 * n

    stop = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def work() -> None:
        async with working(app):
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(work(),))
    thread.start()
    try:
        handles = [double_task.dispatch(n) for n in range(10)]
        assert [handle.result(PATIENCE_S) for handle in handles] == [2 * n for n in range(10)]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
        app.close()


async def test_many_jobs_all_run_once(app: Taskora) -> None:
    runs: list[int] = []

    @app.task(concurrency=20)
    async def note_task(n: int) -> int:
        runs.append(n)
        await asyncio.sleep(0)
        return n

    async with working(app):
        handles = await note_task.dispatch_many(list(range(500)))
        assert await asyncio.gather(*(handle.result_async(PATIENCE_S) for handle in handles)) == list(range(500))
    assert sorted(runs) == list(range(500))


async def test_a_failed_job_is_retried_and_then_succeeds(app: Taskora) -> None:
    attempts: list[int] = []

    @app.task(retry=Retry(attempts=3, backoff="fixed", delay=0.01))
    async def flaky_task(n: int, ctx: Context) -> int:
        attempts.append(ctx.attempt)
        if ctx.attempt < 3:
            raise ValueError("not yet")
        return n

    async with working(app):
        assert await (await flaky_task.dispatch(7)).result_async(PATIENCE_S) == 7
    assert attempts == [1, 2, 3]


async def test_a_job_that_fails_for_good_tells_why(app: Taskora) -> None:
    @app.task(retry=Retry(attempts=2, backoff="fixed", delay=0.01))
    async def bad_task(n: int) -> int:
        raise ValueError(f"bad {n}")

    async with working(app):
        handle = await bad_task.dispatch(1)
        with pytest.raises(JobFailedError, match="bad 1") as caught:
            await handle.result_async(PATIENCE_S)
        assert (caught.value.error_type, caught.value.task) == ("ValueError", "bad")
        info = await handle.info_async()
        assert (info.state, info.attempt) == ("failed", 2)


async def test_a_job_that_takes_too_long_ends(app: Taskora) -> None:
    @app.task(timeout=0.05)
    async def slow_task(n: int) -> int:
        await forever()
        return n

    async with working(app):
        handle = await slow_task.dispatch(1)
        with pytest.raises(JobFailedError) as caught:
            await handle.result_async(PATIENCE_S)
        assert caught.value.error_type == "TimeoutError"


async def test_a_running_job_is_cancelled(app: Taskora) -> None:
    running = asyncio.Event()

    @app.task
    async def long_task(n: int) -> int:
        running.set()
        await forever()
        return n

    async with working(app):
        handle = await long_task.dispatch(1)
        await soon(running.wait())
        assert await handle.cancel_async("enough") == "flagged"
        with pytest.raises(CancelledError, match="enough"):
            await handle.result_async(PATIENCE_S)


async def test_a_waiting_job_is_cancelled(app: Taskora) -> None:
    @app.task
    async def never_task(n: int) -> int:
        return n

    handle = await never_task.dispatch(1, delay="1h")
    assert await handle.cancel_async("enough") == "cancelled"
    with pytest.raises(CancelledError, match="enough"):
        await handle.result_async(PATIENCE_S)
    await app.close_async()


async def test_a_delayed_job_runs_at_its_time(app: Taskora) -> None:
    @app.task
    async def now_task(n: int) -> float:
        return time.monotonic()

    async with working(app):
        began_s = time.monotonic()
        handle = await now_task.dispatch(1, delay=0.15)
        assert 0.14 < await handle.result_async(PATIENCE_S) - began_s < 1


async def test_a_job_that_nobody_ran_in_time_expires(app: Taskora) -> None:
    @app.task(ttl=Ttl(0.01))
    async def fresh_task(n: int) -> int:
        return n

    handle = await fresh_task.dispatch(1)
    begun_s = time.monotonic()
    await wait_until_async(lambda: time.monotonic() > begun_s + 0.02)
    async with working(app):
        with pytest.raises(ExpiredError):
            await handle.result_async(PATIENCE_S)


async def test_progress_and_logs_can_be_read(app: Taskora) -> None:
    @app.task
    async def telling_task(n: int, ctx: Context) -> int:
        ctx.progress({"done": n})
        ctx.log.info("half way", at=n)
        return n

    async with working(app):
        handle = await telling_task.dispatch(5)
        await handle.result_async(PATIENCE_S)
        assert await handle.progress_async() == {"done": 5}
        assert [(entry.message, entry.meta) for entry in await handle.logs_async()] == [("half way", {"at": 5})]


async def test_a_result_that_does_not_come_in_time_leaves_the_job_alone(app: Taskora) -> None:
    @app.task
    async def idle_task(n: int) -> int:
        return n

    handle = await idle_task.dispatch(1)
    with pytest.raises(TimeoutError):
        await handle.result_async(0.02)
    assert await handle.state_async() == "waiting"
    with pytest.raises(JobNotFoundError):
        await idle_task.handle("nobody").result_async(PATIENCE_S)
    await app.close_async()


async def test_a_given_id_makes_dispatch_idempotent(app: Taskora) -> None:
    runs: list[int] = []

    @app.task
    async def once_task(n: int) -> int:
        runs.append(n)
        return n

    async with working(app):
        first = await once_task.dispatch(1, job_id="order-1")
        assert await first.result_async(PATIENCE_S) == 1
        second = await once_task.dispatch(2, job_id="order-1")
        assert (first.enqueued, second.enqueued, second.existing_id) == (True, False, "order-1")
        assert await second.result_async(PATIENCE_S) == 1
    assert runs == [1]


async def test_retention_removes_what_is_too_many(server: Server | NoServer, prefix: str) -> None:
    keep = Retention(completed=Keep("1h", 3, min_age=0))
    app = Taskora(adapter_on(server, prefix), retention=keep)

    @app.task(concurrency=10)
    async def quick_task(n: int) -> int:
        return n

    async with working(app):
        await quick_task.dispatch_many(list(range(20)))

        async def trimmed() -> bool:
            stats = await app.inspect().stats_async("quick")
            return stats.waiting + stats.active == 0 and stats.completed == 3

        await wait_until_async(trimmed, 10)


async def test_jobs_of_a_worker_that_is_closed_early_wait_for_the_next(server: Server | NoServer, prefix: str) -> None:
    adapter = adapter_on(server, prefix)
    first, second = Taskora(adapter), Taskora(adapter)
    running = asyncio.Event()

    async def held(n: int) -> int:
        running.set()
        await forever()
        return n

    async def free(n: int) -> int:
        return n + 1

    task = first.task("t", held)
    second.task("t", free)
    await first.start()
    handle = await task.dispatch(1)
    await soon(running.wait())
    await first.close_async(0)
    async with working(second):
        assert await second.find_task("t").handle(handle.id).result_async(PATIENCE_S) == 2


async def test_two_workers_share_the_work(server: Server | NoServer, prefix: str) -> None:
    adapter = adapter_on(server, prefix)
    done_by: dict[int, list[int]] = {0: [], 1: []}
    apps = [Taskora(adapter) for _ in range(2)]

    def worker(number: int) -> Any:
        async def share(n: int) -> None:
            done_by[number].append(n)
            await asyncio.sleep(0.005)

        return share

    tasks: list[Task[Any, Any]] = [app.task("share", worker(number)) for number, app in enumerate(apps)]
    async with working(apps[0]), working(apps[1]):
        handles = await tasks[0].dispatch_many(list(range(40)))
        await asyncio.gather(*(handle.result_async(PATIENCE_S) for handle in handles))
    assert sorted(done_by[0] + done_by[1]) == list(range(40))
    assert done_by[0]
    assert done_by[1]


async def test_the_inspector_sees_what_there_is(app: Taskora) -> None:
    @app.task
    async def good_task(n: int) -> int:
        return n

    async with working(app):
        handle = await good_task.dispatch(3)
        await handle.result_async(PATIENCE_S)
        inspector = app.inspect()
        (job,) = await inspector.completed_async()
        assert (job.id, job.result) == (handle.id, 3)
        found = await inspector.find_async(handle.id)
        assert found is not None
        assert found.id == handle.id

        async def registered() -> bool:
            return len(await inspector.workers_async()) == 1

        await wait_until_async(registered)


def test_without_a_worker_dispatch_stores_and_a_later_worker_runs(app: Taskora) -> None:
    @app.task
    def later_task(n: int) -> int:
        return n + 1

    handle = later_task.dispatch(1)
    assert handle.state() == "waiting"

    async def work() -> int:
        async with working(app):
            return await handle.result_async(PATIENCE_S)

    assert asyncio.run(work()) == 2
    wait_until(lambda: handle.state() == "completed")
    app.close()
