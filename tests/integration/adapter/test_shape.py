"""What is written has the shape that other implementations read, field for field."""

import pytest

from integration.adapter.kit import TASK, Kit, done, failed
from support import wait_until, wait_until_async
from taskora.ids import new_id
from taskora.model import EnqueueSpec, NewJob, Settled, Want


def is_ms(text: str, near_ms: int) -> bool:
    return text.isdecimal() and abs(int(text) - near_ms) < 10_000


async def test_a_plain_job_is_written_as_the_format_says(kit: Kit) -> None:
    job_id, now = new_id(), kit.now_ms()
    await kit.add(NewJob(job_id, b'{"a":1}'), spec=EnqueueSpec(version=3, max_attempts=5))
    fields = kit.hash(job_id)
    assert is_ms(fields.pop("ts"), now)
    assert fields == {
        "_v": "3", "attempt": "1", "maxAttempts": "5", "state": "waiting", "priority": "0", "data": '{"a":1}',
    }  # fmt: skip
    assert kit.waiting() == [job_id]
    assert kit.marked()
    assert kit.events() == [{"event": "waiting", "jobId": job_id}]


async def test_a_job_with_a_priority_stands_in_the_set_with_its_score(kit: Kit) -> None:
    job_id = new_id()
    await kit.add(NewJob(job_id, b"1", priority=2))
    ts = int(kit.hash(job_id)["ts"])
    assert kit.raw.zscore(f"{kit.base()}:prioritized", job_id) == ts - 2 * 10**13
    assert kit.waiting() == []
    assert kit.marked()


async def test_the_highest_priority_keeps_its_milliseconds(kit: Kit) -> None:
    job_id = new_id()
    await kit.add(NewJob(job_id, b"1", priority=900))
    text = kit.raw.execute_command("ZSCORE", f"{kit.base()}:prioritized", job_id)
    assert int(float(text)) == int(kit.hash(job_id)["ts"]) - 900 * 10**13


async def test_a_delayed_job_is_written_as_the_format_says(kit: Kit) -> None:
    job_id, now = new_id(), kit.now_ms()
    await kit.add(NewJob(job_id, b"1", delay_ms=60_000, priority=3))
    fields = kit.hash(job_id)
    ts = fields.pop("ts")
    assert is_ms(ts, now)
    assert fields == {
        "delay": "60000", "_v": "1", "attempt": "1", "maxAttempts": "1", "state": "delayed", "priority": "3",
        "data": "1",
    }  # fmt: skip
    assert kit.raw.zscore(f"{kit.base()}:delayed", job_id) == int(ts) + 60_000
    assert kit.raw.zscore(f"{kit.base()}:marker", "0") == int(ts) + 60_000
    assert kit.events() == [{"event": "delayed", "jobId": job_id}]


async def test_a_later_delay_does_not_put_the_marker_off(kit: Kit) -> None:
    await kit.add(NewJob(new_id(), b"1", delay_ms=60_000))
    score = kit.raw.zscore(f"{kit.base()}:marker", "0")
    await kit.add(NewJob(new_id(), b"1", delay_ms=90_000))
    assert kit.raw.zscore(f"{kit.base()}:marker", "0") == score


async def test_a_time_to_live_is_stored_as_the_moment_of_its_end(kit: Kit) -> None:
    job_id = new_id()
    await kit.add(NewJob(job_id, b"1", ttl_ms=60_000))
    fields = kit.hash(job_id)
    assert int(fields["expireAt"]) == int(fields["ts"]) + 60_000
    assert "expireAt" not in kit.hash((await kit.add_many(1))[0])


