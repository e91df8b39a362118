"""Looking at what is stored: counts and lists."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from conformance.kit import SHORT_MS, TASK, Kit, done, failed
from taskora.ids import new_id
from taskora.model import NewJob, QueueStats, Settled, State


async def test_a_task_that_nobody_used_is_empty(kit: Kit) -> None:
    assert await kit.stats() == QueueStats()
    for state in State:
        assert await kit.ids(state) == []


async def mixed(kit: Kit) -> dict[State, list[str]]:
    """A task with jobs in every state."""
    lane = kit.lane()
    ids = await kit.add_many(6)
    high, later, late = new_id(), new_id(), new_id()
    await kit.add(NewJob(high, b"1", priority=5), NewJob(later, b"1", delay_ms=60_000))
    jobs = await kit.claim(lane, 4)
    await kit.settle(lane, done(jobs[1]), failed(jobs[2]), Settled(jobs[3], "retry", b"x", delay_ms=90_000))
    await kit.cancel(ids[5])
    await kit.add(NewJob(late, b"1", ttl_ms=1, priority=900))
    await kit.let_pass(1)
    (last,) = await kit.claim(lane)
    await kit.settle(lane, Settled(last, "return"))
    return {
        State.WAITING: [ids[3], ids[4]], State.ACTIVE: [high], State.DELAYED: [later],
        State.RETRYING: [jobs[3].job_id], State.COMPLETED: [jobs[1].job_id], State.FAILED: [jobs[2].job_id],
        State.CANCELLED: [ids[5]], State.EXPIRED: [late],
    }  # fmt: skip


async def test_every_state_is_counted(kit: Kit) -> None:
    await mixed(kit)
    # Jobs that wait for a retry are among the delayed.
    assert await kit.stats() == QueueStats(2, 1, 2, 1, 1, 1, 1, 1)


async def test_p37_jobs_are_counted_whatever_their_priority(kit: Kit) -> None:
    await kit.add_many(3)
    await kit.add(*(NewJob(new_id(), b"1", priority=priority) for priority in (1, 1, 9, 500)))
    lane = kit.lane()
    for claimed in range(7):
        stats = await kit.stats()
        assert (stats.waiting, stats.active) == (7 - claimed, claimed)
        assert len(await kit.ids(State.WAITING)) == 7 - claimed
        assert len(await kit.claim(lane)) == 1


async def test_every_state_is_listed(kit: Kit) -> None:
    expected = await mixed(kit)
    assert {state: await kit.ids(state) for state in State} == expected
    for state, ids in expected.items():
        for job in await kit.adapter.jobs.jobs(TASK, state, 0, 10).run_async():
            # Who runs a job, and what became of its attempts, is told of one alone.
            assert (job.state, job) == (state, replace(await kit.job(job.id), owner=None, past_attempts=()))
        assert len(ids) <= 2


async def test_a_job_tells_its_worker_priority_and_deadline(kit: Kit) -> None:
    job_id = new_id()
    await kit.add(NewJob(job_id, b"1", priority=7, ttl_ms=60_000))
    job = await kit.job(job_id)
    assert (job.priority, job.owner, job.stalls, job.crashes, job.crash_cause) == (7, None, 0, 0, None)
    assert job.expires_at == job.timestamp + timedelta(minutes=1)

    lane = kit.lane("w1")
    (claimed,) = await kit.claim(lane)
    assert (await kit.job(job_id)).owner == "w1"
    await kit.settle(lane, done(claimed))
    assert (await kit.job(job_id)).owner is None


async def test_a_job_tells_what_killed_its_process(kit: Kit) -> None:
    _, job = await kit.started()
    await kit.recover(cause="signal:9")
    read = await kit.job(job.job_id)
    assert (read.crashes, read.crash_cause, read.owner) == (1, "signal:9", None)


async def test_a_page_of_delayed_jobs_is_full_however_many_retry(kit: Kit) -> None:
    await kit.add_many(30)
    lane = kit.lane()
    jobs = await kit.claim(lane, 30)
    await kit.settle(lane, *(Settled(job, "retry", b"x", delay_ms=60_000) for job in jobs))
    later = [new_id() for _ in range(5)]
    await kit.add(*(NewJob(job_id, b"1", delay_ms=90_000 + at) for at, job_id in enumerate(later)))
    assert await kit.ids(State.DELAYED, offset=1, limit=3) == later[1:4]
    assert len(await kit.ids(State.RETRYING, offset=10, limit=15)) == 15


async def test_waiting_jobs_are_paged_in_the_order_in_which_they_will_run(kit: Kit) -> None:
    high = [new_id() for _ in range(3)]
    await kit.add(*(NewJob(job_id, b"1", priority=9 - at) for at, job_id in enumerate(high)))
    order = [*high, *await kit.add_many(4)]
    for offset in range(8):
        for limit in range(8):
            assert await kit.ids(State.WAITING, offset=offset, limit=limit) == order[offset : offset + limit]
    assert await kit.claim_all() == order


@pytest.mark.parametrize("state", [State.COMPLETED, State.ACTIVE, State.DELAYED])
async def test_lists_are_paged(kit: Kit, state: State) -> None:
    ids = [new_id() for _ in range(5)]
    await kit.add(*(NewJob(job_id, b"1", delay_ms=60_000 + at) for at, job_id in enumerate(ids)))
    if state is not State.DELAYED:
        ids = await kit.add_many(5)
        lane = kit.lane()
        for job in await kit.claim(lane, 5):
            if state is State.COMPLETED:
                await kit.settle(lane, done(job))
    everything = await kit.ids(state)
    assert sorted(everything) == sorted(ids)
    assert [await kit.ids(state, offset=at, limit=2) for at in (0, 2, 4, 6)] == [
        everything[:2], everything[2:4], everything[4:], [],
    ]  # fmt: skip
    assert await kit.ids(state, limit=0) == []


async def test_ended_jobs_are_listed_newest_first(kit: Kit) -> None:
    await kit.add_many(4)
    lane = kit.lane()
    ids: list[str] = []
    for _ in range(4):
        (job,) = await kit.claim(lane)
        await kit.settle(lane, done(job))
        await kit.let_pass(1)
        ids.append(job.job_id)
    assert await kit.ids(State.COMPLETED) == ids[::-1]


async def test_running_jobs_are_listed_oldest_first(kit: Kit) -> None:
    ids = await kit.add_many(6)
    for at in range(3):
        await kit.claim(kit.lane(f"w{at}"), 2)
    assert await kit.active() == ids


async def test_times_are_aware(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, done(job))
    info = await kit.job(job.job_id)
    times = [at for _, at in info.timeline]
    assert times == sorted(times)
    assert all(at.tzinfo is UTC for at in times)
    assert abs((datetime.now(UTC) - info.timestamp).total_seconds()) < 60


async def test_ends_are_counted_by_the_minute(kit: Kit) -> None:
    await kit.add_many(5)
    await kit.add_many(1, "other")
    lane = kit.lane(tasks=(TASK, "other"))
    jobs = await kit.claim(lane, 5)
    (elsewhere,) = await kit.claim(lane, task="other")
    await kit.settle(lane, *map(done, jobs[:3]), failed(jobs[3]), Settled(jobs[4], "retry", b"x"), done(elsewhere))
    throughput = kit.adapter.vitals.throughput
    for tasks, minutes, expected in (((TASK,), 1, (3, 1)), ((TASK, "other"), 5, (4, 1)), ((), 1, (0, 0))):
        rows = await throughput(tasks, minutes, 3).run_async()
        assert len(rows) == 3
        assert (sum(row.completed for row in rows), sum(row.failed for row in rows)) == expected
        gaps = {(late.at - early.at).total_seconds() for early, late in itertools.pairwise(rows)}
        assert gaps == {60.0 * minutes}
        assert all(row.at.timestamp() % (60 * minutes) == 0 for row in rows)


async def test_w57_failures_by_crashes_and_stalls_and_late_outcomes_are_counted_too(kit: Kit) -> None:
    async def counted() -> tuple[int, int]:
        rows = await kit.adapter.vitals.throughput((TASK,), 1, 5).run_async()
        return sum(row.completed for row in rows), sum(row.failed for row in rows)

    await kit.add_many(1)
    await kit.claim(kit.lane("dead"))
    await kit.recover("dead", max_crashes=0)
    assert await counted() == (0, 1)
    await kit.add_many(1)
    await kit.claim(kit.lane("gone", ttl_ms=SHORT_MS))
    await kit.sweep(0)
    await kit.let_pass(SHORT_MS)
    assert await kit.sweep(0) == 1
    assert await counted() == (0, 2)
    await kit.add_many(1)
    lane = kit.lane("late", ttl_ms=SHORT_MS)
    (job,) = await kit.claim(lane)
    await kit.let_pass(SHORT_MS)
    # Sent twice, as after a lost reply: counted once, with the outcome and not beside it.
    for _ in range(2):
        await kit.settle(lane, done(job))
    assert await counted() == (1, 2)
