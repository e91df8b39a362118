"""What a job tells of its runs that did not succeed."""

from datetime import timedelta

from conformance.kit import ALL, SHORT_MS, TASK, Kit, done, failed
from taskora.config import Keep
from taskora.ids import new_id
from taskora.model import Claimed, NewJob, PastAttempt, Settled, State


def retried(job: Claimed, message: bytes = b"boom", delay_ms: int = 0, error_type: str = "ValueError") -> Settled:
    return Settled(job, "retry", message, delay_ms=delay_ms, error_type=error_type)


async def past(kit: Kit, job_id: str) -> tuple[PastAttempt, ...]:
    return (await kit.job(job_id)).past_attempts


async def test_a_job_that_succeeds_at_once_has_none(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, done(job))
    assert await past(kit, job.job_id) == ()


async def test_a_retry_is_told_with_its_cause_its_worker_and_what_followed(kit: Kit) -> None:
    lane, job = await kit.started("w1")
    await kit.settle(lane, retried(job, b"no row", 60_000))
    info = await kit.job(job.job_id)
    (told,) = info.past_attempts
    assert (told.number, told.reason, told.worker) == (1, "error", "w1")
    assert (told.error_type, told.error, told.cut, told.cause) == ("ValueError", "no row", False, None)
    assert told.processed_on == info.processed_on
    assert told.followed_by == "retry"
    assert told.retry_at == told.finished_on + timedelta(minutes=1)


async def test_failing_for_good_follows_the_retries_and_stays_when_the_job_is_queued_anew(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, retried(job))
    (job,) = await kit.claim(lane)
    await kit.settle(lane, failed(job, b"at last"))
    told = await past(kit, job.job_id)
    assert [(one.number, one.error, one.followed_by) for one in told] == [
        (1, "boom", "retry"),
        (2, "at last", "failed"),
    ]
    assert await kit.adapter.dead_letters.requeue(TASK, job.job_id).run_async()
    assert await past(kit, job.job_id) == told
    (job,) = await kit.claim(lane)
    await kit.settle(lane, done(job))
    assert await past(kit, job.job_id) == told


async def test_a_timeout_is_told_as_one(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, retried(job, b"took 3 s", error_type="TimeoutError"))
    (told,) = await past(kit, job.job_id)
    assert (told.reason, told.error) == ("timeout", "took 3 s")


async def test_a_run_that_kept_its_process_is_one_attempt_of_the_worker_that_ran_it(kit: Kit) -> None:
    _, job = await kit.started("w1")
    await kit.let_pass(2)
    await kit.recover("w1", cause="hung", overdue_ms=1, suspects=[job.job_id[-8:]])
    (told,) = await past(kit, job.job_id)
    assert (told.reason, told.worker, told.cause, told.followed_by) == ("timeout", "w1", "hung", "queued")
    lane = kit.lane("w2")
    (again,) = await kit.claim(lane)
    await kit.settle(lane, failed(again, b"took 3 s"))
    (told,) = await past(kit, job.job_id)
    assert (told.worker, told.error, told.followed_by) == ("w1", "took 3 s", "failed")


async def test_a_crash_is_told_with_what_ended_the_process(kit: Kit) -> None:
    _, job = await kit.started("w1")
    await kit.recover("w1", cause="signal:11", max_crashes=1)
    await kit.claim(kit.lane("w2"))
    await kit.recover("w2", cause="signal:9", max_crashes=1)
    told = await past(kit, job.job_id)
    assert [(one.number, one.reason, one.worker, one.cause, one.followed_by) for one in told] == [
        (1, "crash", "w1", "signal:11", "queued"), (1, "crash", "w2", "signal:9", "failed"),
    ]  # fmt: skip


async def test_a_run_that_ended_with_a_process_for_another_reason_is_lost(kit: Kit) -> None:
    _, job = await kit.started("w1")
    await kit.recover("w1", cause="killed", charged=False)
    (told,) = await past(kit, job.job_id)
    assert (told.reason, told.worker, told.cause, told.followed_by) == ("lost", "w1", "killed", "queued")


async def test_stalls_are_told(kit: Kit) -> None:
    _, job = await kit.started(ttl_ms=SHORT_MS)
    for limit in (1, 1):
        await kit.let_pass(SHORT_MS)
        await kit.sweep(limit)
        await kit.sweep(limit)
        await kit.claim(kit.lane(f"w{new_id()}", ttl_ms=SHORT_MS))
    told = await past(kit, job.job_id)
    assert [(one.reason, one.worker, one.followed_by) for one in told] == [
        ("stall", None, "queued"), ("stall", None, "failed"),
    ]  # fmt: skip


async def test_a_cancel_while_it_ran_is_told_with_its_reason(kit: Kit) -> None:
    lane, job = await kit.started("w1")
    await kit.cancel(job.job_id, "not needed")
    await kit.settle(lane, done(job))
    (told,) = await past(kit, job.job_id)
    assert (told.reason, told.error, told.followed_by) == ("cancel", "not needed", "cancelled")


async def test_what_did_not_run_is_no_attempt(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, Settled(job, "return"))
    (job,) = await kit.claim(lane)
    await kit.settle(lane, Settled(job, "defer", delay_ms=60_000))
    await kit.cancel(job.job_id)
    assert await past(kit, job.job_id) == ()


async def test_the_newest_twenty_are_kept(kit: Kit) -> None:
    lane, job = await kit.started()
    for at in range(25):
        await kit.settle(lane, retried(job, b"%d" % at))
        (job,) = await kit.claim(lane)
    assert [one.error for one in await past(kit, job.job_id)] == [str(at) for at in range(5, 25)]


async def test_a_long_message_is_cut_between_two_characters_and_says_so(kit: Kit) -> None:
    for message, kept in (("é" * 300, "é" * 250), ("x" + "é" * 300, "x" + "é" * 249), ("x" * 501, "x" * 500)):
        lane, job = await kit.started()
        await kit.settle(lane, failed(job, message.encode()))
        (told,) = await past(kit, job.job_id)
        assert (told.error, told.cut) == (kept, True)
    lane, job = await kit.started()
    await kit.settle(lane, failed(job, b"x" * 500))
    (told,) = await past(kit, job.job_id)
    assert (told.error, told.cut) == ("x" * 500, False)


async def test_lines_and_controls_in_a_message_stay_in_it(kit: Kit) -> None:
    message = 'a\nb\r\n\x00"\\\x7f\u2028</script>'
    lane, job = await kit.started()
    await kit.settle(lane, failed(job, message.encode()))
    assert [one.error for one in await past(kit, job.job_id)] == [message]


async def test_they_go_with_the_job(kit: Kit) -> None:
    job_id = new_id()
    await kit.add(NewJob(job_id, b"1"))
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.settle(lane, failed(job))
    assert await kit.adapter.house.trim(TASK, State.FAILED, Keep(0, None), ALL).run_async() == 1
    await kit.add(NewJob(job_id, b"1"))
    assert await past(kit, job_id) == ()
