"""A waiting worker wakes when there is work, and when it is told to."""

import asyncio
import time

from conformance.kit import TASK, Kit, blocked, done, soon
from support import wait_until_async
from taskora.adapters.lane import Lane
from taskora.ids import new_id
from taskora.model import EnqueueSpec, NewJob, Settled, Want

LONG_MS = 5_000


async def next_jobs(lane: Lane) -> list[str]:
    """Waits for jobs; a wait may end without any although its time is not over."""
    while True:
        reply = await lane.wait_and_claim([Want(TASK, 1)], LONG_MS)
        if reply.jobs:
            return [job.job_id for job in reply.jobs]


async def test_a_waiting_worker_gets_a_new_job(kit: Kit) -> None:
    lane = kit.lane()
    for _ in range(10):
        waiting = asyncio.create_task(lane.wait_and_claim([Want(TASK, 1)], LONG_MS))
        await blocked()
        assert not waiting.done()
        (job_id,) = await kit.add_many(1)
        assert [job.job_id for job in (await soon(waiting)).jobs] == [job_id]


async def test_a_worker_that_waits_for_several_tasks_gets_a_job_of_each(kit: Kit) -> None:
    tasks = (TASK, "b", "c")
    lane = kit.lane(tasks=tasks)
    for task in tasks:
        waiting = asyncio.create_task(lane.wait_and_claim([Want(each, 1) for each in tasks], LONG_MS))
        await blocked()
        (job_id,) = await kit.add_many(1, task)
        assert [(job.task, job.job_id) for job in (await soon(waiting)).jobs] == [(task, job_id)]


async def test_work_that_is_there_is_claimed_without_a_wait(kit: Kit) -> None:
    ids = await kit.add_many(3)
    reply = await soon(kit.lane().wait_and_claim([Want(TASK, 2)], LONG_MS))
    assert [job.job_id for job in reply.jobs] == ids[:2]


async def test_a_wait_ends_with_its_time(kit: Kit) -> None:
    began_s = time.monotonic()
    assert (await soon(kit.lane().wait_and_claim([Want(TASK, 1)], 50))).jobs == []
    assert time.monotonic() - began_s > 0.04


async def test_a_wait_of_no_time_ends_at_once(kit: Kit) -> None:
    assert (await soon(kit.lane().wait_and_claim([Want(TASK, 1)], 0))).jobs == []


async def test_wake_ends_the_wait_of_this_worker_and_of_no_other(kit: Kit) -> None:
    first, second = kit.lane("w1"), kit.lane("w2")
    one = asyncio.create_task(first.wait_and_claim([Want(TASK, 1)], LONG_MS))
    two = asyncio.create_task(second.wait_and_claim([Want(TASK, 1)], LONG_MS))
    await blocked()
    await first.wake()
    assert (await soon(one)).jobs == []
    assert not two.done()
    await second.stop_claiming()
    assert (await soon(two)).fenced == "halt"


async def test_a_wake_before_the_wait_is_not_lost_and_ends_one_wait_only(kit: Kit) -> None:
    lane = kit.lane()
    await lane.wake()
    assert (await soon(lane.wait_and_claim([Want(TASK, 1)], LONG_MS))).jobs == []
    waiting = asyncio.create_task(lane.wait_and_claim([Want(TASK, 1)], LONG_MS))
    await blocked()
    assert not waiting.done()
    await kit.add_many(1)
    assert len((await soon(waiting)).jobs) == 1


async def test_jobs_for_many_waiting_workers_wake_as_many_as_are_needed(kit: Kit) -> None:
    lanes = [kit.lane(f"w{at}") for at in range(8)]
    waiting = [asyncio.create_task(lane.wait_and_claim([Want(TASK, 1)], LONG_MS)) for lane in lanes]
    await blocked()
    ids = await kit.add_many(8)
    replies = await soon(asyncio.gather(*waiting))
    assert sorted(job.job_id for reply in replies for job in reply.jobs) == ids


async def test_a_refused_claim_passes_the_wake_up_on(kit: Kit) -> None:
    halted, free = kit.lane("w1"), kit.lane("w2")
    await kit.adapter.leases.fence("w1", [TASK], True).run_async()
    first = asyncio.create_task(halted.wait_and_claim([Want(TASK, 1)], LONG_MS))
    await blocked()
    second = asyncio.create_task(free.wait_and_claim([Want(TASK, 1)], LONG_MS))
    await blocked()
    (job_id,) = await kit.add_many(1)
    assert [job.job_id for job in (await soon(second)).jobs] == [job_id]
    assert (await soon(first)).fenced == "halt"


