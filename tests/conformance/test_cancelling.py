"""Cancelling: at once what waits, by its worker what runs."""

import asyncio

import pytest

from conformance.kit import TASK, Kit, done, soon
from taskora.ids import new_id
from taskora.model import Held, NewJob, Settled, State, Want


@pytest.mark.parametrize(
    "job", [NewJob("job-1", b"1"), NewJob("job-1", b"1", delay_ms=60_000), NewJob("job-1", b"1", priority=4)]
)
async def test_a_queued_job_is_cancelled_at_once_wherever_it_stands(kit: Kit, job: NewJob) -> None:
    (other,) = await kit.add_many(1)
    await kit.add(job)
    assert await kit.cancel("job-1", "why") == "cancelled"
    info = await kit.job("job-1")
    assert (info.state, info.cancel_reason) == (State.CANCELLED, "why")
    assert [name for name, _ in info.timeline] == ["waiting", "cancelled"]
    assert await kit.claim_all() == [other]
    assert await kit.ids(State.CANCELLED) == ["job-1"]


async def test_a_retrying_job_is_cancelled_at_once(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, Settled(job, "retry", b"x", delay_ms=1))
    assert await kit.cancel(job.job_id) == "cancelled"
    await kit.let_pass(1)
    assert await kit.claim_all() == []
    assert (await kit.job(job.job_id)).cancel_reason is None


async def test_a_running_job_is_flagged_and_runs_on(kit: Kit) -> None:
    _, job = await kit.started()
    assert await kit.cancel(job.job_id, "why") == "flagged"
    assert await kit.active() == [job.job_id]
    held = Held(TASK, job.job_id, job.token, job.processed_ms)
    assert await kit.adapter.leases.extend([held], 1000).run_async() == [-1]


async def test_what_has_ended_or_never_was_cannot_be_cancelled(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, done(job))
    before = await kit.job(job.job_id)
    assert await kit.cancel(job.job_id, "x") == "not_cancellable"
    assert await kit.cancel(new_id(), "x") == "not_cancellable"
    assert await kit.job(job.job_id) == before


@pytest.mark.parametrize("verb", ["cancel", "complete", "retry", "fail", "return", "defer"])
async def test_a_flagged_job_ends_as_cancelled_whatever_its_outcome(kit: Kit, verb: str) -> None:
    lane, job = await kit.started()
    await kit.cancel(job.job_id, "why")
    assert (await kit.settle(lane, Settled(job, verb, b"1"))).lost == ()  # type: ignore[arg-type]  # a str parameter
    outcome = await kit.adapter.jobs.outcome(TASK, job.job_id).run_async()
    assert outcome is not None
    assert (outcome.state, outcome.reason, outcome.result) == (State.CANCELLED, "why", None)
    assert await kit.ids(State.CANCELLED) == [job.job_id]
    assert (await kit.stats()).active == 0


async def test_a_cancel_of_one_task_does_not_reach_another(kit: Kit) -> None:
    await kit.add(NewJob("job-1", b"1"))
    await kit.add(NewJob("job-1", b"1"), task="other")
    assert await kit.cancel("job-1") == "cancelled"
    assert await kit.state("job-1", "other") == "waiting"


async def test_a_watch_begins_with_a_gap_and_then_tells_of_each_cancel(kit: Kit) -> None:
    ids = await kit.add_many(2)
    (other,) = await kit.add_many(1, "other")
    await kit.lane(tasks=(TASK, "other")).step([], [Want(TASK, 2), Want("other", 1)])
    watch = kit.adapter.leases.watch_cancels([TASK, "other"])
    told = aiter(watch)
    assert await soon(anext(told)) == ("", "")
    for task, job_id in ((TASK, ids[1]), ("other", other), (TASK, ids[0])):
        assert await kit.cancel(job_id, task=task) == "flagged"
        assert await soon(anext(told)) == (task, job_id)
    last = asyncio.ensure_future(anext(told, None))
    await asyncio.sleep(0)
    await watch.close()
    assert await soon(last) is None


async def test_a_watch_tells_nothing_of_jobs_that_wait_and_of_other_tasks(kit: Kit) -> None:
    first, second = await kit.add_many(2)
    await kit.add_many(1, "other")
    (elsewhere,) = await kit.claim(kit.lane("w2", ("other",)), task="other")
    await kit.claim(kit.lane())
    watch = kit.adapter.leases.watch_cancels([TASK])
    told = aiter(watch)
    await soon(anext(told))
    await kit.cancel(second)
    await kit.cancel(elsewhere.job_id, task="other")
    await kit.cancel(first)
    assert await soon(anext(told)) == (TASK, first)
    await watch.close()


async def test_every_watch_is_told(kit: Kit) -> None:
    _, job = await kit.started()
    watches = [kit.adapter.leases.watch_cancels([TASK]) for _ in range(2)]
    iterators = [aiter(watch) for watch in watches]
    for told in iterators:
        await soon(anext(told))
    await kit.cancel(job.job_id)
    assert [await soon(anext(told)) for told in iterators] == [(TASK, job.job_id)] * 2
    for watch in watches:
        await watch.close()


async def test_a_cancel_from_another_thread_is_told(kit: Kit) -> None:
    _, job = await kit.started()
    watch = kit.adapter.leases.watch_cancels([TASK])
    told = aiter(watch)
    await soon(anext(told))
    following = asyncio.ensure_future(anext(told))
    await asyncio.to_thread(kit.adapter.jobs.cancel(TASK, job.job_id, "").run)
    assert await soon(following) == (TASK, job.job_id)
    await watch.close()