async def test_a_claim_is_written_as_the_format_says(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    lane, now = kit.lane(), kit.now_ms()
    (job,) = await kit.claim(lane)
    fields = kit.hash(job_id)
    assert (fields["state"], kit.waiting(), kit.active()) == ("active", [], [job_id])
    assert is_ms(fields["processedOn"], now)
    assert kit.raw.get(f"{kit.base()}:{job_id}:lock") == job.token
    assert 29_000 < kit.raw.pttl(f"{kit.base()}:{job_id}:lock") <= 30_000
    assert kit.event_names(job_id) == ["waiting", "active"]
    assert (job.task, job.job_id, job.data, job.attempt, job.version, job.cause) == (TASK, job_id, b"0", 1, 1, "")
    assert (job.ts_ms, job.processed_ms) == (int(fields["ts"]), int(fields["processedOn"]))


async def test_a_completion_is_written_as_the_format_says(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    now = kit.now_ms()
    assert (await kit.settle(lane, done(job, b'{"ok":true}'))).lost == ()
    fields = kit.hash(job_id)
    assert (fields["state"], fields["result"]) == ("completed", '{"ok":true}')
    assert is_ms(fields["finishedOn"], now)
    assert set(fields) == {
        "ts", "_v", "attempt", "maxAttempts", "state", "priority", "data", "processedOn", "finishedOn", "result",
    }  # fmt: skip
    assert kit.raw.zscore(f"{kit.base()}:completed", job_id) == int(fields["finishedOn"])
    assert kit.active() == []
    assert not kit.raw.exists(f"{kit.base()}:{job_id}:lock")
    # Behind what the format says, ours: what belongs to the event when it happens.
    event = kit.events(job_id=job_id)[-1]
    assert int(event.pop("duration")) >= 0
    assert event == {"event": "completed", "jobId": job_id, "attempt": "1"}


@pytest.mark.parametrize("verb", ["completed", "failed"])
async def test_ends_are_counted_by_the_minute_for_a_day(kit: Kit, verb: str) -> None:
    await kit.add_many(3)
    lane = kit.lane()
    jobs = await kit.claim(lane, 3)
    await kit.settle(lane, *(done(job) if verb == "completed" else failed(job) for job in jobs))
    at = int(kit.hash(jobs[0].job_id)["finishedOn"])
    key = f"{kit.base()}:metrics:{verb}:{at - at % 60_000}"
    assert kit.raw.get(key) == "3"
    assert 86_000 < kit.raw.ttl(key) <= 86_400


async def test_w57_cancelled_and_expired_jobs_are_counted_in_the_form_of_the_others(kit: Kit) -> None:
    cancelled, expired = await kit.add_many(1), [new_id() for _ in range(3)]
    await kit.adapter.jobs.cancel(TASK, cancelled[0], "").run_async()
    await kit.add(*(NewJob(job_id, b"1", ttl_ms=1) for job_id in expired))
    wait_until(lambda: kit.now_ms() > int(kit.hash(expired[-1])["expireAt"]))
    assert await kit.claim(kit.lane(), 5) == []
    for name, ids in (("cancelled", cancelled), ("expired", expired)):
        at = int(kit.hash(ids[0])["finishedOn"])
        key = f"{kit.base()}:metrics:{name}:{at - at % 60_000}"
        assert kit.raw.get(key) == str(len(ids))
        assert 86_000 < kit.raw.ttl(key) <= 86_400


async def test_a_failure_is_written_as_the_format_says(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.settle(lane, failed(job, "größer".encode()))
    fields = kit.hash(job_id)
    assert (fields["state"], fields["error"], fields["errorType"], fields["trace"]) == (
        "failed", "größer", "ValueError", "Traceback",
    )  # fmt: skip
    assert fields["attempt"] == "1"
    assert kit.raw.zscore(f"{kit.base()}:failed", job_id) == int(fields["finishedOn"])
    # Behind what the format says, ours: what belongs to the event when it happens.
    assert kit.events(job_id=job_id)[-1] == {"event": "failed", "jobId": job_id, "attempt": "1", "error": "größer"}


async def test_a_retry_is_written_as_the_format_says(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    kit.raw.delete(f"{kit.base()}:marker")
    await kit.settle(lane, Settled(job, "retry", b"again", delay_ms=60_000, error_type="OSError"))
    fields = kit.hash(job_id)
    assert (fields["state"], fields["attempt"], fields["error"]) == ("retrying", "2", "again")
    assert "finishedOn" not in fields
    due = kit.raw.zscore(f"{kit.base()}:delayed", job_id)
    assert abs(due - 60_000 - kit.now_ms()) < 5_000
    assert kit.raw.zscore(f"{kit.base()}:marker", "0") == due
    *_, last = kit.events(job_id=job_id)
    assert list(last.items())[:4] == [
        ("event", "retrying"), ("jobId", job_id), ("attempt", "2"), ("nextAttemptAt", str(int(due))),
    ]  # fmt: skip
    assert not kit.raw.keys(f"{kit.base()}:metrics:*")


async def test_a_delayed_job_that_fails_twice_leaves_the_events_of_the_worked_example(kit: Kit) -> None:
    job_id, lane = new_id(), kit.lane()
    await kit.add(NewJob(job_id, b"{}", delay_ms=5, priority=3), spec=EnqueueSpec(max_attempts=2))
    for settled in ("retry", "fail"):
        jobs = await wait_until_async(lambda: kit.claim(lane))
        outcome = Settled(jobs[0], "retry", b"bang", delay_ms=10) if settled == "retry" else failed(jobs[0], b"bang")
        await kit.settle(lane, outcome)
    names = ["delayed", "promoted", "active", "retrying", "promoted", "active", "failed"]
    assert kit.event_names(job_id) == names
    fields = kit.hash(job_id)
    expected = {
        "delay": "5", "_v": "1", "attempt": "2", "maxAttempts": "2", "state": "failed", "priority": "3", "data": "{}",
        "error": "bang",
    }  # fmt: skip
    assert {name: fields[name] for name in expected} == expected
    assert kit.raw.zscore(f"{kit.base()}:failed", job_id) == int(fields["finishedOn"])
    assert not kit.raw.exists(f"{kit.base()}:{job_id}:lock")


async def test_a_cancelled_waiting_job_is_written_as_the_format_says(kit: Kit) -> None:
    job_id, other = await kit.add_many(2)
    assert await kit.adapter.jobs.cancel(TASK, job_id, "why").run_async() == "cancelled"
    fields = kit.hash(job_id)
    assert (fields["state"], fields["cancelReason"]) == ("cancelled", "why")
    assert kit.raw.zscore(f"{kit.base()}:cancelled", job_id) == int(fields["finishedOn"])
    assert kit.waiting() == [other]
    assert kit.events(job_id=job_id)[-1] == {"event": "cancelled", "jobId": job_id, "reason": "why"}


@pytest.mark.parametrize("job", [NewJob("job-1", b"1", delay_ms=60_000), NewJob("job-1", b"1", priority=4)])
async def test_a_queued_job_can_be_cancelled_wherever_it_stands(kit: Kit, job: NewJob) -> None:
    job_id = job.job_id
    await kit.add(job)
    assert await kit.adapter.jobs.cancel(TASK, job_id, "").run_async() == "cancelled"
    assert kit.members("delayed") == kit.members("prioritized") == []
    assert kit.members("cancelled") == [job_id]
    assert "cancelReason" not in kit.hash(job_id)
    assert kit.events(job_id=job_id)[-1] == {"event": "cancelled", "jobId": job_id, "reason": ""}


async def test_a_running_job_is_flagged_and_its_worker_told(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    await kit.claim(kit.lane())
    channel = kit.raw.pubsub()
    channel.subscribe(f"{kit.base()}:cancel")
    assert channel.get_message(timeout=5)["type"] == "subscribe"
    before = kit.events()
    assert await kit.adapter.jobs.cancel(TASK, job_id, "why").run_async() == "flagged"
    message = channel.get_message(timeout=5)
    channel.close()
    assert message["data"] == job_id
    fields = kit.hash(job_id)
    assert (fields["state"], fields["cancelReason"]) == ("active", "why")
    assert fields["cancelledAt"].isdecimal()
    assert kit.events() == before
    assert kit.active() == [job_id]


@pytest.mark.parametrize("verb", ["cancel", "complete", "retry", "return"])
async def test_a_flagged_job_ends_as_cancelled_whatever_its_outcome(kit: Kit, verb: str) -> None:
    (job_id,) = await kit.add_many(1)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.adapter.jobs.cancel(TASK, job_id, "why").run_async()
    await kit.settle(lane, Settled(job, verb, b"1"))  # type: ignore[arg-type]  # a str parameter
    assert kit.state(job_id) == "cancelled"
    assert kit.members("cancelled") == [job_id]
    assert kit.events(job_id=job_id)[-1] == {"event": "cancelled", "jobId": job_id, "reason": "why"}


@pytest.mark.parametrize("verb", ["complete", "fail", "retry", "cancel"])
@pytest.mark.parametrize("owner", ["job-1", "job-2"])
async def test_a_deduplication_key_is_given_up_by_its_owner_alone_and_only_at_the_end(
    kit: Kit, verb: str, owner: str
) -> None:
    key = f"{kit.base()}:dedup:k"
    kit.put_foreign_job("job-1", "1", extra={"dedupKey": key})
    kit.raw.set(key, owner, px=60_000)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.settle(lane, Settled(job, verb, b"1", delay_ms=60_000))  # type: ignore[arg-type]  # a str parameter
    assert kit.raw.get(key) == (None if owner == "job-1" and verb != "retry" else owner)


async def test_an_expired_job_is_kept_as_expired(kit: Kit) -> None:
    job_id, lane = new_id(), kit.lane()
    await kit.add(NewJob(job_id, b"1", ttl_ms=1))
    wait_until(lambda: kit.now_ms() > int(kit.hash(job_id)["expireAt"]))
    assert await kit.claim(lane) == []
    fields = kit.hash(job_id)
    assert fields["state"] == "expired"
    assert "error" not in fields
    assert kit.raw.zscore(f"{kit.base()}:expired", job_id) == int(fields["finishedOn"])
    assert kit.event_names(job_id) == ["waiting", "expired"]


async def test_an_expired_job_is_deleted_where_its_task_discards(kit: Kit) -> None:
    first, second, lane = new_id(), new_id(), kit.lane()
    await kit.add(NewJob(first, b"1", ttl_ms=1), NewJob(second, b"1", ttl_ms=1, delay_ms=1))
    wait_until(lambda: kit.now_ms() > int(kit.hash(second)["ts"]) + 2)
    assert (await lane.step([], [Want(TASK, 5, "discard")])).jobs == []
    assert kit.hash(first) == kit.hash(second) == {}
    assert kit.members("expired") == []
    assert kit.event_names(first)[-1] == kit.event_names(second)[-1] == "expired"


async def test_a_returned_job_waits_again_uncharged(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    kit.raw.delete(f"{kit.base()}:marker")
    await kit.settle(lane, Settled(job, "return"))
    fields = kit.hash(job_id)
    assert (fields["state"], fields["attempt"]) == ("waiting", "1")
    assert (kit.waiting(), kit.active(), kit.marked()) == ([job_id], [], True)
    assert kit.event_names(job_id) == ["waiting", "active", "waiting"]


async def test_a_crash_is_recorded_as_the_format_says(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    await kit.claim(kit.lane())
    count = await kit.adapter.leases.recover("w1", {TASK: 0}, cause="signal:9", charged=True, max_crashes=3).run_async()
    assert count == 1
    fields = kit.hash(job_id)
    assert (fields["state"], fields["crashes"], fields["crashCause"]) == ("waiting", "1", "signal:9")
    assert "stalledCount" not in fields
    last = kit.events(job_id=job_id)[-1]
    assert list(last.items())[:4] == [
        ("event", "stalled"), ("jobId", job_id), ("count", "1"), ("action", "recovered"),
    ]  # fmt: skip
    assert (kit.waiting(), kit.active(), kit.marked()) == ([job_id], [], True)


async def test_a_job_over_the_limit_of_crashes_fails_with_the_cause(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    for worker in ("w1", "w2"):
        assert len(await kit.claim(kit.lane(worker))) == 1
        await kit.adapter.leases.recover(worker, {TASK: 0}, cause="signal:11", charged=True, max_crashes=1).run_async()
    fields = kit.hash(job_id)
    assert (fields["state"], fields["errorType"]) == ("failed", "StalledError")
    assert "signal:11" in fields["error"]
    assert kit.members("failed") == [job_id]
    assert [(e["event"], e.get("action")) for e in kit.events(job_id=job_id)][-2:] == [
        ("stalled", "failed"), ("failed", None),
    ]  # fmt: skip


async def test_a_kill_of_ours_is_not_charged(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    await kit.claim(kit.lane())
    await kit.adapter.leases.recover("w1", {TASK: 0}, cause="killed", charged=False, max_crashes=0).run_async()
    assert kit.state(job_id) == "waiting"
    assert "crashes" not in kit.hash(job_id)


async def test_a_stall_is_recorded_as_the_format_says(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    sweep = kit.adapter.house.sweep(TASK, 1)
    for worker, count, action in (("w1", "1", "recovered"), ("w2", "2", "failed")):
        await kit.claim(kit.lane(worker))
        assert await sweep.run_async() == 0
        assert kit.raw.smembers(f"{kit.base()}:stalled") == {job_id}
        kit.raw.delete(f"{kit.base()}:{job_id}:lock")
        assert await sweep.run_async() == 1
        stalled = [e for e in kit.events(job_id=job_id) if e["event"] == "stalled"][-1]
        assert stalled == {"event": "stalled", "jobId": job_id, "count": count, "action": action}
    fields = kit.hash(job_id)
    assert (fields["state"], fields["stalledCount"], fields["errorType"]) == ("failed", "2", "StalledError")
    assert kit.members("failed") == [job_id]
    assert kit.event_names(job_id)[-1] == "failed"


async def test_the_sweep_cancels_a_flagged_job_of_a_vanished_worker(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    await kit.claim(kit.lane())
    await kit.adapter.jobs.cancel(TASK, job_id, "why").run_async()
    await kit.adapter.house.sweep(TASK, 1).run_async()
    kit.raw.delete(f"{kit.base()}:{job_id}:lock")
    await kit.adapter.house.sweep(TASK, 1).run_async()
    assert kit.state(job_id) == "cancelled"
    assert kit.events(job_id=job_id)[-1] == {"event": "cancelled", "jobId": job_id, "reason": "why"}


async def test_progress_and_logs_are_written_as_the_format_says(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    entry = b'{"level":"info","message":"hi","timestamp":1795544727026}'
    assert await kit.adapter.leases.write_progress(TASK, job_id, job.token, b"50").run_async()
    assert await kit.adapter.leases.write_logs(TASK, job_id, job.token, [entry] * 3).run_async()
    assert kit.hash(job_id)["progress"] == "50"
    assert kit.events(job_id=job_id)[-1] == {"event": "progress", "jobId": job_id, "value": "50"}
    assert kit.raw.lrange(f"{kit.base()}:{job_id}:logs", 0, -1) == [entry.decode()] * 3
    info = await kit.job(job_id)
    assert (info.progress, [e.message for e in info.logs]) == (50, ["hi"] * 3)
    await kit.settle(lane, done(job))
    assert not await kit.adapter.leases.write_progress(TASK, job_id, job.token, b"99").run_async()
    assert not await kit.adapter.leases.write_logs(TASK, job_id, job.token, [entry]).run_async()
    assert kit.hash(job_id)["progress"] == "50"
