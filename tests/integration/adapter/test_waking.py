"""How soon a waiting worker wakes, and what the waiting costs."""

import asyncio
import time

from integration.adapter.kit import TASK, Kit
from support import wait_until_async
from taskora.ids import new_id
from taskora.model import NewJob, Settled, Want


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
