"""What a job costs the server, in commands: a bound that a regression breaks."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import pytest

from integration.adapter.kit import TASK, Kit, done, fan, node, plan
from support import Server, wait_until
from taskora.ids import new_id
from taskora.model import Claimed, NewJob, Want
from taskora.workflow_model import Plan

T = TypeVar("T")

BATCH = 100


def commands(kit: Kit) -> dict[str, int]:
    """Calls of each command so far, those from scripts included."""
    stats = kit.raw.info("commandstats")
    return {name.removeprefix("cmdstat_"): int(each["calls"]) for name, each in stats.items()}


async def spent(kit: Kit, rounds: int) -> dict[str, float]:
    """Enqueues, claims and completes in batches; returns calls a job."""
    lane = kit.lane()

    async def once(before: list[Claimed]) -> list[Claimed]:
        await kit.add(*(NewJob(new_id(), b'{"a":1}') for _ in range(BATCH)))
        return (await lane.step([done(job) for job in before], [Want(TASK, BATCH)])).jobs

    jobs = await once([])
    before = commands(kit)
    for _ in range(rounds):
        jobs = await once(jobs)
    after = commands(kit)
    return {name: (after[name] - before.get(name, 0)) / (rounds * BATCH) for name in after if name != "info"}


async def test_a_job_costs_no_more_commands_than_were_measured(kit: Kit) -> None:
    calls = await spent(kit, 10)
    total = sum(calls.values())
    # Enqueue: hset, xadd. Claim: hmget, set, hset, xadd. Settle: hmget, get, del, srem, lrem, hset, xadd. Beside them
    # a length of the active list, and what is shared by the batch.
    assert total < 14.5, calls
    assert calls["xadd"] < 3.01
    assert calls["hset"] < 3.01


async def spent_on_workflows(kit: Kit, *plans: Plan) -> float:
    """Runs workflows side by side, in batches; returns calls a node from its claim on."""
    lane, nodes, ended = kit.lane(), sum(len(each.nodes) for each in plans), 0
    for each in plans:
        await kit.create(each)
    before, jobs = sum(commands(kit).values()), list[Claimed]()
    while ended < nodes:
        jobs = (await lane.step([done(job) for job in jobs], [Want(TASK, BATCH)])).jobs
        ended += len(jobs)
    await kit.settle(lane, *(done(job) for job in jobs))
    return (sum(commands(kit).values()) - before) / nodes


async def test_a_node_costs_no_more_commands_than_were_measured(kit: Kit) -> None:
    # Beside what a job costs: its part of the workflow, and storing the job of the next node.
    chains = [plan(node(), *(node(deps=(at,)) for at in range(9))) for _ in range(BATCH)]
    assert await spent_on_workflows(kit, *chains) < 17.6
    assert await spent_on_workflows(kit, *(fan(BATCH) for _ in range(3))) < 15.5


async def test_w57_jobs_that_complete_or_expire_are_counted_together(kit: Kit) -> None:
    calls = await spent(kit, 10)
    assert calls["incrby"] == pytest.approx(1 / BATCH)
    assert calls.get("expire", 0) <= 2 / (10 * BATCH)  # the first of a minute
    lane, ids = kit.lane(), [new_id() for _ in range(BATCH)]
    await kit.add(*(NewJob(job_id, b"1", ttl_ms=1) for job_id in ids))
    wait_until(lambda: kit.now_ms() > int(kit.hash(ids[-1])["expireAt"]))
    before = commands(kit)
    assert (await lane.step([], [Want(TASK, BATCH)])).jobs == []
    after = commands(kit)
    assert after["incrby"] - before["incrby"] == 1
    # A job: two hmget, hset, zadd, xadd; and what the call costs.
    assert sum(after[name] - before.get(name, 0) for name in after if name != "info") < 5 * BATCH + 30


async def test_a_round_trip_carries_everything_of_a_batch(kit: Kit) -> None:
    calls = await spent(kit, 10)
    assert calls["evalsha"] * BATCH == pytest.approx(2, abs=0.1)


async def test_one_job_at_a_time_costs_no_more_commands_than_were_measured(kit: Kit, server: Server) -> None:
    lane = kit.lane()

    async def once() -> None:
        await kit.add_many(1)
        (job,) = (await lane.step([], [Want(TASK, 1)])).jobs
        await lane.step([done(job)], [])

    await once()
    before = sum(commands(kit).values())
    for _ in range(50):
        await once()
    assert (sum(commands(kit).values()) - before) / 50 < 34


async def taken_out_in_us(kit: Kit, take: Callable[[], Awaitable[object]]) -> int:
    """Time that the server spends on searching lists for ids meanwhile."""
    before: int = kit.raw.info("commandstats").get("cmdstat_lrem", {}).get("usec", 0)
    await take()
    after: int = kit.raw.info("commandstats")["cmdstat_lrem"]["usec"]
    return after - before


async def least_us(kit: Kit, take: Callable[[list[T]], Awaitable[None]], some: list[T]) -> float:
    """The least of three times for a third of them each: the machine may do something else in one of them."""
    third = len(some) // 3
    return min([await taken_out_in_us(kit, partial(take, some[at : at + third])) for at in range(0, 3 * third, third)])


async def test_w48_a_job_is_cancelled_from_the_nearer_end_of_a_long_queue(kit: Kit) -> None:
    """W48."""
    ids: list[str] = []
    for _ in range(3):
        ids += await kit.add_many(2000)

    async def cancel(some: list[str]) -> None:
        for job_id in some:
            assert await kit.adapter.jobs.cancel(TASK, job_id, "").run_async() == "cancelled"

    middle_us = await least_us(kit, cancel, ids[2940:3060])
    for end in (ids[:120], ids[-120:][::-1]):
        assert await least_us(kit, cancel, end) < middle_us / 3
    assert len(kit.waiting()) == 6000 - 360


async def test_w48_a_job_is_settled_from_the_nearer_end_of_a_long_list_of_running_ones(kit: Kit) -> None:
    """W48."""
    lane, jobs = kit.lane(), list[Claimed]()
    for _ in range(3):
        await kit.add_many(2000)
        jobs += await kit.claim(lane, 2000)

    async def settle(some: list[Claimed]) -> None:
        await lane.step([done(job) for job in some], [])

    middle_us = await least_us(kit, settle, jobs[2940:3060])
    for end in (jobs[:120], jobs[-120:][::-1]):
        assert await least_us(kit, settle, end) < middle_us / 3


async def test_idle_workers_cost_little(kit: Kit) -> None:
    lane = kit.lane()
    await lane.wait_and_claim([Want(TASK, 5)], 1)
    before = sum(commands(kit).values())
    for _ in range(20):
        await lane.wait_and_claim([Want(TASK, 5)], 1)
    # A fence, the next due job, two queues, and whether more waits, beside the wait itself and the call.
    assert (sum(commands(kit).values()) - before) / 20 < 10
