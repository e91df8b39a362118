"""Failed jobs get another life, in which nothing of the last one counts."""

from conformance.kit import TASK, Kit, done, failed, node, plan
from taskora.adapters.protocol import Adapter
from taskora.model import EnqueueSpec, NewJob, Settled, State, Want, new_id

FAR_MS = 2**44


async def bury(kit: Kit, count: int = 1, task: str = TASK) -> list[str]:
    """Jobs that failed, the oldest first."""
    ids = await kit.add_many(count, task)
    lane = kit.lane(f"w{new_id()}", (task,))
    for job in await kit.claim(lane, count, task):
        await kit.settle(lane, Settled(job, "fail", b"boom", error_type="ValueError", trace="here"))
    return ids


async def requeue(adapter: Adapter, job_id: str, task: str = TASK) -> bool:
    return await adapter.dead_letters.requeue(task, job_id).run_async()


async def test_a_failed_job_is_queued_as_if_it_were_new(kit: Kit) -> None:
    (job_id,) = await bury(kit)
    before = await kit.job(job_id)
    await kit.let_pass(2)
    assert await requeue(kit.adapter, job_id)
    job = await kit.job(job_id)
    assert (job.state, job.attempt, job.error, job.error_type, job.traceback) == (State.WAITING, 1, None, None, None)
    assert (job.processed_on, job.finished_on, job.result) == (None, None, None)
    assert job.timestamp > before.timestamp
    assert job.data == before.data
    assert await kit.ids(State.FAILED) == []
    assert await kit.claim_all() == [job_id]


async def test_a_job_is_requeued_once(kit: Kit) -> None:
    (job_id,) = await bury(kit)
    assert await requeue(kit.adapter, job_id)
    assert not await requeue(kit.adapter, job_id)
    assert await kit.waiting() == [job_id]


async def test_only_failed_and_cancelled_jobs_are_requeued(kit: Kit) -> None:
    lane, job = await kit.started()
    assert not await requeue(kit.adapter, job.job_id)
    await kit.settle(lane, done(job))
    assert not await requeue(kit.adapter, job.job_id)
    assert not await requeue(kit.adapter, "nobody")
    assert await kit.state("nobody") is None
    assert await kit.waiting() == []


