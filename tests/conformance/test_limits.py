"""Limits over all workers: jobs that share a key, and tasks of which one job runs at a time."""

import asyncio

import pytest

from conformance.kit import ALL, SHORT_MS, TASK, Kit, blocked, done, failed, soon
from taskora.adapters.lane import Lane
from taskora.ids import new_id
from taskora.model import Claimed, NewJob, Settled, Want


async def add_keyed(kit: Kit, count: int, key: str = "k", limit: int = 1) -> list[str]:
    ids = [new_id() for _ in range(count)]
    await kit.add(*(NewJob(job_id, b"1", concurrency_key=key, concurrency_limit=limit) for job_id in ids))
    return ids


async def one(kit: Kit, lane: Lane, slots: int = 5) -> list[Claimed]:
    return (await lane.step([], [Want(TASK, slots, singleton=True)])).jobs


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_no_more_jobs_of_a_key_run_than_its_limit(kit: Kit, limit: int) -> None:
    ids = await add_keyed(kit, 5, limit=limit)
    first = await kit.claim(kit.lane("w1"), ALL)
    assert [job.job_id for job in first] == ids[:limit]
    assert await kit.claim(kit.lane("w2"), ALL) == []
    assert (await kit.stats()).active == limit


async def test_a_blocked_job_stops_no_other_key(kit: Kit) -> None:
    blocked_ids = await add_keyed(kit, 3, "k")
    others = [*await add_keyed(kit, 1, "l"), *await kit.add_many(2)]
    assert await kit.claim_all() == [blocked_ids[0], *others]


@pytest.mark.parametrize("priority", [0, 5])
async def test_a_blocked_job_stops_no_other_key_and_no_other_priority_for_one_free_slot(
    kit: Kit, priority: int
) -> None:
    (holder,) = await add_keyed(kit, 1)
    assert [job.job_id for job in await kit.claim(kit.lane("w1"))] == [holder]
    blocked = NewJob("blocked", b"1", priority=priority, concurrency_key="k", concurrency_limit=1)
    free = [NewJob("urgent", b"1", priority=3), NewJob("plain", b"1")]
    await kit.add(blocked, *free)
    lane = kit.lane("w2")
    assert [job.job_id for _ in range(3) for job in await kit.claim(lane, 1)] == ["urgent", "plain"]


async def test_a_blocked_job_keeps_the_place_of_its_priority_and_age(kit: Kit) -> None:
    await add_keyed(kit, 1)
    lane = kit.lane("w1")
    (holder,) = await kit.claim(lane)
    keyed = [NewJob(f"job-{at}", b"1", priority=p, concurrency_key="k", concurrency_limit=1) for at, p in
             enumerate((2, 5, 5, 2))]  # fmt: skip
    for job in keyed:
        await kit.add(job)
        await kit.let_pass(1)
        assert await kit.claim(kit.lane("w2")) == []
    ran = list[str]()
    for _ in keyed:
        await kit.settle(lane, done(holder))
        (holder,) = await kit.claim(lane, ALL)
        ran.append(holder.job_id)
    assert ran == ["job-1", "job-2", "job-0", "job-3"]


async def test_a_limit_of_none_counts_nothing(kit: Kit) -> None:
    ids = await add_keyed(kit, 5, limit=0)
    assert await kit.claim_all() == ids


async def test_jobs_of_a_key_run_in_the_order_of_their_dispatch(kit: Kit) -> None:
    ids = await add_keyed(kit, 6)
    lane, ran = kit.lane(), list[str]()
    for _ in ids:
        (job,) = await kit.claim(lane, ALL)
        ran.append(job.job_id)
        await kit.settle(lane, done(job))
    assert ran == ids


