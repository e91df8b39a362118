"""What an adapter in memory does by time, it does by its clock."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from support import wait_until, wait_until_async
from taskora import Taskora
from taskora.adapters.lane import Lane
from taskora.adapters.memory import ManualClock, MemoryAdapter, SystemClock, memory_adapter
from taskora.adapters.memory.clock import sleep_ms
from taskora.errors import ConfigError
from taskora.model import Claimed, EnqueueSpec, NewJob, Settled, State, Want

START_MS = 1_795_544_727_026
TASK = "mail"
HOUR_MS = 3_600_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS)


@pytest.fixture
def adapter(clock: ManualClock) -> MemoryAdapter:
    return memory_adapter(clock)


def add(adapter: MemoryAdapter, job: NewJob) -> None:
    adapter.jobs.enqueue(TASK, EnqueueSpec(), [job]).run()


def open_lane(adapter: MemoryAdapter, worker: str = "w1") -> Lane:
    return adapter.leases.lane(worker, [TASK], 30_000, lambda _: ())


async def claim(lane: Lane) -> list[Claimed]:
    return (await lane.step([], [Want(TASK, 10)])).jobs


async def turn(count: int = 5) -> None:
    """Lets whoever can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_manual_clock_stands_still_until_it_is_moved(clock: ManualClock) -> None:
    assert clock.now_ms() == START_MS
    clock.advance(5)
    clock.advance(0)
    assert clock.now_ms() == START_MS + 5
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


def test_a_manual_clock_wakes_on_its_way_the_earliest_first(clock: ManualClock) -> None:
    woken: list[tuple[str, int]] = []

    def waker(name: str) -> Callable[[], None]:
        return lambda: woken.append((name, clock.now_ms() - START_MS))

    clock.call_at(START_MS + 20, waker("b"))
    clock.call_at(START_MS + 10, waker("a"))
    clock.call_at(START_MS + 20, waker("c"))
    forget = clock.call_at(START_MS + 15, waker("forgotten"))
    clock.call_at(START_MS + 21, waker("later"))
    assert clock.next_alarm_ms == START_MS + 10
    forget()
    forget()
    clock.advance(20)
    assert woken == [("a", 10), ("b", 20), ("c", 20)]
    assert clock.next_alarm_ms == START_MS + 21


def test_a_time_that_is_over_wakes_at_once(clock: ManualClock) -> None:
    woken: list[int] = []
    clock.call_at(START_MS, lambda: woken.append(1))
    assert woken == [1]
    assert clock.next_alarm_ms is None


def test_the_system_clock_is_the_systems_and_never_goes_back() -> None:
    first, second = SystemClock(), SystemClock()
    assert abs(first.now_ms() - second.now_ms()) < 1000
    times = [first.now_ms() for _ in range(1000)]
    assert times == sorted(times)


async def test_sleeping_by_a_manual_clock_takes_no_time(clock: ManualClock) -> None:
    sleeper = asyncio.create_task(sleep_ms(clock, HOUR_MS))
    await turn()
    clock.advance(HOUR_MS - 1)
    await turn()
    assert not sleeper.done()
    clock.advance(1)
    await asyncio.wait_for(sleeper, 1)


async def test_a_sleep_that_is_given_up_is_forgotten(clock: ManualClock) -> None:
    sleeper = asyncio.create_task(sleep_ms(clock, HOUR_MS))
    await turn()
    sleeper.cancel()
    await asyncio.gather(sleeper, return_exceptions=True)
    assert clock.next_alarm_ms is None


async def test_a_waiting_worker_gets_a_delayed_job_when_the_clock_reaches_its_time(
    adapter: MemoryAdapter, clock: ManualClock
) -> None:
    add(adapter, NewJob("a", b"1", delay_ms=HOUR_MS))
    waiting = asyncio.create_task(open_lane(adapter).wait_and_claim([Want(TASK, 1)], 2 * HOUR_MS))
    await turn()
    clock.advance(HOUR_MS - 1)
    await turn()
    assert not waiting.done()
    clock.advance(1)
    reply = await asyncio.wait_for(waiting, 1)
    assert [job.job_id for job in reply.jobs] == ["a"]
    assert reply.jobs[0].processed_ms == START_MS + HOUR_MS


async def test_a_job_that_is_due_earlier_than_what_a_worker_waits_for_wakes_it(
    adapter: MemoryAdapter, clock: ManualClock
) -> None:
    add(adapter, NewJob("late", b"1", delay_ms=HOUR_MS))
    waiting = asyncio.create_task(open_lane(adapter).wait_and_claim([Want(TASK, 1)], 2 * HOUR_MS))
    await turn()
    add(adapter, NewJob("early", b"1", delay_ms=1000))
    await turn()
    clock.advance(1000)
    assert [job.job_id for job in (await asyncio.wait_for(waiting, 1)).jobs] == ["early"]


