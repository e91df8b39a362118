"""Where a job comes from is kept with it, and with a workflow for all of its jobs."""

from dataclasses import replace

from conformance.kit import TASK, Kit, done, failed, node, plan
from taskora.ids import new_id
from taskora.model import EnqueueSpec, NewJob, Origin
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