async def test_a_claim_without_room_leaves_the_work_to_others(kit: Kit) -> None:
    full = kit.lane("w1")
    (job_id,) = await kit.add_many(1)
    assert (await soon(full.wait_and_claim([Want(TASK, 0)], 20))).jobs == []
    reply = await soon(kit.lane("w2").wait_and_claim([Want(TASK, 1)], LONG_MS))
    assert [job.job_id for job in reply.jobs] == [job_id]


async def test_a_wait_tells_when_the_next_job_is_due(kit: Kit) -> None:
    await kit.add(NewJob(new_id(), b"1", delay_ms=60_000))
    reply = await soon(kit.lane().wait_and_claim([Want(TASK, 1)], 20))
    assert reply.next_due_ms is not None
    assert 50_000 < reply.next_due_ms <= 60_000


async def test_promotion_wakes_a_waiting_worker(kit: Kit) -> None:
    lane, other = kit.lane("w1"), kit.lane("w2")
    job_id = new_id()
    await kit.add(NewJob(job_id, b"1", delay_ms=200))
    assert (await soon(lane.wait_and_claim([Want(TASK, 1)], 1))).jobs == []
    waiting = asyncio.create_task(next_jobs(lane))
    await kit.let_pass(200)
    await other.promote([TASK])
    assert await soon(waiting) == [job_id]


async def test_a_returned_job_wakes_a_waiting_worker(kit: Kit) -> None:
    lane, job = await kit.started("w1")
    waiting = asyncio.create_task(next_jobs(kit.lane("w2")))
    await blocked()
    await kit.settle(lane, Settled(job, "return"))
    assert await soon(waiting) == [job.job_id]


async def test_a_recovered_job_wakes_a_waiting_worker(kit: Kit) -> None:
    _, job = await kit.started("w1")
    waiting = asyncio.create_task(next_jobs(kit.lane("w2")))
    await blocked()
    await kit.recover("w1")
    assert await soon(waiting) == [job.job_id]


async def test_a_wait_that_is_given_up_takes_no_job_with_it(kit: Kit) -> None:
    lane = kit.lane("w1")
    waiting = asyncio.create_task(lane.wait_and_claim([Want(TASK, 1)], LONG_MS))
    await blocked()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    (job_id,) = await kit.add_many(1)
    reply = await soon(lane.wait_and_claim([Want(TASK, 1)], LONG_MS))
    assert [job.job_id for job in reply.jobs] == [job_id]


async def test_a_producer_in_another_thread_wakes_a_waiting_worker(kit: Kit) -> None:
    lane, job_id = kit.lane(), new_id()
    waiting = asyncio.create_task(lane.wait_and_claim([Want(TASK, 1)], LONG_MS))
    await blocked()
    await asyncio.to_thread(kit.adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(job_id, b"1")]).run)
    assert [job.job_id for job in (await soon(waiting)).jobs] == [job_id]


async def test_no_wake_up_is_lost_between_workers_that_claim_and_settle_at_once(kit: Kit) -> None:
    """Six workers, jobs one by one: each is claimed long before the wait's own end."""
    seen: list[str] = []
    stop = False

    async def work(name: str) -> None:
        lane = kit.lane(name)
        while not stop:
            reply = await lane.wait_and_claim([Want(TASK, 1)], 3000)
            while reply.jobs:
                seen.extend(job.job_id for job in reply.jobs)
                reply = await lane.step([done(job) for job in reply.jobs], [Want(TASK, 1)])

    workers = [asyncio.create_task(work(f"w{at}")) for at in range(6)]
    ids: list[str] = []

    def all_ran() -> bool:
        return len(seen) == len(ids)

    async def nothing_runs() -> bool:
        return await kit.active() == []

    for _ in range(100):
        ids.extend(await kit.add_many(1))
        await wait_until_async(all_ran, 1.0, "a wake-up was lost")
    ids.extend(await kit.add_many(200))
    await wait_until_async(all_ran, 2.0, "a wake-up was lost")
    await wait_until_async(nothing_runs, 2.0, "a job that was claimed was not settled")
    stop = True
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert sorted(seen) == ids


async def test_a_worker_of_many_tasks_serves_each_although_one_is_always_busy(kit: Kit) -> None:
    tasks = [f"t{at}" for at in range(100)]
    lane = kit.lane("w1", tasks=tasks)
    (rare,) = await kit.add_many(1, "t99")
    await kit.add_many(400, "t0")
    wants = [Want(task, 1) for task in tasks]
    for _ in range(250):
        reply = await lane.wait_and_claim(wants, 1000)
        if any(job.job_id == rare for job in reply.jobs):
            return
        await lane.step([done(job) for job in reply.jobs], [])
    raise AssertionError("a busy task starves the others")