async def test_a_wait_ends_when_the_clock_reaches_its_end(adapter: MemoryAdapter, clock: ManualClock) -> None:
    waiting = asyncio.create_task(open_lane(adapter).wait_and_claim([Want(TASK, 1)], 1000))
    await turn()
    clock.advance(999)
    await turn()
    assert not waiting.done()
    clock.advance(1)
    assert (await asyncio.wait_for(waiting, 1)).jobs == []


async def test_due_jobs_that_all_expired_do_not_hold_up_the_wait(adapter: MemoryAdapter, clock: ManualClock) -> None:
    for at in range(250):
        add(adapter, NewJob(f"dead-{at}", b"1", delay_ms=10, ttl_ms=5))
    add(adapter, NewJob("alive", b"1", delay_ms=10))
    clock.advance(10)
    reply = await asyncio.wait_for(open_lane(adapter).wait_and_claim([Want(TASK, 1)], 1000), 1)
    assert [job.job_id for job in reply.jobs] == ["alive"]


async def test_a_lock_runs_out_to_the_millisecond(adapter: MemoryAdapter, clock: ManualClock) -> None:
    add(adapter, NewJob("a", b"1"))
    await claim(open_lane(adapter))
    clock.advance(29_999)
    assert adapter.vitals.locks(TASK, 10).run().without == ()
    clock.advance(1)
    assert adapter.vitals.locks(TASK, 10).run().without == ("a",)
    assert adapter.house.sweep(TASK, 1).run() == 0
    assert adapter.house.sweep(TASK, 1).run() == 1


async def test_a_retry_comes_back_by_the_clock(adapter: MemoryAdapter, clock: ManualClock) -> None:
    add(adapter, NewJob("a", b"1"))
    lane = open_lane(adapter)
    (job,) = await claim(lane)
    await lane.step([Settled(job, "retry", b"x", delay_ms=HOUR_MS)], [])
    assert await claim(lane) == []
    clock.advance(HOUR_MS)
    assert [again.attempt for again in await claim(lane)] == [2]


@pytest.mark.parametrize(
    ("what", "ms"), [("given id", 86_400_000), ("fence of the dead", HOUR_MS), ("halt", 86_400_000)]
)
async def test_what_is_kept_for_a_time_ends_with_it(
    adapter: MemoryAdapter, clock: ManualClock, what: str, ms: int
) -> None:
    named = NewJob("a", b"1", ttl_ms=1, given=True)

    async def holds() -> bool:
        if what == "given id":
            return adapter.jobs.enqueue(TASK, EnqueueSpec(), [named]).run() == [False]
        return bool((await open_lane(adapter).step([], [Want(TASK, 1)])).fenced)

    if what == "given id":
        add(adapter, named)
        clock.advance(1)
        await open_lane(adapter).step([], [Want(TASK, 1, "discard")])
    elif what == "halt":
        adapter.leases.fence("w1", [TASK], True).run()
    else:
        adapter.leases.recover("w1", {TASK: 0}, cause="x", charged=True, max_crashes=3).run()
    clock.advance(ms - 1)
    assert await holds()
    clock.advance(1)
    assert not await holds()


def test_counters_are_kept_for_a_day(adapter: MemoryAdapter, clock: ManualClock) -> None:
    async def complete(job_id: str) -> None:
        add(adapter, NewJob(job_id, b"1"))
        lane = open_lane(adapter)
        await lane.step([Settled(job, "complete", b"1") for job in await claim(lane)], [])

    asyncio.run(complete("a"))
    clock.advance(2 * 86_400_000)
    asyncio.run(complete("b"))
    rows = adapter.vitals.throughput([TASK], 60, 72).run()
    assert sum(row.completed for row in rows) == 1


def test_a_deadline_and_a_schedule_are_due_by_the_clock(adapter: MemoryAdapter, clock: ManualClock) -> None:
    app = Taskora(adapter)
    task = app.task("t", lambda: None)
    app.schedule("hourly", task=task, every="1h")
    handle = (task.s(None) | task.s(None)).dispatch(ttl="1h")
    assert adapter.house.overdue_workflows(10).run() == []
    clock.advance(HOUR_MS)
    assert adapter.house.overdue_workflows(10).run() == [handle.workflow_id]
    app.close()


async def test_the_clock_may_be_moved_from_another_thread(adapter: MemoryAdapter, clock: ManualClock) -> None:
    waiting = asyncio.create_task(open_lane(adapter).wait_and_claim([Want(TASK, 1)], HOUR_MS))
    await turn()
    await asyncio.to_thread(clock.advance, HOUR_MS)
    assert (await asyncio.wait_for(waiting, 1)).jobs == []