@pytest.mark.parametrize("verb", ["complete", "fail", "retry", "cancel", "defer"])
async def test_every_outcome_lets_the_next_of_the_key_run(kit: Kit, verb: str) -> None:
    ids = await add_keyed(kit, 3)
    lane = kit.lane()
    (job,) = await kit.claim(lane, ALL)
    reply = await lane.step([Settled(job, verb, b"1", delay_ms=60_000)], [Want(TASK, ALL)])  # type: ignore[arg-type]  # a str
    assert [each.job_id for each in reply.jobs] == [ids[1]]
    assert await kit.claim(lane, ALL) == []


async def test_a_returned_job_keeps_its_turn(kit: Kit) -> None:
    ids = await add_keyed(kit, 3)
    lane = kit.lane()
    (job,) = await kit.claim(lane, ALL)
    reply = await lane.step([Settled(job, "return")], [Want(TASK, ALL)])
    assert [each.job_id for each in reply.jobs] == [ids[0]]


async def test_a_job_of_a_dead_worker_lets_go_of_its_key(kit: Kit) -> None:
    ids = await add_keyed(kit, 2)
    await kit.claim(kit.lane("w1"), ALL)
    await kit.recover("w1")
    assert [job.job_id for job in await kit.claim(kit.lane("w2"), ALL)] == [ids[0]]


async def test_a_job_of_a_vanished_worker_lets_go_of_its_key(kit: Kit) -> None:
    ids = await add_keyed(kit, 2)
    await kit.claim(kit.lane("w1", ttl_ms=SHORT_MS), ALL)
    await kit.sweep(0)
    await kit.let_pass(SHORT_MS)
    assert await kit.sweep(0) == 1
    assert [job.job_id for job in await kit.claim(kit.lane("w2"), ALL)] == [ids[1]]


async def test_a_blocked_job_waits_and_can_be_cancelled(kit: Kit) -> None:
    ids = await add_keyed(kit, 3)
    lane = kit.lane()
    (job,) = await kit.claim(lane, ALL)
    assert sorted(await kit.waiting()) == ids[1:]
    assert (await kit.stats()).waiting == 2
    assert await kit.cancel(ids[1]) == "cancelled"
    reply = await lane.step([done(job)], [Want(TASK, ALL)])
    assert [each.job_id for each in reply.jobs] == [ids[2]]


async def test_a_sleeping_worker_is_woken_when_the_key_of_a_blocked_job_is_free(kit: Kit) -> None:
    ids = await add_keyed(kit, 2)
    lane = kit.lane("w1")
    (job,) = await kit.claim(lane, ALL)

    async def next_job() -> str:
        other = kit.lane("w2")
        while True:
            for found in (await other.wait_and_claim([Want(TASK, 1)], 5_000)).jobs:
                return found.job_id

    waiting = asyncio.create_task(next_job())
    await blocked()
    await kit.settle(lane, done(job))
    assert await soon(waiting) == ids[1]


async def test_of_a_singleton_task_one_job_runs_at_a_time(kit: Kit) -> None:
    ids = await kit.add_many(3)
    first, second = kit.lane("w1"), kit.lane("w2")
    (job,) = await one(kit, first)
    assert job.job_id == ids[0]
    assert await one(kit, first) == await one(kit, second) == []
    reply = await first.step([failed(job)], [Want(TASK, 5, singleton=True)])
    assert [each.job_id for each in reply.jobs] == [ids[1]]


async def test_a_singleton_task_whose_worker_died_goes_on(kit: Kit) -> None:
    ids = await kit.add_many(2)
    await one(kit, kit.lane("w1"))
    await kit.recover("w1")
    assert [job.job_id for job in await one(kit, kit.lane("w2"))] == [ids[0]]


async def test_a_singleton_leaves_other_tasks_alone(kit: Kit) -> None:
    await kit.add_many(2)
    (other,) = await kit.add_many(1, "other")
    lane = kit.lane(tasks=(TASK, "other"))
    await one(kit, lane)
    assert [job.job_id for job in await kit.claim(lane, 5, "other")] == [other]
