"""Concurrency keys and singleton tasks: never more than the limit, in order, and nobody else is kept waiting."""

import asyncio
import random
from collections import Counter
from typing import Literal

import pytest

from conformance.kit import TASK, Kit, done
from taskora.adapters.protocol import Lane
from taskora.model import Claimed, NewJob, Settled, State, Want, new_id


def keyed(key: str = "k", limit: int = 1, *, priority: int = 0, ttl_ms: int = 0) -> NewJob:
    return NewJob(new_id(), b"null", 0, priority, ttl_ms, False, key, limit)


async def add(kit: Kit, *jobs: NewJob) -> list[str]:
    await kit.add(*jobs)
    return [job.job_id for job in jobs]


async def claim(lane: Lane, *settled: Settled, count: int = 10, singleton: bool = False) -> list[Claimed]:
    return (await lane.step(settled, [Want(TASK, count, "fail", singleton)])).jobs


def ids(jobs: list[Claimed]) -> list[str]:
    return [job.job_id for job in jobs]


async def test_jobs_of_a_key_run_in_order_and_never_more_than_its_limit(kit: Kit) -> None:
    added = await add(kit, *(keyed(limit=2) for _ in range(6)))
    lane, ran = kit.lane(), list[str]()
    jobs = await claim(lane)
    while jobs:
        assert len(await kit.ids(State.ACTIVE)) <= 2
        ran += ids(jobs)
        jobs = await claim(lane, *(done(job) for job in jobs))
    assert ran == added


async def test_w10_w11_a_blocked_job_stops_no_other_key_and_no_priority(kit: Kit) -> None:
    """W10, W11."""
    lane = kit.lane()
    await add(kit, keyed(priority=5))
    (running,) = await claim(lane)
    first, second, high = await add(kit, keyed(), keyed(), keyed(priority=5))
    others = await add(kit, NewJob(new_id(), b"1", priority=1), NewJob(new_id(), b"1"), keyed("other"))
    assert ids(await claim(lane)) == others
    assert (await kit.stats()).waiting == 3
    assert sorted(await kit.ids(State.WAITING)) == sorted([first, second, high])
    (job,) = await claim(lane, done(running))
    assert job.job_id == high
    (job,) = await claim(lane, done(job))
    assert job.job_id == first
    assert ids(await claim(lane, done(job))) == [second]


async def test_limit_0_counts_nothing_and_waits_for_nothing(kit: Kit) -> None:
    lane = kit.lane()
    await add(kit, keyed(), keyed(limit=0), keyed(limit=0))
    jobs = await claim(lane)
    assert len(jobs) == 3
    blocked = await add(kit, keyed())
    assert await claim(lane, done(jobs[1]), done(jobs[2])) == []
    assert ids(await claim(lane, done(jobs[0]))) == blocked


@pytest.mark.parametrize("verb", ["complete", "retry", "fail", "cancel", "return", "defer"])
async def test_w2_every_outcome_lets_go_of_the_key_once(
    kit: Kit, verb: Literal["complete", "retry", "fail", "cancel", "return", "defer"]
) -> None:
    """W2."""
    lane = kit.lane()
    await add(kit, *(keyed(limit=2) for _ in range(4)))
    first, _ = await claim(lane)
    outcome = Settled(first, verb, b"null", 60_000)
    assert len(await claim(lane, outcome)) == 1
    assert (await lane.step([outcome], [])).lost == (first.job_id,)
    assert await claim(lane) == []
    assert len(await kit.ids(State.ACTIVE)) == 2


async def test_what_a_dead_worker_ran_goes_first_and_holds_its_key_again(kit: Kit) -> None:
    first, second = await add(kit, keyed(), keyed())
    await claim(kit.lane("dead"))
    recover = kit.adapter.leases.recover
    await recover("dead", {TASK: 0}, cause="killed", charged=False, max_crashes=3).run_async()
    lane = kit.lane("other")
    (job,) = await claim(lane)
    assert job.job_id == first
    assert ids(await claim(lane, done(job))) == [second]