async def test_a_cancelled_job_is_requeued_without_its_cancel(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.cancel(job.job_id, "stop")
    await kit.settle(lane, Settled(job, "cancel"))
    assert await kit.state(job.job_id) == "cancelled"
    assert await requeue(kit.adapter, job.job_id)
    assert (await kit.job(job.job_id)).cancel_reason is None
    (again,) = await kit.claim(lane)
    await kit.settle(lane, done(again))
    assert await kit.state(job.job_id) == "completed"


async def test_the_stalls_of_the_last_life_do_not_count(kit: Kit) -> None:
    _, job = await kit.started(ttl_ms=1)
    await kit.let_pass(5)
    await kit.sweep(0)
    await kit.sweep(0)
    assert await kit.state(job.job_id) == "failed"
    assert await requeue(kit.adapter, job.job_id)
    lane = kit.lane("w2", ttl_ms=1)
    assert [one.job_id for one in await kit.claim(lane)] == [job.job_id]
    await kit.let_pass(5)
    await kit.sweep(1)
    await kit.sweep(1)
    assert await kit.state(job.job_id) == "waiting"


async def test_the_crashes_of_the_last_life_do_not_count(kit: Kit) -> None:
    _, job = await kit.started("w1")
    await kit.recover("w1", max_crashes=0)
    assert await kit.state(job.job_id) == "failed"
    assert await requeue(kit.adapter, job.job_id)
    await kit.claim(kit.lane("w2"))
    await kit.recover("w2", max_crashes=1)
    assert await kit.state(job.job_id) == "waiting"


async def test_the_deadline_of_the_last_life_does_not_count(kit: Kit) -> None:
    await kit.add(NewJob("late", b"1", ttl_ms=60))
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.settle(lane, failed(job))
    await kit.let_pass(80)
    assert await requeue(kit.adapter, "late")
    assert await kit.claim_all() == ["late"]


async def test_a_priority_and_a_concurrency_key_are_kept(kit: Kit) -> None:
    await kit.add(NewJob("high", b"1", priority=5, concurrency_key="k", concurrency_limit=1))
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.settle(lane, failed(job))
    await kit.add(NewJob("other", b"2"), NewJob("rival", b"3", concurrency_key="k", concurrency_limit=1))
    assert await requeue(kit.adapter, "high")
    assert [one.job_id for one in await kit.claim(lane, 10)] == ["high", "other"]


async def test_a_job_of_a_workflow_is_requeued_without_it(kit: Kit) -> None:
    flow = plan(only := node())
    await kit.create(flow)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.settle(lane, failed(job))
    ended = await kit.record(flow)
    assert await requeue(kit.adapter, only.job_id)
    (again,) = await kit.claim(lane)
    await kit.settle(lane, done(again))
    assert await kit.state(only.job_id) == "completed"
    assert (await kit.job(only.job_id)).workflow_id is None
    assert await kit.record(flow) == ended


async def test_all_failed_jobs_are_requeued_in_bounded_calls_the_oldest_first(kit: Kit) -> None:
    ids = await bury(kit, 5)
    store = kit.adapter.dead_letters
    first = await store.requeue_failed(TASK, None, 2).run_async()
    assert (first.jobs, first.more) == (2, True)
    second = await store.requeue_failed(TASK, first.until_ms, 10).run_async()
    assert second == (3, False, first.until_ms)
    assert await kit.claim_all() == ids


async def test_what_failed_after_the_first_call_is_left(kit: Kit) -> None:
    await bury(kit, 1)
    store = kit.adapter.dead_letters
    first = await store.requeue_failed(TASK, None, 10).run_async()
    await kit.let_pass(2)
    await bury(kit, 1)
    assert (await store.requeue_failed(TASK, first.until_ms, 10).run_async()).jobs == 0


async def test_a_worker_that_waits_is_woken(kit: Kit) -> None:
    (job_id,) = await bury(kit)
    lane = kit.lane("idle")
    await lane.wait_and_claim([Want(TASK, 1)], 1)
    assert await requeue(kit.adapter, job_id)
    assert [job.job_id for job in (await lane.wait_and_claim([Want(TASK, 1)], 5000)).jobs] == [job_id]


async def test_failures_are_read_the_newest_first(kit: Kit) -> None:
    ids = await bury(kit, 3)
    found = await kit.adapter.dead_letters.failures(TASK, 2).run_async()
    assert {one.job_id for one in found} <= set(ids)
    assert [(one.error_type, one.error) for one in found] == [("ValueError", "boom")] * 2
    assert found[0].at_ms >= found[1].at_ms > 0


async def test_ended_jobs_are_removed_up_to_a_time_and_a_number(kit: Kit) -> None:
    ids = await bury(kit, 3)
    await kit.add(NewJob("waits", b"1"), spec=EnqueueSpec())
    store = kit.adapter.dead_letters
    assert await store.clean(TASK, State.FAILED, 1, 10).run_async() == 0
    assert await store.clean(TASK, State.COMPLETED, FAR_MS, 10).run_async() == 0
    assert await store.clean(TASK, State.FAILED, FAR_MS, 2).run_async() == 2
    left = await kit.ids(State.FAILED)
    assert [await kit.state(job_id) for job_id in ids].count("failed") == len(left) == 1
    assert await kit.waiting() == ["waits"]


async def test_the_keys_of_a_task_are_measured(kit: Kit) -> None:
    await kit.add_many(3)
    await bury(kit, 2, "other")
    by_name = {key.name: key for key in await kit.adapter.vitals.keys(TASK).run_async()}
    assert (by_name["wait"].count, by_name["failed"].count) == (3, 0)
    assert by_name["wait"].memory > 0
    assert by_name["events"].count == 3
