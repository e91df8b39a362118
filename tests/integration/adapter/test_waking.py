"""A waiting worker wakes when there is work, at once and without spinning."""

import asyncio
import time

from integration.adapter.kit import TASK, Kit, done
from support import Server, wait_until_async
from taskora.model import NewJob, Settled, Want, new_id


async def blocked(kit: Kit, count: int = 1) -> None:
    """Waits until so many workers block."""
    await wait_until_async(lambda: kit.raw.info("clients")["blocked_clients"] >= count)


async def test_a_waiting_worker_gets_a_new_job_within_ten_milliseconds(kit: Kit) -> None:
    lane = kit.lane()
    delays_s: list[float] = []
    for _ in range(20):
        waiting = asyncio.create_task(lane.wait_and_claim([Want(TASK, 1)], 5000))
        await blocked(kit)
        began_s = time.perf_counter()
        (job_id,) = await kit.add_many(1)
        reply = await waiting
        delays_s.append(time.perf_counter() - began_s)
        assert [job.job_id for job in reply.jobs] == [job_id]
    assert sorted(delays_s)[10] < 0.01


async def test_a_wait_ends_with_its_time(kit: Kit) -> None:
    lane = kit.lane()
    began_s = time.monotonic()
    assert (await lane.wait_and_claim([Want(TASK, 1)], 50)).jobs == []
    assert 0.04 < time.monotonic() - began_s < 2


async def test_a_wait_of_no_time_ends_at_once(kit: Kit) -> None:
    began_s = time.monotonic()
    assert (await kit.lane().wait_and_claim([Want(TASK, 1)], 0)).jobs == []
    assert time.monotonic() - began_s < 2


async def test_wake_ends_the_wait_of_this_worker_and_of_no_other(kit: Kit) -> None:
    first, second = kit.lane("w1"), kit.lane("w2")
    one = asyncio.create_task(first.wait_and_claim([Want(TASK, 1)], 5000))
    two = asyncio.create_task(second.wait_and_claim([Want(TASK, 1)], 5000))
    await blocked(kit, 2)
    await first.wake()
    assert (await asyncio.wait_for(one, 2)).jobs == []
    assert not two.done()
    await second.stop_claiming()
    assert (await asyncio.wait_for(two, 2)).fenced == "halt"


async def test_a_wake_before_the_wait_is_not_lost(kit: Kit) -> None:
    lane = kit.lane()
    await lane.wake()
    began_s = time.monotonic()
    await lane.wait_and_claim([Want(TASK, 1)], 5000)
    assert time.monotonic() - began_s < 2


async def test_jobs_for_many_waiting_workers_wake_as_many_as_are_needed(kit: Kit) -> None:
    lanes = [kit.lane(f"w{at}") for at in range(8)]
    waiting = [asyncio.create_task(lane.wait_and_claim([Want(TASK, 1)], 5000)) for lane in lanes]
    await blocked(kit, 8)
    began_s = time.monotonic()
    ids = await kit.add_many(8)
    replies = await asyncio.gather(*waiting)
    assert time.monotonic() - began_s < 2
    assert sorted(job.job_id for reply in replies for job in reply.jobs) == ids


async def test_a_refused_claim_passes_the_wake_up_on(kit: Kit) -> None:
    halted, free = kit.lane("w1"), kit.lane("w2")
    await kit.adapter.leases.fence("w1", [TASK], True).run_async()
    first = asyncio.create_task(halted.wait_and_claim([Want(TASK, 1)], 5000))
    await blocked(kit)
    second = asyncio.create_task(free.wait_and_claim([Want(TASK, 1)], 5000))
    await blocked(kit, 2)
    began_s = time.monotonic()
    (job_id,) = await kit.add_many(1)
    assert [job.job_id for job in (await second).jobs] == [job_id]
    assert time.monotonic() - began_s < 0.5
    assert (await first).fenced == "halt"


async def test_a_claim_without_room_passes_the_wake_up_on(kit: Kit) -> None:
    full = kit.lane("w1")
    (job_id,) = await kit.add_many(1)
    assert (await full.wait_and_claim([Want(TASK, 0)], 1000)).jobs == []
    assert kit.marked()
    assert [job.job_id for job in (await kit.lane("w2").wait_and_claim([Want(TASK, 1)], 1000)).jobs] == [job_id]


async def test_a_delayed_job_tells_its_time_and_does_not_spin(kit: Kit) -> None:
    lane = kit.lane()
    await kit.add(NewJob(new_id(), b"1", delay_ms=60_000))
    reply = await lane.wait_and_claim([Want(TASK, 1)], 5000)
    assert reply.next_due_ms is not None
    assert 50_000 < reply.next_due_ms <= 60_000
    assert not kit.raw.exists(f"{kit.base()}:marker")
    before = kit.raw.info("stats")["total_commands_processed"]
    await lane.wait_and_claim([Want(TASK, 1)], 60)
    assert kit.raw.info("stats")["total_commands_processed"] - before < 20


async def test_promotion_wakes_a_waiting_worker(kit: Kit) -> None:
    lane, other = kit.lane("w1"), kit.lane("w2")
    await kit.add(NewJob(new_id(), b"1", delay_ms=40))
    due_ms = (await lane.step([], [Want(TASK, 1)])).next_due_ms
    assert due_ms is not None
    kit.raw.delete(f"{kit.base()}:marker")
    waiting = asyncio.create_task(lane.wait_and_claim([Want(TASK, 1)], 5000))
    await blocked(kit)
    while due_ms is not None:
        due_ms = await other.promote([TASK])
        await asyncio.sleep(0.001)
    assert len((await asyncio.wait_for(waiting, 2)).jobs) == 1


async def test_a_returned_job_wakes_a_waiting_worker(kit: Kit) -> None:
    await kit.add_many(1)
    lane = kit.lane("w1")
    (job,) = await kit.claim(lane)
    kit.raw.delete(f"{kit.base()}:marker")
    waiting = asyncio.create_task(kit.lane("w2").wait_and_claim([Want(TASK, 1)], 5000))
    await blocked(kit)
    await kit.settle(lane, Settled(job, "return"))
    assert [again.job_id for again in (await asyncio.wait_for(waiting, 2)).jobs] == [job.job_id]


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

    for _ in range(150):
        ids.extend(await kit.add_many(1))
        await wait_until_async(all_ran, 1.0, "a wake-up was lost")
    ids.extend(await kit.add_many(200))
    await wait_until_async(all_ran, 2.0, "a wake-up was lost")
    stop = True
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert sorted(seen) == ids
    assert kit.active() == []


async def test_a_worker_of_many_tasks_serves_each_although_one_is_always_busy(kit: Kit, server: Server) -> None:
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
