"""What a job costs the server, in commands: a bound that a regression breaks."""

import pytest

from integration.adapter.kit import TASK, Kit, done
from support import Server
from taskora.model import Claimed, NewJob, Want, new_id

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


async def test_idle_workers_cost_little(kit: Kit) -> None:
    lane = kit.lane()
    await lane.wait_and_claim([Want(TASK, 5)], 1)
    before = sum(commands(kit).values())
    for _ in range(20):
        await lane.wait_and_claim([Want(TASK, 5)], 1)
    # A fence, the next due job, two queues, and whether more waits, beside the wait itself and the call.
    assert (sum(commands(kit).values()) - before) / 20 < 10
