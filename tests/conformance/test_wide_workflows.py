"""Wide workflows, workflows that are owed something, their deadlines, and their list."""

import asyncio

from conformance.kit import ALL, TASK, Kit, done, failed, fan, node, plan
from taskora.ids import new_id
from taskora.model import Want
from taskora.workflow_model import PlanNode


def starting(root: int, width: int) -> tuple[PlanNode, ...]:
    return tuple(PlanNode(TASK, new_id(), (root,), None) for _ in range(width))


async def test_a_wide_fan_out_goes_on_from_where_it_stopped(kit: Kit) -> None:
    """One step starts some; the rest is owed, and anybody may write it after the worker died."""
    width = 1700
    flow = plan(node(data=b"5"), *starting(0, width), node(deps=tuple(range(1, width + 1))))
    await kit.create(flow)
    lane = kit.lane()
    reply = await kit.settle(lane, done((await kit.claim(lane))[0], b"5"))
    if reply.owed:
        assert reply.owed == (flow.workflow_id,)
        assert await kit.adapter.house.owed_workflows(60_000, 10).run_async() == []
        await kit.let_pass(5)
        assert await kit.adapter.house.owed_workflows(5, 10).run_async() == [flow.workflow_id]
    # Meanwhile some of the first nodes complete.
    jobs = await kit.claim(lane, 100)
    await kit.settle(lane, *(done(job, job.data or b"") for job in jobs))
    await kit.pay(flow)
    assert await kit.waiting() == [each.job_id for each in flow.nodes[101:-1]]
    while jobs := (await lane.step([], [Want(TASK, 400)])).jobs:
        await kit.settle(lane, *(done(job, job.data or b"") for job in jobs))
    assert (await kit.outcome(flow)).result == b"[" + b",".join([b"5"] * width) + b"]"
    assert await kit.owed() == []


async def test_a_wide_workflow_is_created_with_all_its_roots(kit: Kit) -> None:
    flow = fan(1300)
    await kit.create(flow)
    assert await kit.waiting() == [each.job_id for each in flow.nodes[:-1]]
    assert await kit.owed() == []


async def test_two_who_continue_at_once_start_every_node_once(kit: Kit) -> None:
    flow = fan(2600)
    call = kit.adapter.workflows.create_workflow(flow)

    async def help_out() -> None:
        for _ in range(50):
            await kit.adapter.workflows.continue_workflow(flow.workflow_id).run_async()

    await asyncio.gather(call.run_async(), help_out(), help_out(), call.run_async())
    await kit.pay(flow)
    waiting = await kit.waiting()
    assert sorted(waiting) == sorted(each.job_id for each in flow.nodes[:-1])
    assert len(waiting) == 2600


async def test_two_fan_outs_that_are_owed_at_once_are_both_written(kit: Kit) -> None:
    flow = plan(node(), node(), *starting(0, 700), *starting(1, 700), terminal=(2, 3))
    await kit.create(flow)
    lane = kit.lane()
    await kit.settle(lane, *map(done, await kit.claim(lane, 2)))
    await kit.pay(flow)
    assert sorted(await kit.waiting()) == sorted(each.job_id for each in flow.nodes[2:])


async def test_a_failure_in_the_middle_of_a_fan_out_ends_all_of_it(kit: Kit) -> None:
    flow = plan(node(), *starting(0, 1200), terminal=tuple(range(1, 1201)))
    await kit.create(flow)
    lane = kit.lane()
    await kit.settle(lane, *map(done, await kit.claim(lane)))
    await kit.settle(lane, *map(failed, await kit.claim(lane)))
    await kit.pay(flow)
    stats = await kit.stats()
    assert (stats.waiting, stats.failed) == (0, 1)
    assert set((await kit.states(flow))[1:]) == {"failed"}
    assert await kit.owed() == []


async def test_a_join_of_thousands_fires_once(kit: Kit) -> None:
    flow = fan(3000)
    await kit.create(flow)
    lane = kit.lane()
    (first,) = await kit.claim(lane)
    while jobs := await kit.claim(lane, 500):
        await kit.settle(lane, *(done(job, b"1") for job in jobs))
    assert await kit.waiting() == []
    await kit.settle(lane, done(first, b"1"))
    assert await kit.waiting() == [flow.nodes[-1].job_id]


