"""Jobs that ended badly: why, and once more."""

import pytest

from conformance.kit import SHORT_MS, TASK, Kit, done, failed, fan
from taskora import Inspector
from taskora.dead_letters import DeadLetters
from taskora.ids import new_id
from taskora.model import EnqueueSpec, NewJob, Settled, State
from taskora.rules import DeduplicateRule, Verdict


async def fail_some(kit: Kit, count: int, message: bytes = b"boom") -> list[str]:
    """Fails so many jobs, one after another; returns their ids, the oldest first."""
    ids: list[str] = []
    lane = kit.lane()
    for _ in range(count):
        await kit.add_many(1)
        (job,) = await kit.claim(lane)
        await kit.settle(lane, failed(job, message))
        ids.append(job.job_id)
        await kit.let_pass(1)
    return ids


async def requeue(kit: Kit, job_id: str) -> bool:
    return await kit.adapter.dead_letters.requeue(TASK, job_id).run_async()


async def test_failures_are_told_the_newest_first(kit: Kit) -> None:
    ids = await fail_some(kit, 3)
    told = await kit.adapter.dead_letters.failures(TASK, 2).run_async()
    assert [(each.job_id, each.error_type, each.error) for each in told] == [
        (ids[2], "ValueError", "boom"), (ids[1], "ValueError", "boom"),
    ]  # fmt: skip
    assert told[0].at_ms > told[1].at_ms
    assert await kit.adapter.dead_letters.failures("other", 2).run_async() == []


