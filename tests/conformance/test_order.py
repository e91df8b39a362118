"""Which job runs next."""

import pytest

from conformance.kit import SHORT_MS, TASK, Kit, done
from taskora.ids import new_id
from taskora.model import NewJob, Settled, State, Want


async def test_jobs_run_in_the_order_in_which_they_came(kit: Kit) -> None:
    ids = await kit.add_many(30)
    assert await kit.claim_all() == ids


async def test_a_higher_priority_runs_first_then_the_older(kit: Kit) -> None:
    plain = await kit.add_many(2)
    jobs = [NewJob(new_id(), b"1", priority=priority) for priority in (1, 900, 5, 1, 900, 5)]
    await kit.add(*jobs)
    ordered = [job.job_id for job in sorted(jobs, key=lambda job: (-job.priority, job.job_id))]
    assert await kit.waiting() == [*ordered, *plain]
    assert await kit.claim_all() == [*ordered, *plain]


async def test_of_equal_priority_the_one_that_came_first_runs_first(kit: Kit) -> None:
    ids = [f"job-{9 - at}" for at in range(4)]
    for job_id in ids:
        await kit.add(NewJob(job_id, b"1", priority=900))
        await kit.let_pass(1)
    assert await kit.claim_all() == ids


async def test_a_batch_keeps_its_order_whatever_the_options_of_its_jobs(kit: Kit) -> None:
    options = [{}, {"ttl_ms": 60_000}, {}, {"given": True}, {}, {}, {"ttl_ms": 60_000, "given": True}, {}]
    jobs = [NewJob(f"job-{at}", b"1", **each) for at, each in enumerate(options)]  # type: ignore[arg-type]  # mixed options
    await kit.add(*jobs)
    assert await kit.claim_all() == [job.job_id for job in jobs]


async def test_due_jobs_run_in_the_order_in_which_they_were_due(kit: Kit) -> None:
    jobs = [NewJob(new_id(), b"1", delay_ms=delay_ms) for delay_ms in (8, 2, 6, 4)]
    await kit.add(*jobs)
    await kit.let_pass(8)
    assert await kit.claim_all() == [job.job_id for job in sorted(jobs, key=lambda job: job.delay_ms)]


async def test_jobs_due_in_the_same_millisecond_come_first_come_first_served(kit: Kit) -> None:
    jobs = [NewJob(new_id(), b"1", delay_ms=1) for _ in range(50)]
    await kit.add(*jobs)
    await kit.let_pass(1)
    assert await kit.claim_all() == [job.job_id for job in jobs]


async def test_a_due_job_stands_behind_those_that_waited_already(kit: Kit) -> None:
    later = new_id()
    await kit.add(NewJob(later, b"1", delay_ms=2))
    ids = await kit.add_many(3)
    await kit.let_pass(2)
    assert await kit.claim_all() == [*ids, later]


async def test_a_due_job_with_a_priority_takes_the_place_of_its_age(kit: Kit) -> None:
    early = new_id()
    await kit.add(NewJob(early, b"1", priority=3, delay_ms=5))
    await kit.let_pass(1)
    late = new_id()
    await kit.add(NewJob(late, b"1", priority=3))
    await kit.let_pass(5)
    assert await kit.claim_all() == [early, late]


async def test_more_due_jobs_than_one_promotion_takes_are_all_promoted_without_waiting(kit: Kit) -> None:
    await kit.add(*(NewJob(new_id(), b"1", delay_ms=1) for _ in range(350)))
    await kit.let_pass(1)
    lane = kit.lane()
    replies = [await lane.step([], [Want(TASK, 1000)]) for _ in range(4)]
    assert [len(reply.jobs) for reply in replies] == [100, 100, 100, 50]
    assert [reply.next_due_ms for reply in replies] == [0, 0, 0, None]


async def test_promotion_takes_the_due_time_of_the_next_from_all_tasks(kit: Kit) -> None:
    lane = kit.lane(tasks=(TASK, "other", "empty"))
    assert await lane.promote([TASK, "other", "empty"]) is None
    await kit.add(NewJob(new_id(), b"1", delay_ms=90_000))
    await kit.add(NewJob(new_id(), b"1", delay_ms=60_000), task="other")
    due_ms = await lane.promote([TASK, "other", "empty"])
    assert due_ms is not None
    assert 50_000 < due_ms <= 60_000


async def test_promotion_queues_what_is_due_and_nothing_else(kit: Kit) -> None:
    soon, later = new_id(), new_id()
    await kit.add(NewJob(soon, b"1", delay_ms=1), NewJob(later, b"1", delay_ms=60_000))
    await kit.let_pass(1)
    await kit.lane().promote([TASK])
    assert (await kit.waiting(), await kit.ids(State.DELAYED)) == ([soon], [later])