async def test_an_application_runs_by_a_manual_clock(adapter: MemoryAdapter, clock: ManualClock) -> None:
    app = Taskora(adapter)

    @app.task
    async def double_task(n: int) -> int:
        return 2 * n

    await app.start()
    try:
        handle = await double_task.dispatch(2, delay="1h")
        await turn(20)
        assert await handle.state_async() == "delayed"
        clock.advance(HOUR_MS)
        assert await handle.result_async(2) == 4
    finally:
        await app.close_async()


def test_producers_in_threads_wake_a_worker_on_a_loop_of_its_own() -> None:
    adapter = memory_adapter()
    seen: list[str] = []
    stop = threading.Event()

    async def work() -> None:
        lane = open_lane(adapter)
        while not stop.is_set():
            reply = await lane.wait_and_claim([Want(TASK, 5)], 1000)
            seen.extend(job.job_id for job in reply.jobs)
            await lane.step([Settled(job, "complete", b"1") for job in reply.jobs], [])

    def produce(number: int) -> None:
        for at in range(100):
            add(adapter, NewJob(f"{number}-{at}", b"1"))

    worker = threading.Thread(target=asyncio.run, args=(work(),))
    producers = [threading.Thread(target=produce, args=(number,)) for number in range(4)]
    worker.start()
    try:
        for producer in producers:
            producer.start()
        for producer in producers:
            producer.join()
        wait_until(lambda: len(seen) == 400)
    finally:
        stop.set()
        add(adapter, NewJob("last", b"1"))
        worker.join(5)
    assert len(set(seen)) == len(seen)
    wait_until(lambda: adapter.jobs.stats(TASK).run().completed == 401)


async def test_a_bell_of_a_closed_loop_harms_nobody() -> None:
    adapter = memory_adapter()

    def leave_a_wait_behind() -> None:
        loop = asyncio.new_event_loop()
        waiting = loop.create_task(open_lane(adapter).wait_and_claim([Want(TASK, 1)], HOUR_MS))
        loop.run_until_complete(asyncio.sleep(0.001))
        waiting.cancel()
        loop.run_until_complete(asyncio.gather(waiting, return_exceptions=True))
        loop.close()

    await asyncio.to_thread(leave_a_wait_behind)
    add(adapter, NewJob("a", b"1"))
    assert [job.job_id for job in await claim(open_lane(adapter))] == ["a"]


async def test_nothing_is_left_of_waits_that_ended_or_were_given_up() -> None:
    adapter = memory_adapter()
    lane, waiter = open_lane(adapter), adapter.waiter()
    add(adapter, NewJob("a", b"1", delay_ms=HOUR_MS))
    waits = [asyncio.create_task(waiter.job(TASK, "a")) for _ in range(3)]
    waiting = asyncio.create_task(lane.wait_and_claim([Want(TASK, 1)], HOUR_MS))
    await turn()
    assert adapter.vitals.server().run().clients == 4
    for task in (*waits, waiting):
        task.cancel()
    await asyncio.wait((*waits, waiting))
    await wait_until_async(lambda: adapter.vitals.server().run().clients == 0)


def test_every_application_on_memory_has_a_memory_of_its_own() -> None:
    first, second = Taskora("memory://"), Taskora("memory://", prefix="x")
    task, same = first.task("t", lambda: None), second.task("t", lambda: None)
    handle = task.dispatch()
    assert task.handle(handle.id).state() == State.WAITING
    assert second.inspect().stats("t").waiting == 0
    assert (first.adapter.keys.prefix, second.adapter.keys.prefix) == ("", "x")
    assert "memory" in repr(same) or "memory" in first.adapter.describe()
    for app in (first, second):
        app.close()


def test_a_memory_url_says_nothing_more() -> None:
    with pytest.raises(ConfigError, match="memory://"):
        Taskora("memory://shared")


async def test_a_sweep_long_after_the_last_takes_nothing_since_the_clock_may_have_been_set(
    adapter: MemoryAdapter, clock: ManualClock
) -> None:
    lane = open_lane(adapter)
    add(adapter, NewJob("a", b"1"))
    assert len((await lane.step([], [Want(TASK, 1)])).jobs) == 1
    assert adapter.house.sweep(TASK, 1, 1000).run() == 0
    clock.advance(6 * HOUR_MS)
    assert adapter.house.sweep(TASK, 1, 1000).run() == 0
    clock.advance(1000)
    assert adapter.house.sweep(TASK, 1, 1000).run() == 1