async def test_a_deadline_is_known_until_the_workflow_ends(kit: Kit) -> None:
    late, early, ended = plan(node(), deadline_ms=60_000), plan(node(), deadline_ms=1), plan(node(), deadline_ms=1)
    for flow in (ended, late, early):
        await kit.create(flow)
    lane = kit.lane()
    await kit.settle(lane, done((await kit.claim(lane))[0]))
    await kit.let_pass(2)
    overdue = kit.adapter.house.overdue_workflows
    assert await overdue(10).run_async() == [early.workflow_id]
    assert await kit.adapter.workflows.cancel_workflow(early.workflow_id, "workflow timeout").run_async()
    assert await overdue(10).run_async() == []


async def test_the_workflow_with_the_earliest_deadline_is_overdue_first(kit: Kit) -> None:
    flows = [plan(node(), deadline_ms=deadline_ms) for deadline_ms in (9, 3, 6)]
    ends: dict[str, float] = {}
    for flow in flows:
        await kit.create(flow)
        ends[flow.workflow_id] = (await kit.record(flow)).created_at.timestamp() * 1000 + flow.deadline_ms
    await kit.let_pass(10)
    ids = sorted(ends, key=lambda workflow_id: (round(ends[workflow_id]), workflow_id))
    assert await kit.adapter.house.overdue_workflows(ALL).run_async() == ids
    assert await kit.adapter.house.overdue_workflows(2).run_async() == ids[:2]


async def test_workflows_are_listed_newest_first_and_by_state(kit: Kit) -> None:
    flows = [plan(node()) for _ in range(5)]
    for flow in flows:
        await kit.create(flow)
        await kit.let_pass(1)
    await kit.adapter.workflows.cancel_workflow(flows[1].workflow_id, "").run_async()
    listed = kit.adapter.workflows.list_workflows
    ids = [flow.workflow_id for flow in reversed(flows)]
    assert [each.id for each in await listed(None, 0, 10).run_async()] == ids
    assert [each.id for each in await listed(None, 1, 2).run_async()] == ids[1:3]
    assert [each.id for each in await listed("cancelled", 0, 10).run_async()] == [flows[1].workflow_id]
    assert [each.id for each in await listed("running", 2, 10).run_async()] == [ids[2], ids[4]]
    assert await listed("failed", 0, 10).run_async() == []
    (summary,) = await listed("running", 0, 1).run_async()
    assert (summary.id, summary.name, summary.state, summary.node_count) == (ids[0], "flow", "running", 1)
    assert summary.created_at == (await kit.record(flows[4])).created_at


async def test_a_search_of_everything_finds_the_running_workflows(kit: Kit) -> None:
    flows = [plan(node()) for _ in range(25)]
    for flow in flows:
        await kit.create(flow)
    await kit.adapter.workflows.cancel_workflow(flows[3].workflow_id, "").run_async()
    found: set[str] = set()
    cursor, pieces = 0, 0
    while cursor or not pieces:
        cursor, ids = await kit.adapter.repairs.running_workflows(cursor, 10).run_async()
        found.update(ids)
        pieces += 1
    assert found == {flow.workflow_id for at, flow in enumerate(flows) if at != 3}
    assert pieces > 1


async def test_nothing_is_broken_in_a_workflow_that_runs_as_it_should(kit: Kit) -> None:
    flow = fan(3)
    await kit.create(flow)
    lane = kit.lane()
    await kit.settle(lane, *map(done, await kit.claim(lane)))
    assert await kit.adapter.repairs.broken_nodes(flow.workflow_id).run_async() == frozenset()
    assert await kit.adapter.repairs.broken_nodes("x").run_async() == frozenset()
    marks = ["0:settled", "1:lost", "2:ended"]
    before = await kit.record(flow)
    assert await kit.adapter.repairs.mend_nodes(flow.workflow_id, marks).run_async() == 0
    assert await kit.record(flow) == before
