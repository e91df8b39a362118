"""A worker claims what it has room for, at once, and when it is due."""

import asyncio
import threading
import time
from collections import Counter

import pytest

from integration.engine.kit import Engine, gated, working
from support import wait_until, wait_until_async
from taskora import AdapterError, ConfigError, Job, Taskora


async def test_async_jobs_run_as_many_at_a_time_as_the_task_allows(app: Taskora) -> None:
    now, most = 0, 0

    @app.task("busy", concurrency=3)
    async def busy(n: int) -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return n

    async with working(app):
        handles = await busy.dispatch_many(range(20))
        assert [await handle.result_async(5) for handle in handles] == list(range(20))
    assert most == 3


async def test_sync_jobs_run_as_many_at_a_time_as_the_task_allows(app: Taskora) -> None:
    running: list[int] = []
    counts: list[int] = []

    @app.task("busy", concurrency=3)
    def busy(n: int) -> int:
        running.append(n)
        counts.append(len(running))
        time.sleep(0.01)
        running.remove(n)
        return n

    async with working(app):
        handles = await busy.dispatch_many(range(20))
        assert [await handle.result_async(5) for handle in handles] == list(range(20))
    assert max(counts) == 3


async def test_a_full_task_does_not_delay_the_others(app: Taskora) -> None:
    full, gate, runs = gated(app, "full")

    @app.task("quick")
    async def quick(n: int) -> int:
        return n

    async with working(app):
        full.dispatch_many([1, 2, 3])
        await wait_until_async(lambda: runs)
        for n in range(10):
            started_s = time.monotonic()
            assert await quick.dispatch(n).result_async(5) == n
            assert time.monotonic() - started_s < 0.5
        gate.set()


async def test_a_task_that_was_full_takes_its_next_job_at_once(app: Taskora) -> None:
    """The wait that began while it was full does not cover it; its slowest second would be the fallback."""
    full, gate, runs = gated(app, "full")

    @app.task("other")
    async def other(n: int) -> int:
        return n

    async with working(app):
        for n in range(5):
            gate.clear()
            first = full.dispatch(n)
            await wait_until_async(lambda n=n: len(runs) == 2 * n + 1)  # type: ignore[misc]  # the loop's own value
            gate.set()
            await first.result_async(5)
            started_s = time.monotonic()
            await full.dispatch(n).result_async(5)
            assert time.monotonic() - started_s < 0.1


async def test_a_delayed_job_starts_within_50_ms_of_its_time_on_an_idle_worker(app: Taskora) -> None:
    started: dict[int, float] = {}

    @app.task("later", concurrency=10)
    async def later(n: int) -> None:
        started[n] = time.time()

    delays = [0.2, 0.45, 0.3]

    async def lateness() -> list[float]:
        begin = time.time()
        for handle in await later.dispatch_many([Job(at, delay=delay) for at, delay in enumerate(delays)]):
            await handle.result_async(5)
        return [started[at] - begin - delay for at, delay in enumerate(delays)]

    async with working(app):
        late = [await lateness() for _ in range(3)]
    assert min(map(min, late)) >= -0.002
    assert min(map(max, late)) < 0.05  # of three, since the machine that the tests share is busy at times


async def test_a_job_delayed_beyond_the_fallback_starts_in_time_too(app: Taskora) -> None:
    @app.task("later")
    async def later() -> float:
        return time.time()

    async with working(app):
        begin = time.time()
        handles = [later.dispatch(delay=delay) for delay in (1.3, 1.5, 1.7)]
        late = [await handle.result_async(5) - begin for handle in handles]
    assert min(late[0] - 1.3, late[1] - 1.5, late[2] - 1.7) >= -0.002
    assert min(late[0] - 1.3, late[1] - 1.5, late[2] - 1.7) < 0.05


async def test_a_job_delayed_by_an_hour_costs_an_idle_worker_nothing(engine: Engine, app: Taskora) -> None:
    @app.task("later")
    async def later() -> None: ...

    async def cost() -> int:
        engine.reset_calls()
        await wait_until_async(lambda: engine.calls("bzpopmin") >= 2, 8)
        return engine.calls("evalsha")

    async with working(app):
        without = await cost()
        await later.dispatch(delay="1h")
        await asyncio.sleep(0)
        assert await cost() <= without + 3


async def test_two_workers_share_the_jobs_and_run_each_once(engine: Engine) -> None:
    seen: Counter[int] = Counter()
    apps = [engine.app(), engine.app()]
    for app in apps:

        @app.task("count", concurrency=10)
        async def count(n: int) -> None:
            seen[n] += 1
            await asyncio.sleep(0)

    async with working(apps[0]), working(apps[1]):
        handles = await apps[0].tasks["count"].dispatch_many(range(500))
        for handle in handles:
            await handle.result_async(10)
    assert seen == Counter(range(500))


async def test_a_higher_priority_runs_first(app: Taskora) -> None:
    order: list[int] = []

    @app.task("ranked")
    async def ranked(n: int) -> None:
        order.append(n)

    await ranked.dispatch_many([Job(1), Job(2, priority=5), Job(3, priority=900), Job(4)])
    async with working(app):
        await wait_until_async(lambda: len(order) == 4)
    assert order == [3, 2, 1, 4]


async def test_an_application_can_work_again_after_it_was_closed(app: Taskora) -> None:
    @app.task("again")
    async def again(n: int) -> int:
        return n

    for n in range(3):
        async with working(app):
            assert await again.dispatch(n).result_async(5) == n


async def test_starting_twice_is_refused_and_changes_nothing(app: Taskora) -> None:
    @app.task("one")
    async def one(n: int) -> int:
        return n

    async with working(app):
        with pytest.raises(ConfigError, match="already works"):
            await app.start()
        with pytest.raises(ConfigError, match="before start"):
            app.task("late", lambda: None)
        assert await one.dispatch(1).result_async(5) == 1


async def test_starting_without_a_task_says_so(app: Taskora) -> None:
    with pytest.raises(ConfigError, match="no task"):
        await app.start()


async def test_starting_without_a_server_fails_within_seconds() -> None:
    app = Taskora("redis://127.0.0.1:1")
    app.task("one", lambda: None)
    started_s = time.monotonic()
    with pytest.raises(AdapterError, match="server"):
        await app.start()
    assert time.monotonic() - started_s < 7
    await app.close_async()


def test_a_worker_in_a_thread_of_its_own_serves_plain_code(engine: Engine, app: Taskora) -> None:
    @app.task("double")
    def double(n: int) -> int:
        return n * 2

    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with working(app):
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert double.dispatch(21).result(5) == 42
        wait_until(lambda: engine.raw.zcard(engine.key("double", "completed")) == 1)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