async def test_a_claim_tells_when_the_next_job_of_its_tasks_is_due(kit: Kit) -> None:
    lane = kit.lane(tasks=(TASK, "other"))
    assert (await lane.step([], [Want(TASK, 1)])).next_due_ms is None
    await kit.add(NewJob(new_id(), b"1", delay_ms=60_000))
    await kit.add(NewJob(new_id(), b"1", delay_ms=30_000), task="other")
    first = (await lane.step([], [Want(TASK, 1)])).next_due_ms
    both = (await lane.step([], [Want(TASK, 1), Want("other", 1)])).next_due_ms
    assert first is not None
    assert both is not None
    assert 50_000 < first <= 60_000
    assert 20_000 < both <= 30_000


async def test_returned_jobs_run_before_those_that_wait_and_in_their_old_order(kit: Kit) -> None:
    ids = await kit.add_many(6)
    lane = kit.lane()
    jobs = await kit.claim(lane, 4)
    await kit.settle(lane, done(jobs[0]), *(Settled(job, "return") for job in jobs[1:]))
    assert await kit.claim_all() == ids[1:]


async def test_a_returned_job_with_a_priority_keeps_its_place(kit: Kit) -> None:
    jobs = [NewJob(f"job-{at}", b"1", priority=5) for at in range(3)]
    for job in jobs:
        await kit.add(job)
        await kit.let_pass(1)
    lane = kit.lane()
    first, second = await kit.claim(lane, 2)
    await kit.settle(lane, Settled(second, "return"), Settled(first, "return"))
    assert await kit.claim_all() == [job.job_id for job in jobs]


async def test_recovered_jobs_run_before_those_that_wait_and_in_their_old_order(kit: Kit) -> None:
    ids = await kit.add_many(200)
    lane = kit.lane("w1")
    for _ in range(15):
        await kit.claim(lane, 10)
    assert await kit.recover("w1") == 150
    assert await kit.claim_all() == ids


async def test_swept_jobs_run_before_those_that_wait_and_in_their_old_order(kit: Kit) -> None:
    ids = await kit.add_many(40)
    await kit.claim(kit.lane(ttl_ms=SHORT_MS), 30)
    await kit.sweep()
    await kit.let_pass(SHORT_MS)
    assert await kit.sweep() == 30
    assert await kit.claim_all() == ids


@pytest.mark.parametrize("slots", [0, 1, 3])
async def test_a_worker_never_gets_more_than_it_wants(kit: Kit, slots: int) -> None:
    await kit.add_many(10)
    await kit.add_many(10, "other")
    lane = kit.lane(tasks=(TASK, "other"))
    jobs = (await lane.step([], [Want(TASK, slots), Want("other", 0)])).jobs
    assert [job.task for job in jobs] == [TASK] * slots


async def test_one_claim_serves_several_tasks(kit: Kit) -> None:
    first, second = await kit.add_many(3), await kit.add_many(3, "other")
    lane = kit.lane(tasks=(TASK, "other"))
    jobs = (await lane.step([], [Want("other", 2), Want(TASK, 2)])).jobs
    assert [job.job_id for job in jobs] == [*second[:2], *first[:2]]


async def test_one_claim_may_take_thousands_of_jobs(kit: Kit) -> None:
    ids = await kit.add_many(9000)
    lane = kit.lane()
    jobs = await kit.claim(lane, 9000)
    assert [job.job_id for job in jobs] == ids
    assert (await kit.settle(lane, *map(done, jobs))).lost == ()
    stats = await kit.stats()
    assert (stats.completed, stats.active) == (9000, 0)


async def test_a_sweep_of_thousands_of_jobs_loses_none(kit: Kit) -> None:
    ids = await kit.add_many(9000)
    await kit.claim(kit.lane(), 9000)
    assert await kit.sweep() == 0
    assert await kit.recover("w1") == 9000
    assert await kit.waiting() == ids


async def test_a_job_is_taken_from_among_many_running_ones_whatever_its_age(kit: Kit) -> None:
    ids = await kit.add_many(400)
    lane = kit.lane()
    jobs = [job for _ in range(40) for job in await kit.claim(lane, 10)]
    for at in (0, 399, 200, 1, 398):
        await kit.settle(lane, done(jobs[at]))
    assert await kit.active() == [job_id for at, job_id in enumerate(ids) if at not in (0, 399, 200, 1, 398)]
