"""What runs twice, because its reply was lost, has the effect of once."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from integration.adapter.kit import TASK, Kit, done, fan, node, plan
from integration.adapter.proxy import CuttingProxy
from support import Server
from taskora.adapters.redis import RedisAdapter, workflow_records
from taskora.config import Keep
from taskora.ids import new_id
from taskora.lua import load
from taskora.model import EnqueueSpec, NewJob, Occurrence, State


@pytest.fixture
def proxy(server: Server) -> Iterator[CuttingProxy]:
    with CuttingProxy(server.socket_path) as running:
        yield running


@pytest_asyncio.fixture
async def through(kit: Kit, proxy: CuttingProxy) -> AsyncIterator[RedisAdapter]:
    """An adapter whose replies may be lost."""
    adapter = kit.adapter_at(proxy.url)
    await adapter.connect().run_async()
    yield adapter
    await adapter.close_async()


def jobs_of(count: int) -> list[NewJob]:
    return [NewJob(new_id(), b"%d" % at) for at in range(count)]


async def enqueue(adapter: RedisAdapter, jobs: list[NewJob], way: str) -> list[bool]:
    call = adapter.jobs.enqueue(TASK, EnqueueSpec(), jobs)
    return await (asyncio.to_thread(call.run) if way == "blocking" else call.run_async())


@pytest.mark.parametrize("way", ["blocking", "async"])
@pytest.mark.parametrize("skip", [0, 1, 2, 3])
async def test_jobs_are_stored_once_although_a_reply_in_the_middle_was_lost(
    kit: Kit, through: RedisAdapter, proxy: CuttingProxy, way: str, skip: int
) -> None:
    jobs = jobs_of(1700)
    await enqueue(through, jobs_of(1), way)
    kit.raw.delete(f"{kit.base()}:wait", f"{kit.base()}:events")
    proxy.cut(load("enqueue").sha, skip=skip)
    assert await enqueue(through, jobs, way) == [True] * 1700
    proxy.wait_for_cuts()
    assert kit.waiting() == [job.job_id for job in jobs]
    assert kit.raw.xlen(f"{kit.base()}:events") == 1700


async def test_a_given_id_counts_as_stored_when_it_was_our_own_lost_reply(
    kit: Kit, through: RedisAdapter, proxy: CuttingProxy
) -> None:
    taken = NewJob("job-taken", b"1", given=True)
    assert await kit.add(taken) == [True]
    await enqueue(through, jobs_of(1), "async")
    proxy.cut(load("enqueue").sha)
    mixed = [NewJob("job-new", b"1", given=True), taken, *jobs_of(1)]
    assert await enqueue(through, mixed, "async") == [True, False, True]
    assert await enqueue(through, mixed[:2], "async") == [False, False]
    proxy.wait_for_cuts()


async def test_an_indexed_job_is_listed_once_and_goes_for_good_although_the_reply_was_lost(
    kit: Kit, through: RedisAdapter, proxy: CuttingProxy
) -> None:
    await enqueue(through, jobs_of(1), "async")
    lane = kit.lane()
    await kit.claim(lane)
    proxy.cut(load("enqueue").sha)
    job = NewJob(new_id(), b"1", indexed=("a:1", "b:2"))
    assert await enqueue(through, [job], "async") == [True]
    proxy.wait_for_cuts()
    assert kit.raw.zcard(f"{kit.base()}:ix:a:1") == 1
    left_ms = kit.raw.pttl(f"{kit.base()}:ix:a:1")
    assert 179 * 86_400_000 < left_ms <= 180 * 86_400_000
    # A later one that is due sooner does not shorten what an earlier one needs, and a later need counts.
    await kit.add(
        NewJob(new_id(), b"1", delay_ms=86_400_000 * 20, indexed=("a:1",)), NewJob(new_id(), b"1", indexed=("a:1",))
    )
    assert kit.raw.pttl(f"{kit.base()}:ix:a:1") > 199 * 86_400_000


async def test_a_repetition_is_recognised_although_the_job_has_gone(
    kit: Kit, through: RedisAdapter, proxy: CuttingProxy
) -> None:
    """The job ran and was trimmed before the repetition came: its hash cannot tell."""
    await enqueue(through, jobs_of(1), "async")
    jobs = jobs_of(1)
    script = load("enqueue")
    keys, args = (kit.base(),), ("producer-1", 7, 1, 1, jobs[0].job_id, "1", "")
    assert kit.raw.evalsha(script.sha, 1, *keys, *args) == ""
    kit.raw.delete(f"{kit.base()}:{jobs[0].job_id}", f"{kit.base()}:wait")
    assert kit.raw.evalsha(script.sha, 1, *keys, *args) == ""
    assert kit.waiting() == []
    assert 3_500_000 < kit.raw.pttl(f"{kit.base()}:sent:producer-1") <= 3_600_000


async def test_concurrent_calls_of_one_process_do_not_take_each_other_for_repetitions(kit: Kit) -> None:
    batches = [jobs_of(3) for _ in range(50)]
    await asyncio.gather(*(enqueue(kit.adapter, batch, "async") for batch in batches))
    await asyncio.gather(*(enqueue(kit.adapter, jobs_of(1), "blocking") for _ in range(20)))
    assert len(kit.waiting()) == 170


async def test_a_cancelled_call_leaves_its_connection_clean_for_the_next(kit: Kit) -> None:
    ids = await kit.add_many(300)
    for _ in range(20):
        calls = [asyncio.ensure_future(kit.adapter.jobs.stats(TASK).run_async()) for _ in range(3)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        info = await kit.job(ids[7])
        assert info.data == 7


async def test_an_occurrence_is_stored_once_and_an_older_one_never(
    kit: Kit, through: RedisAdapter, proxy: CuttingProxy
) -> None:
    async def fire(at_ms: int, name: str = "nightly") -> bool:
        job = NewJob(new_id(), b"null", ttl_ms=60_000)
        call = through.jobs.enqueue_occurrence(TASK, EnqueueSpec(version=2), job, Occurrence(name, at_ms))
        return await call.run_async()

    assert await fire(1_795_544_727_026)
    proxy.cut(load("enqueue_occurrence").sha)
    await fire(1_795_544_727_027)
    proxy.wait_for_cuts()
    assert not await fire(1_795_544_727_027)
    assert not await fire(1_795_544_727_000)
    assert await fire(1_795_544_727_027, "other")
    assert len(kit.waiting()) == 3
    assert {kit.hash(job_id)["_v"] for job_id in kit.waiting()} == {"2"}


async def test_a_cancel_may_be_repeated(kit: Kit, through: RedisAdapter, proxy: CuttingProxy) -> None:
    ids = await kit.add_many(2)
    await through.jobs.cancel(TASK, new_id(), "").run_async()
    proxy.cut(load("cancel").sha)
    await through.jobs.cancel(TASK, ids[0], "why").run_async()
    proxy.wait_for_cuts()
    assert kit.event_names(ids[0]) == ["waiting", "cancelled"]
    assert kit.waiting() == ids[1:]


async def test_a_cancel_whose_reply_was_lost_still_answers_that_it_cancelled(
    kit: Kit, through: RedisAdapter, proxy: CuttingProxy
) -> None:
    (job_id,) = await kit.add_many(1)
    await through.jobs.cancel(TASK, new_id(), "").run_async()
    proxy.cut(load("cancel").sha)
    assert await through.jobs.cancel(TASK, job_id, "why").run_async() == "cancelled"
    assert await through.jobs.cancel(TASK, job_id, "why").run_async() == "not_cancellable"


async def test_a_recovery_may_be_repeated(kit: Kit, through: RedisAdapter, proxy: CuttingProxy) -> None:
    ids = await kit.add_many(3)
    await kit.claim(kit.lane("w1"), 3)
    recover = through.leases.recover("w1", {TASK: 0}, cause="signal:9", charged=True, max_crashes=3)
    await through.leases.recover("w0", {TASK: 0}, cause="x", charged=True, max_crashes=3).run_async()
    proxy.cut(load("recover").sha)
    await recover.run_async()
    proxy.wait_for_cuts()
    assert kit.waiting() == ids
    assert {kit.hash(job_id)["crashes"] for job_id in ids} == {"1"}


async def test_a_sweep_may_be_repeated(kit: Kit, through: RedisAdapter, proxy: CuttingProxy) -> None:
    ids = await kit.add_many(2)
    await kit.claim(kit.lane("w1"), 2)
    await through.house.sweep("other", 1, 10_000).run_async()
    kit.raw.delete(*(f"{kit.base()}:{job_id}:lock" for job_id in ids))
    proxy.cut(load("sweep").sha)
    assert await through.house.sweep(TASK, 1, 10_000).run_async() == 0
    proxy.wait_for_cuts()
    assert {kit.state(job_id) for job_id in ids} == {"active"}, "they were only marked"
    kit.raw.decrby(f"{kit.base()}:swept", 10_000)
    assert await through.house.sweep(TASK, 1, 10_000).run_async() == 2
    assert kit.waiting() == ids


async def test_log_entries_are_written_once_although_the_reply_was_lost(
    kit: Kit, through: RedisAdapter, proxy: CuttingProxy
) -> None:
    await kit.add_many(1)
    (job,) = await kit.claim(kit.lane("w1"))
    lines = [b'{"level":"info","message":"%d","timestamp":1}' % at for at in range(3)]
    write = through.leases.write_logs
    assert await write(TASK, job.job_id, job.token, lines[:1]).run_async()
    proxy.cut(load("write_logs").sha)
    assert await write(TASK, job.job_id, job.token, lines[1:]).run_async()
    proxy.wait_for_cuts()
    assert not await write(TASK, job.job_id, "another", lines).run_async()
    assert [each.message for each in await through.jobs.logs(TASK, job.job_id).run_async()] == ["0", "1", "2"]


@pytest.mark.parametrize("script", ["store_workflow", "start_workflow", "continue_workflow"])
async def test_a_workflow_is_created_once(kit: Kit, through: RedisAdapter, proxy: CuttingProxy, script: str) -> None:
    await through.workflows.create_workflow(fan(1100, callback=False)).run_async()
    first = len(kit.waiting())
    flow = fan(1200)
    proxy.cut(load(script).sha)
    await through.workflows.create_workflow(flow).run_async()
    proxy.wait_for_cuts()
    assert kit.waiting()[first:] == [each.job_id for each in flow.nodes[:-1]]
    assert kit.raw.zcard(f"{kit.root}:workflows:owed") == 0
    assert kit.raw.zcard(f"{kit.root}:workflows") == 2


async def test_creating_a_workflow_again_after_its_nodes_completed_changes_nothing(kit: Kit) -> None:
    flow = plan(node(), node(deps=(0,)), node(deps=(1,)))
    await kit.create(flow)
    lane = kit.lane()
    for _ in range(2):
        await kit.settle(lane, *map(done, await kit.claim(lane)))
    before = (kit.workflow(flow.workflow_id), kit.events())
    await kit.create(flow)
    assert (kit.workflow(flow.workflow_id), kit.events()) == before
    await kit.settle(lane, *map(done, await kit.claim(lane)))
    before = (kit.workflow(flow.workflow_id), kit.events())
    await kit.create(flow)
    assert (kit.workflow(flow.workflow_id), kit.events()) == before
    assert before[0]["state"] == "completed"


async def test_a_workflow_whose_producer_died_before_its_start_vanishes(kit: Kit) -> None:
    flow = fan(3)
    key = f"{kit.root}:wf:{{{flow.workflow_id}}}"
    await kit.add_many(1)
    script = load("store_workflow")
    for fields in workflow_records.stored_fields(flow):
        kit.raw.eval(script.source, 1, key, 3_600_000, *fields)
    assert 3_500_000 < kit.raw.pttl(key) <= 3_600_000
    assert await kit.adapter.workflows.workflow_outcome(flow.workflow_id).run_async() is None
    await kit.create(flow)
    assert kit.raw.pttl(key) == -1


async def test_cancelling_a_workflow_reaches_all_jobs_although_the_reply_was_lost(
    kit: Kit, through: RedisAdapter, proxy: CuttingProxy
) -> None:
    flow = fan(350)
    await kit.create(flow)
    await through.workflows.cancel_workflow(new_id(), "").run_async()
    proxy.cut(load("stop_workflow").sha)
    assert await through.workflows.cancel_workflow(flow.workflow_id, "why").run_async()
    proxy.wait_for_cuts()
    assert kit.waiting() == []
    assert len(kit.members("cancelled")) == 350
    assert kit.raw.zcard(f"{kit.root}:workflows:owed") == 0


async def test_advancing_twice_starts_a_successor_once(kit: Kit) -> None:
    """A node whose lock ran out settles, and then another implementation's worker advances it again."""
    flow = plan(node(), node(), node(deps=(0, 1)), node(deps=(0,)))
    await kit.create(flow)
    lane = kit.lane()
    jobs = await kit.claim(lane, 2)
    await kit.settle(lane, done(jobs[0], b"1"))
    kit.raw.hset(f"{kit.base()}:{jobs[0].job_id}", mapping={"state": "active"})
    assert (await kit.settle(lane, done(jobs[0], b"2"))).lost == ()
    assert kit.workflow(flow.workflow_id)["n:0:result"] == "1"
    await kit.settle(lane, done(jobs[1], b"3"))
    assert kit.waiting() == [flow.nodes[3].job_id, flow.nodes[2].job_id]
    assert kit.hash(flow.nodes[2].job_id)["data"] == "[1,3]"


async def test_advancing_again_does_not_start_a_successor_whose_job_was_trimmed(kit: Kit) -> None:
    flow = plan(node(), node(deps=(0,)), node("slow", deps=(0,)), terminal=(1, 2))
    await kit.create(flow)
    lane = kit.lane()
    (first,) = await kit.claim(lane)
    await kit.settle(lane, done(first))
    await kit.settle(lane, done((await kit.claim(lane))[0]))
    await kit.adapter.house.trim(TASK, State.COMPLETED, Keep(0, None), 10).run_async()
    kit.put_foreign_job(first.job_id, "0", extra={"_wf": flow.workflow_id, "_wfNode": "0"})
    await kit.settle(lane, done((await kit.claim(lane))[0]))
    assert kit.waiting() == []
    assert kit.waiting("slow") == [flow.nodes[2].job_id]
