"""Where a job comes from is kept with it, and with a workflow for all of its jobs."""

from dataclasses import replace

import pytest

from conformance.kit import SHORT_MS, TASK, Kit, done, failed, fan, node, plan
from taskora.ids import new_id
from taskora.model import EnqueueSpec, NewJob, Origin, Settled, State
from taskora.rules import DebounceRule

CONTEXT = '{"traceparent":"00-ä,;x 5:y"}'


async def origin(kit: Kit, job_id: str) -> Origin:
    return await kit.adapter.jobs.origin(TASK, job_id).run_async()


async def test_a_job_keeps_its_origin_beside_its_other_options(kit: Kit) -> None:
    plain = NewJob(new_id(), b"1")
    bare = NewJob(new_id(), b"1", trace_context=CONTEXT)
    full = NewJob(new_id(), b"1", 60_000, 3, 90_000, True, "key", 2, ("a:1",), CONTEXT)
    await kit.add(plain, bare, full)
    assert await origin(kit, plain.job_id) == Origin()
    assert await origin(kit, bare.job_id) == Origin(CONTEXT)
    assert await origin(kit, full.job_id) == Origin(CONTEXT, 60_000)
    page = await kit.adapter.jobs.search(TASK, "a:1", 10).run_async()
    assert [job.id for job in page.jobs] == [full.job_id]


async def test_there_is_none_of_a_job_that_is_not_there(kit: Kit) -> None:
    assert await origin(kit, new_id()) == Origin()


async def test_it_stays_through_the_jobs_life(kit: Kit) -> None:
    job = NewJob(new_id(), b"1", trace_context=CONTEXT)
    await kit.add(job)
    lane = kit.lane()
    (claimed,) = await kit.claim(lane, 1)
    assert await origin(kit, job.job_id) == Origin(CONTEXT)
    await kit.settle(lane, failed(claimed))
    assert await origin(kit, job.job_id) == Origin(CONTEXT)


async def test_a_job_of_which_a_key_decided_has_its_own(kit: Kit) -> None:
    first, second = (NewJob(new_id(), b"1", trace_context=f"{n}") for n in "12")
    for job in (first, second):
        rule = DebounceRule("key", 60_000)
        await kit.adapter.rules.enqueue(TASK, EnqueueSpec(), [(job, rule)]).run_async()
    assert await origin(kit, first.job_id) == Origin()
    assert await origin(kit, second.job_id) == Origin("2", 60_000)


async def test_the_jobs_of_a_workflow_have_its_own(kit: Kit) -> None:
    flow = replace(plan(node(), node(deps=(0,))), trace_context=CONTEXT)
    await kit.adapter.workflows.create_workflow(flow).run_async()
    lane = kit.lane()
    for step in flow.nodes:
        (claimed,) = await kit.claim(lane, 1)
        assert claimed.job_id == step.job_id
        assert await origin(kit, step.job_id) == Origin(CONTEXT, 0, flow.workflow_id)
        await kit.settle(lane, done(claimed))


async def test_a_run_leaves_its_span_for_the_next_one(kit: Kit) -> None:
    lane, first = await kit.started()
    write = kit.adapter.leases.write_span
    assert await write(TASK, first.job_id, first.token, CONTEXT).run_async()
    assert await origin(kit, first.job_id) == Origin(last_run=CONTEXT)
    await kit.settle(lane, Settled(first, "retry", b"x"))
    (second,) = await kit.claim(lane)
    assert await origin(kit, second.job_id) == Origin(last_run=CONTEXT)
    assert not await write(TASK, first.job_id, first.token, "late").run_async()
    assert await write(TASK, second.job_id, second.token, "new").run_async()
    assert await origin(kit, second.job_id) == Origin(last_run="new")


async def test_it_is_there_when_the_runs_process_died(kit: Kit) -> None:
    _, job = await kit.started()
    await kit.adapter.leases.write_span(TASK, job.job_id, job.token, CONTEXT).run_async()
    assert await kit.recover() == 1
    assert await origin(kit, job.job_id) == Origin(last_run=CONTEXT)


async def test_a_span_makes_no_job_of_one_that_is_gone(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, failed(job))
    await kit.let_pass(SHORT_MS)
    await kit.adapter.dead_letters.clean(TASK, State.FAILED, await kit.now_ms(), 10).run_async()
    assert not await kit.adapter.leases.write_span(TASK, job.job_id, job.token, CONTEXT).run_async()
    assert await kit.state(job.job_id) is None
    assert await origin(kit, job.job_id) == Origin()


@pytest.mark.parametrize("followed", [False, True])
async def test_a_node_knows_the_spans_of_those_it_waited_for(kit: Kit, followed: bool) -> None:
    other = "other"
    flow = plan(node(), node(other, deps=(0,)), node(deps=(0, 1)))
    if followed:
        flow = replace(flow, trace_context=CONTEXT)
    await kit.create(flow)
    lane, before = kit.lane(tasks=(TASK, other)), list[tuple[str, ...]]()
    for at, step in enumerate(flow.nodes):
        (job,) = await kit.claim(lane, 1, step.task)
        assert job.job_id == step.job_id
        found = await kit.adapter.jobs.origin(step.task, step.job_id).run_async()
        before.append(found.before)
        assert await kit.adapter.leases.write_span(step.task, step.job_id, job.token, f"{at}").run_async()
        await kit.settle(lane, done(job))
    assert before == ([(), ("0",), ("0", "1")] if followed else [(), (), ()])


async def test_of_many_it_knows_the_first_32_and_none_that_left_nothing(kit: Kit) -> None:
    flow = replace(fan(40), trace_context=CONTEXT)
    await kit.create(flow)
    lane = kit.lane()
    jobs = await kit.claim(lane, 40)
    for job in jobs:
        at = int(job.data or b"")
        if at != 3:
            await kit.adapter.leases.write_span(TASK, job.job_id, job.token, f"{at}").run_async()
    await kit.settle(lane, *map(done, jobs))
    found = await origin(kit, flow.nodes[-1].job_id)
    assert found.before == tuple(f"{at}" for at in range(32) if at != 3)