async def test_a_vanished_worker_keeps_a_key_until_the_sweep(kit: Kit) -> None:
    first, _ = await add(kit, keyed(), keyed())
    await claim(kit.lane("gone", ttl_ms=1))
    await kit.let_pass(2)
    lane = kit.lane("other")
    assert await claim(lane) == []
    for _ in range(2):
        await kit.adapter.house.sweep(TASK, 3).run_async()
    assert ids(await claim(lane)) == [first]


async def test_blocked_jobs_can_be_cancelled_and_give_their_turn_on(kit: Kit) -> None:
    lane = kit.lane()
    await add(kit, keyed())
    (running,) = await claim(lane)
    first, second, third = await add(kit, keyed(), keyed(), keyed())
    assert await claim(lane) == []
    assert await kit.adapter.jobs.cancel(TASK, first, "no").run_async() == "cancelled"
    await lane.step([done(running)], [])
    assert await kit.adapter.jobs.cancel(TASK, second, "no").run_async() == "cancelled"
    assert ids(await claim(lane)) == [third]


async def test_blocked_jobs_expire_at_their_turn_and_by_the_sweep(kit: Kit) -> None:
    lane = kit.lane()
    await add(kit, keyed())
    (running,) = await claim(lane)
    early, late, last = await add(kit, keyed(ttl_ms=20), keyed(ttl_ms=400), keyed())
    assert await claim(lane) == []
    await kit.let_pass(20)
    await kit.adapter.house.sweep(TASK, 3).run_async()
    assert await claim(lane) == []
    assert await kit.state(early) == State.EXPIRED
    await kit.let_pass(400)
    assert ids(await claim(lane, done(running))) == [last]
    assert await kit.state(late) == State.EXPIRED


async def test_a_sleeping_worker_is_woken_when_a_key_is_free(kit: Kit) -> None:
    busy, idle = kit.lane("busy"), kit.lane("idle")
    _, second = await add(kit, keyed(), keyed())
    (running,) = await claim(busy)
    assert (await idle.wait_and_claim([Want(TASK, 1)], 20)).jobs == []
    waiting = asyncio.ensure_future(idle.wait_and_claim([Want(TASK, 1)], 10_000))
    await busy.step([done(running)], [])
    assert ids((await asyncio.wait_for(waiting, 5)).jobs) == [second]


async def test_a_singleton_task_has_one_active_job_and_its_end_wakes_others(kit: Kit) -> None:
    first, second = await kit.add_many(2)
    busy, idle, want = kit.lane("busy"), kit.lane("idle"), Want(TASK, 1, "fail", True)
    (running,) = await claim(busy, singleton=True)
    assert running.job_id == first
    assert await claim(busy, singleton=True) == []
    assert (await idle.wait_and_claim([want], 20)).jobs == []
    waiting = asyncio.ensure_future(idle.wait_and_claim([want], 10_000))
    await busy.step([done(running)], [])
    assert ids((await asyncio.wait_for(waiting, 5)).jobs) == [second]


@pytest.mark.parametrize("seed", range(5))
async def test_w31_in_any_order_no_key_is_exceeded_and_all_jobs_run(kit: Kit, seed: int) -> None:
    """W31."""
    rng, limits = random.Random(seed), {"a": 1, "b": 2, "c": 3}
    jobs = [keyed(key, limits[key], priority=rng.choice((0, 0, 2))) for key in rng.choices("abc", k=60)]
    key_of = {job.job_id: job.concurrency_key for job in jobs}
    await add(kit, *jobs)
    lane, running, ran = kit.lane(), list[Claimed](), set[str]()
    while len(ran) < len(jobs):
        rng.shuffle(running)
        cut = rng.randint(1, len(running)) if running else 0
        batch, running = running[:cut], running[cut:]
        outcomes = [Settled(job, rng.choice(("complete", "return")), b"null") for job in batch]
        ran |= {outcome.job.job_id for outcome in outcomes if outcome.verb == "complete"}
        running += await claim(lane, *outcomes, count=rng.randint(1, 6))
        held = Counter(key_of[job.job_id] for job in running)
        assert all(count <= limits[key] for key, count in held.items())
        assert running or len(ran) == len(jobs)
