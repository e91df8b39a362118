"""How a run ends, and what is stored of it."""

import pytest

from conformance.kit import TASK, Kit, done, failed
from support import wait_until_async
from taskora.ids import new_id
from taskora.model import EnqueueSpec, NewJob, Settled, State, Want


async def test_a_completed_job_keeps_its_result(kit: Kit) -> None:
    lane, job = await kit.started()
    assert (await kit.settle(lane, done(job, b'{"ok":true}'))).lost == ()
    info = await kit.job(job.job_id)
    assert (info.state, info.result, info.error) == (State.COMPLETED, {"ok": True}, None)
    assert [name for name, _ in info.timeline] == ["waiting", "active", "completed"]
    outcome = await kit.adapter.jobs.outcome(TASK, job.job_id).run_async()
    assert outcome is not None
    assert (outcome.state, outcome.result, outcome.error) == (State.COMPLETED, b'{"ok":true}', None)


async def test_a_failed_job_keeps_its_error(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, failed(job, "größer".encode()))
    info = await kit.job(job.job_id)
    assert (info.state, info.data, info.error, info.error_type, info.traceback) == (
        State.FAILED, 0, "größer", "ValueError", "Traceback",
    )  # fmt: skip
    assert [name for name, _ in info.timeline] == ["waiting", "active", "failed"]
    outcome = await kit.adapter.jobs.outcome(TASK, job.job_id).run_async()
    assert outcome is not None
    assert (outcome.state, outcome.error, outcome.error_type) == (State.FAILED, "größer", "ValueError")


async def test_a_running_job_has_no_outcome_yet_whatever_happened_before(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, Settled(job, "retry", b"again", error_type="OSError"))
    outcome = await kit.adapter.jobs.outcome(TASK, job.job_id).run_async()
    assert outcome is not None
    assert (outcome.state, outcome.error, outcome.result) == (State.RETRYING, None, None)


async def test_a_retry_comes_back_as_the_next_attempt_after_its_delay(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, Settled(job, "retry", b"again", delay_ms=5, error_type="OSError"))
    info = await kit.job(job.job_id)
    assert (info.state, info.attempt, info.error, info.error_type) == (State.RETRYING, 2, "again", "OSError")
    assert info.finished_on is None
    await kit.let_pass(5)
    (again,) = await kit.claim(lane)
    assert (again.job_id, again.attempt, again.data) == (job.job_id, 2, b"0")


async def test_a_retry_is_not_claimed_before_its_time(kit: Kit) -> None:
    lane, job = await kit.started()
    reply = await lane.step([Settled(job, "retry", b"again", delay_ms=60_000)], [Want(TASK, 1)])
    assert reply.jobs == []
    assert reply.next_due_ms is not None
    assert 50_000 < reply.next_due_ms <= 60_000


async def test_an_error_that_was_overcome_can_still_be_read(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, Settled(job, "retry", b"again"))
    (again,) = await kit.claim(lane)
    await kit.settle(lane, done(again, b"1"))
    info = await kit.job(job.job_id)
    assert (info.state, info.attempt, info.result, info.error) == (State.COMPLETED, 2, 1, "again")


async def test_a_delayed_job_that_fails_twice_goes_through_all_its_states(kit: Kit) -> None:
    job_id, lane = new_id(), kit.lane()
    await kit.add(NewJob(job_id, b"{}", delay_ms=5, priority=3), spec=EnqueueSpec(max_attempts=2))
    seen = [await kit.state(job_id)]
    for outcome in ("retry", "fail"):
        (job,) = await wait_until_async(lambda: kit.claim(lane))
        seen.append(await kit.state(job_id))
        await kit.settle(lane, Settled(job, "retry", b"bang", delay_ms=5) if outcome == "retry" else failed(job))
        seen.append(await kit.state(job_id))
    assert seen == ["delayed", "active", "retrying", "active", "failed"]
    assert await kit.ids(State.FAILED) == [job_id]


async def test_a_returned_job_waits_again_uncharged(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, Settled(job, "return"))
    assert (await kit.waiting(), await kit.active()) == ([job.job_id], [])
    (again,) = await kit.claim(lane)
    assert (again.job_id, again.attempt) == (job.job_id, 1)


async def test_a_deferred_job_comes_back_uncharged_after_its_delay(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, Settled(job, "defer", delay_ms=10))
    assert await kit.ids(State.DELAYED) == [job.job_id]
    (again,) = await wait_until_async(lambda: kit.claim(lane))
    assert (again.job_id, again.attempt) == (job.job_id, 1)


async def test_a_cancelled_run_ends_as_cancelled(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, Settled(job, "cancel"))
    assert await kit.ids(State.CANCELLED) == [job.job_id]


async def test_settling_and_claiming_are_one_round_trip(kit: Kit) -> None:
    ids = await kit.add_many(4)
    lane = kit.lane()
    first = await kit.claim(lane, 2)
    reply = await lane.step([done(job) for job in first], [Want(TASK, 5)])
    assert [job.job_id for job in reply.jobs] == ids[2:]
    assert (await kit.stats()).completed == 2


async def test_a_step_may_claim_what_it_gives_back(kit: Kit) -> None:
    lane, job = await kit.started()
    reply = await lane.step([Settled(job, "return")], [Want(TASK, 1)])
    assert [again.job_id for again in reply.jobs] == [job.job_id]
    assert reply.jobs[0].token != job.token


async def test_a_step_of_nothing_answers(kit: Kit) -> None:
    reply = await kit.lane().step([], [])
    assert (reply.jobs, reply.next_due_ms, reply.fenced, reply.lost, reply.owed) == ([], None, "", (), ())


async def test_outcomes_of_several_tasks_travel_together(kit: Kit) -> None:
    await kit.add_many(2)
    await kit.add_many(2, "other")
    lane = kit.lane(tasks=(TASK, "other"))
    jobs = (await lane.step([], [Want(TASK, 2), Want("other", 2)])).jobs
    await kit.settle(lane, done(jobs[0]), failed(jobs[1]), failed(jobs[2]), done(jobs[3]))
    for task in (TASK, "other"):
        stats = await kit.stats(task)
        assert (stats.completed, stats.failed) == (1, 1)


@pytest.mark.parametrize("payload", [b"", b"null", b"[1,2]", '"größer"'.encode(), b"x" * 100_000])
async def test_a_result_is_kept_byte_for_byte(kit: Kit, payload: bytes) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, done(job, payload))
    outcome = await kit.adapter.jobs.outcome(TASK, job.job_id).run_async()
    assert outcome is not None
    assert outcome.result == payload


@pytest.mark.parametrize("payload", [b"", b"null", '{"ä":[1.5,null]}'.encode(), b"\x00\xff binary", b"x" * 100_000])
async def test_a_payload_is_kept_byte_for_byte(kit: Kit, payload: bytes) -> None:
    await kit.add(NewJob(new_id(), payload))
    (job,) = await kit.claim(kit.lane())
    assert job.data == payload