async def test_a_group_is_queued_anew_and_nothing_else(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskora.dead_letters.FAILURES_GROUPED", 3)  # so that it takes several pages
    monkeypatch.setattr("taskora.dead_letters._PER_RETRY", 2)
    lane = kit.lane()
    await kit.add_many(12)
    jobs = await kit.claim(lane, 12)
    for at, job in enumerate(jobs):
        message = b"no row %d" % at if at % 3 else b"other"
        error_type = "KeyError" if at == 1 else "ValueError"
        await kit.settle(lane, Settled(job, "fail", message, error_type=error_type, trace=""))
    letters = DeadLetters(kit.adapter, Inspector(kit.adapter))
    assert await letters.retry_group_async(TASK, "no row #", error_type="KeyError") == 1
    assert await letters.retry_group_async(TASK, "no column #") == 0
    assert await letters.retry_group_async(TASK, "no row #") == 7
    assert await letters.retry_group_async(TASK, "no row #") == 0
    assert set(await kit.waiting()) == {job.job_id for at, job in enumerate(jobs) if at % 3}
    assert {job.error for job in await letters.list_async(TASK)} == {"other"}
    assert await kit.adapter.dead_letters.requeue_named(TASK, []).run_async() == 0


async def test_a_failed_job_is_queued_as_if_it_were_new(kit: Kit) -> None:
    (job_id,) = await fail_some(kit, 1)
    assert await requeue(kit, job_id)
    info = await kit.job(job_id)
    assert (info.state, info.attempt, info.error, info.error_type, info.finished_on, info.data) == (
        State.WAITING, 1, None, None, None, 0,
    )  # fmt: skip
    assert await kit.ids(State.FAILED) == []
    assert not await requeue(kit, job_id)
    lane = kit.lane()
    await kit.settle(lane, *(done(job, b"1") for job in await kit.claim(lane)))
    assert (await kit.job(job_id)).result == 1


async def test_a_job_that_is_queued_anew_holds_its_deduplication_key_again(kit: Kit) -> None:
    async def dispatch(job_id: str) -> Verdict:
        job, rule = NewJob(job_id, b"1"), DeduplicateRule("k", ("waiting", "delayed", "active"))
        return (await kit.adapter.rules.enqueue(TASK, EnqueueSpec(), [(job, rule)]).run_async())[0]

    async def fail() -> None:
        lane = kit.lane()
        await kit.settle(lane, *(failed(job) for job in await kit.claim(lane)))

    assert (await dispatch("first")).stored
    await fail()
    assert await requeue(kit, "first")
    assert await dispatch("second") == Verdict(False, "first")
    await fail()
    assert (await dispatch("second")).stored
    assert await requeue(kit, "first")
    assert await dispatch("third") == Verdict(False, "second"), "whoever took it meanwhile keeps it"


async def test_a_cancelled_job_is_queued_without_its_cancel(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.cancel(job.job_id, "why")
    await kit.settle(lane, Settled(job, "cancel"))
    assert await requeue(kit, job.job_id)
    (again,) = await kit.claim(lane)
    await kit.settle(lane, done(again))
    info = await kit.job(job.job_id)
    assert (info.state, info.cancel_reason) == (State.COMPLETED, None)


async def test_w55_nothing_of_its_last_life_ends_a_job_that_is_queued_anew(kit: Kit) -> None:
    """W55."""

    async def vanish() -> None:
        (job,) = await kit.claim(kit.lane("w0", ttl_ms=SHORT_MS))
        assert job.job_id == "job-1"
        await kit.sweep(max_stalls=1)
        await kit.let_pass(SHORT_MS)
        assert await kit.sweep(max_stalls=1) == 1

    ttl_ms = 400
    await kit.add(NewJob("job-1", b"1", ttl_ms=ttl_ms))
    await vanish()
    await kit.claim(kit.lane("w1"))
    await kit.recover("w1", max_crashes=0)
    assert await kit.state("job-1") == "failed"
    await kit.let_pass(ttl_ms)
    assert await requeue(kit, "job-1")
    await vanish()
    assert await kit.state("job-1") == "waiting", "it stalled once in this life, and did not expire"
    await kit.claim(kit.lane("w2"))
    await kit.recover("w2", max_crashes=1)
    assert await kit.state("job-1") == "waiting", "it crashed once in this life"


@pytest.mark.parametrize("state", ["waiting", "active", "completed", "unknown"])
async def test_a_job_in_another_state_is_left_alone(kit: Kit, state: str) -> None:
    (job_id,) = await kit.add_many(1)
    lane = kit.lane()
    if state in ("active", "completed"):
        (job,) = await kit.claim(lane)
        if state == "completed":
            await kit.settle(lane, done(job))
    before = await kit.job(job_id)
    assert not await requeue(kit, "nobody" if state == "unknown" else job_id)
    assert await kit.job(job_id) == before


async def test_a_node_that_is_queued_anew_no_longer_belongs_to_its_workflow(kit: Kit) -> None:
    flow = fan(1)
    await kit.create(flow)
    lane = kit.lane()
    await kit.settle(lane, *map(failed, await kit.claim(lane)))
    assert await requeue(kit, flow.nodes[0].job_id)
    assert (await kit.job(flow.nodes[0].job_id)).workflow_id is None
    await kit.settle(lane, *map(done, await kit.claim(lane)))
    assert await kit.state(flow.nodes[0].job_id) == "completed"
    assert (await kit.outcome(flow)).state == "failed"


async def test_all_failed_jobs_are_queued_piece_by_piece_the_oldest_first(kit: Kit) -> None:
    ids = await fail_some(kit, 5)
    store = kit.adapter.dead_letters
    first = await store.requeue_failed(TASK, None, 3).run_async()
    assert first.jobs == 3
    second = await store.requeue_failed(TASK, first.until_ms, 3).run_async()
    assert (second.jobs, second.more, second.until_ms) == (2, False, first.until_ms)
    assert await kit.claim_all() == ids


async def test_what_failed_again_meanwhile_is_not_queued_again(kit: Kit) -> None:
    await fail_some(kit, 1)
    store = kit.adapter.dead_letters
    first = await store.requeue_failed(TASK, None, 10).run_async()
    await kit.let_pass(1)
    lane = kit.lane()
    await kit.settle(lane, *map(failed, await kit.claim(lane)))
    assert (await store.requeue_failed(TASK, first.until_ms, 10).run_async()).jobs == 0


async def test_ended_jobs_are_cleaned_up_to_a_time(kit: Kit) -> None:
    old = await fail_some(kit, 2)
    until_ms = await kit.now_ms()
    await kit.let_pass(1)
    young = await fail_some(kit, 1)
    clean = kit.adapter.dead_letters.clean
    assert await clean(TASK, State.FAILED, until_ms, 1).run_async() == 1
    assert await kit.ids(State.FAILED) == [young[0], old[1]]
    assert await clean(TASK, State.FAILED, until_ms, 10).run_async() == 1
    assert await clean(TASK, State.COMPLETED, until_ms, 10).run_async() == 0
    assert await kit.ids(State.FAILED) == young


async def test_a_cleaned_job_that_its_caller_named_stays_taken(kit: Kit) -> None:
    await kit.add(NewJob("order-1", b"1", given=True))
    lane = kit.lane()
    await kit.settle(lane, *map(failed, await kit.claim(lane)))
    assert await kit.adapter.dead_letters.clean(TASK, State.FAILED, await kit.now_ms(), 10).run_async() == 1
    assert await kit.add(NewJob("order-1", b"1", given=True), NewJob(new_id(), b"1")) == [False, True]
