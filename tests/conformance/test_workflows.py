"""Workflows: every node runs once, joins fire once, and every end reaches everybody."""

import asyncio

import pytest

from conformance.kit import SHORT_MS, TASK, Kit, done, failed, fan, node, plan, soon
from taskora.adapters.lane import Lane
from taskora.ids import new_id
from taskora.model import Claimed, NewJob, Settled, State, Want
from taskora.workflow_model import Plan, PlanNode


async def run(kit: Kit, lane: Lane, results: dict[int, bytes], flow: Plan) -> list[tuple[int, str]]:
    """Runs all nodes, one by one; returns each one's index with its payload."""
    index = {each.job_id: at for at, each in enumerate(flow.nodes)}
    ran: list[tuple[int, str]] = []
    while jobs := await kit.claim(lane):
        (job,) = jobs
        assert job.data is not None
        ran.append((index[job.job_id], job.data.decode()))
        reply = await kit.settle(lane, done(job, results.get(index[job.job_id], job.data)))
        assert reply.lost == ()
        if reply.owed:
            await kit.pay(flow)
    return ran


async def test_a_stored_workflow_is_read_back(kit: Kit) -> None:
    flow = plan(node(data='{"a":"ä"}'.encode()), node("other", deps=(0,)), node(deps=(0, 1)), terminal=(1, 2))
    now_ms = await kit.now_ms()
    await kit.create(flow)
    record = await kit.record(flow)
    assert [(each.index, each.task, each.job_id, each.deps, each.data) for each in record.nodes] == [
        (at, each.task, each.job_id, each.deps, each.data) for at, each in enumerate(flow.nodes)
    ]
    assert (record.id, record.terminal, record.name, record.state) == (flow.workflow_id, (1, 2), "flow", "running")
    assert (record.result, record.error) == (None, None)
    assert 0 <= record.created_at.timestamp() * 1000 - now_ms < 5000
    assert [each.state for each in record.nodes] == ["active", "pending", "pending"]
    root = await kit.job(flow.nodes[0].job_id)
    assert (root.workflow_id, root.node, root.data, root.state) == (flow.workflow_id, 0, {"a": "ä"}, State.WAITING)


async def test_an_unknown_workflow_is_nothing(kit: Kit) -> None:
    workflows = kit.adapter.workflows
    assert await workflows.workflow("x").run_async() is None
    assert await workflows.workflow_outcome("x").run_async() is None
    assert not await workflows.cancel_workflow("x", "").run_async()
    assert not await workflows.continue_workflow("x").run_async()


async def test_a_chain_passes_results_on(kit: Kit) -> None:
    flow = plan(node(data=b"1"), node(deps=(0,)), node(deps=(1,), data=b'"bound"'), node(deps=(2,)))
    await kit.create(flow)
    assert await run(kit, kit.lane(), {0: b"10", 1: b"20", 2: b"[3]"}, flow) == [
        (0, "1"), (1, "10"), (2, '"bound"'), (3, "[3]"),
    ]  # fmt: skip
    assert (await kit.outcome(flow)).result == b"[3]"
    assert [each.result for each in (await kit.record(flow)).nodes] == [b"10", b"20", b"[3]", b"[3]"]


async def test_a_node_is_not_started_before_its_predecessor_has_completed(kit: Kit) -> None:
    flow = plan(node(), node(deps=(0,)))
    await kit.create(flow)
    assert await kit.state(flow.nodes[1].job_id) is None
    lane = kit.lane()
    jobs = (await lane.step([done((await kit.claim(lane))[0], b"1")], [Want(TASK, 5)])).jobs
    if kit.apart:
        jobs = await kit.claim(lane)
    assert [job.job_id for job in jobs] == [flow.nodes[1].job_id], "one round trip settles and goes on"
    assert await kit.states(flow) == ["completed", "active"]


async def test_a_group_gives_its_results_in_order_whatever_the_order_of_the_ends(kit: Kit) -> None:
    flow = fan(4, callback=False)
    await kit.create(flow)
    lane = kit.lane()
    jobs = await kit.claim(lane, 4)
    for at in (2, 0, 3, 1):
        assert (await kit.outcome(flow)).state == "running"
        await kit.settle(lane, done(jobs[at], b"%d" % (at * 11)))
    outcome = await kit.outcome(flow)
    assert (outcome.state, outcome.result) == ("completed", b"[0,11,22,33]")


async def test_a_chord_calls_back_once_with_all_results(kit: Kit) -> None:
    flow = fan(3)
    await kit.create(flow)
    assert (await run(kit, kit.lane(), {}, flow))[-1] == (3, "[0,1,2]")
    assert (await kit.outcome(flow)).result == b"[0,1,2]"


async def test_a_join_takes_results_in_the_order_of_its_predecessors(kit: Kit) -> None:
    flow = plan(node(data=b"1"), node(data=b"2"), node(data=b"3"), node(deps=(2, 0, 1)))
    await kit.create(flow)
    assert (await run(kit, kit.lane(), {}, flow))[-1] == (3, "[3,1,2]")


async def test_a_graph_over_several_tasks_gives_its_result(kit: Kit) -> None:
    flow = plan(
        node(data=b"1"), node(deps=(0,)), node(deps=(0,)), node("b", deps=(2,)), node("b", deps=(1, 3)),
        node(deps=(4,), data=b"9"), node("b", deps=(4,)), terminal=(5, 6),
    )  # fmt: skip
    await kit.create(flow)
    lane = kit.lane(tasks=(TASK, "b"))
    while jobs := (await lane.step([], [Want(TASK, 9), Want("b", 9)])).jobs:
        await kit.settle(lane, *(done(job, job.data or b"") for job in jobs))
    assert (await kit.outcome(flow)).result == b"[9,[1,1]]"


@pytest.mark.parametrize("result", [b"null", b""])
async def test_a_missing_result_is_null_wherever_it_goes(kit: Kit, result: bytes) -> None:
    flow = plan(node(), node(deps=(0,)), node(deps=(0, 1)), node(deps=(0,), as_list=True), terminal=(0, 2, 3))
    await kit.create(flow)
    ran = await run(kit, kit.lane(), {0: result, 1: result, 2: result}, flow)
    assert dict(ran) == {0: "0", 1: "null", 2: "[null,null]", 3: "[null]"}
    assert (await kit.outcome(flow)).result == b"[null,null,[null]]"


async def test_a_group_of_one_is_a_list(kit: Kit) -> None:
    inner, outer = plan(node(data=b"7"), node(deps=(0,), as_list=True)), plan(node(data=b"7"), as_list=True)
    for flow in (inner, outer):
        await kit.create(flow)
    lane = kit.lane()
    while jobs := await kit.claim(lane):
        await kit.settle(lane, done(jobs[0], jobs[0].data or b""))
    assert (await kit.outcome(inner)).result == b"[7]"
    assert (await kit.outcome(outer)).result == b"[7]"


async def test_an_empty_workflow_is_complete_at_once(kit: Kit) -> None:
    flow = Plan(new_id(), "empty", (), ())
    await kit.create(flow)
    outcome = await kit.outcome(flow)
    assert (outcome.state, outcome.result) == ("completed", b"[]")


async def test_a_node_takes_version_and_time_to_live_of_its_task(kit: Kit) -> None:
    first = PlanNode(TASK, new_id(), (), b"1", version=4, max_attempts=7)
    second = PlanNode(TASK, new_id(), (0,), None, version=5, ttl_ms=1)
    flow = plan(first, second)
    await kit.create(flow)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    assert job.version == 4
    await kit.settle(lane, done(job))
    assert (await kit.job(second.job_id)).version == 5
    await kit.let_pass(1)
    assert await kit.claim(lane) == []
    assert (await kit.outcome(flow)).error_type == "ExpiredError"


async def test_a_retry_does_not_end_the_workflow(kit: Kit) -> None:
    flow = plan(node(), node(deps=(0,)))
    await kit.create(flow)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.settle(lane, Settled(job, "retry", b"again", delay_ms=1))
    assert (await kit.outcome(flow)).state == "running"
    await kit.let_pass(1)
    assert [at for at, _ in await run(kit, lane, {}, flow)] == [0, 1]
    assert (await kit.outcome(flow)).state == "completed"


async def test_creating_a_workflow_again_changes_nothing(kit: Kit) -> None:
    flow = plan(node(), node(deps=(0,)), node(deps=(1,)))
    lane = kit.lane()
    for _ in range(3):
        await kit.create(flow)
        before = (await kit.record(flow), await kit.waiting())
        await kit.create(flow)
        assert (await kit.record(flow), await kit.waiting()) == before
        await kit.settle(lane, *map(done, await kit.claim(lane)))
    before = (await kit.record(flow), await kit.waiting())
    await kit.create(flow)
    assert (await kit.record(flow), await kit.waiting()) == before
    assert (await kit.outcome(flow)).state == "completed"


async def test_settling_a_batch_of_nodes_again_changes_nothing(kit: Kit) -> None:
    flow = fan(5)
    await kit.create(flow)
    lane = kit.lane()
    outcomes = [done(job, b"1") for job in await kit.claim(lane, 10)]
    assert (await kit.settle(lane, *outcomes)).lost == ()
    before = (await kit.record(flow), await kit.waiting())
    assert set((await kit.settle(lane, *outcomes)).lost) == {each.job.job_id for each in outcomes}
    assert (await kit.record(flow), await kit.waiting()) == before
    assert await kit.waiting() == [flow.nodes[5].job_id]


async def test_a_node_whose_id_is_taken_is_not_stored_over_its_owner(kit: Kit) -> None:
    flow = plan(node(), node(deps=(0,)))
    await kit.add(NewJob(flow.nodes[1].job_id, b'"mine"', delay_ms=60_000))
    await kit.create(flow)
    lane = kit.lane()
    await kit.settle(lane, *map(done, await kit.claim(lane)))
    info = await kit.job(flow.nodes[1].job_id)
    assert (info.data, info.workflow_id) == ("mine", None)


# How a node ends badly, with the state of the workflow and the class of the error. Each runs before the job's lock or
# time to live, which are short, have run out.
async def _fail(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.settle(lane, failed(job))


async def _cancel(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.cancel(job.job_id, "why")
    await kit.settle(lane, Settled(job, "cancel"))


async def _return_and_cancel(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.settle(lane, Settled(job, "return"))
    await kit.cancel(job.job_id, "why")


async def _expire(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.settle(lane, Settled(job, "return"))
    await kit.let_pass(100)
    await kit.claim(lane)


async def _discard(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.settle(lane, Settled(job, "return"))
    await kit.let_pass(100)
    await lane.step([], [Want(TASK, 1, "discard")])


async def _expire_delayed(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.settle(lane, Settled(job, "retry", b"x"))
    await kit.let_pass(100)
    await lane.promote([TASK])


async def _stall(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.sweep(0)
    await kit.let_pass(SHORT_MS)
    await kit.sweep(0)


async def _crash(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.recover("w1", max_crashes=0)


ENDS = {
    "failed": (_fail, "failed", "ValueError"),
    "cancelled": (_cancel, "cancelled", None),
    "cancelled while waiting": (_return_and_cancel, "cancelled", None),
    "expired": (_expire, "failed", "ExpiredError"),
    "expired while delayed": (_expire_delayed, "failed", "ExpiredError"),
    "discarded": (_discard, "failed", "ExpiredError"),
    "stalled": (_stall, "failed", "StalledError"),
    "crashed": (_crash, "failed", "StalledError"),
}


@pytest.mark.parametrize("end", ENDS)
async def test_every_way_in_which_a_node_ends_reaches_the_workflow(kit: Kit, end: str) -> None:
    act, state, error_type = ENDS[end]
    # Node 0 is a root, 1 ends badly, 2 would follow it; 3 is a root beside them, running elsewhere.
    short_lived = PlanNode(TASK, new_id(), (0,), None, ttl_ms=100 if error_type == "ExpiredError" else 0)
    flow = plan(node(), short_lived, node(deps=(1,)), node("side"), terminal=(2, 3))
    await kit.create(flow)
    lane = kit.lane(ttl_ms=SHORT_MS if end == "stalled" else 30_000)
    beside = kit.lane("w2", tasks=("side",))
    await kit.settle(lane, done((await kit.claim(lane))[0]))
    await kit.claim(beside, task="side")
    waiting = asyncio.create_task(kit.waiter().workflow(flow.workflow_id))
    (job,) = await kit.claim(lane)
    await act(kit, lane, job)
    outcome = await soon(waiting)
    assert outcome is not None
    assert (outcome.state, outcome.error_type) == (state, error_type)
    assert (outcome.node, outcome.job_id, outcome.task) == (1, flow.nodes[1].job_id, TASK)
    assert outcome.error
    await kit.pay(flow)
    assert await kit.cancel(flow.nodes[3].job_id, task="side") == "flagged"
    assert (await kit.job(flow.nodes[3].job_id, "side")).cancel_reason == f"workflow {state}"
    assert await kit.states(flow) == ["completed", state, state, state]
    assert (await kit.record(flow)).nodes[1].error == outcome.error
    assert await kit.state(flow.nodes[2].job_id) is None
    assert await kit.owed() == []


@pytest.mark.parametrize("end", ["stalled", "crashed", "cancelled while waiting"])
async def test_who_ends_a_node_outside_a_worker_also_ends_its_siblings(kit: Kit, end: str) -> None:
    flow = plan(node(), node("side"), terminal=(0, 1))
    await kit.create(flow)
    lane = kit.lane(ttl_ms=SHORT_MS if end == "stalled" else 30_000)
    (job,) = await kit.claim(lane)
    await ENDS[end][0](kit, lane, job)
    assert await kit.state(flow.nodes[1].job_id, "side") == "cancelled"
    assert await kit.owed() == []


async def test_a_failure_cancels_waiting_delayed_and_running_siblings(kit: Kit) -> None:
    flow = fan(350)
    await kit.create(flow)
    lane = kit.lane()
    first, running, retrying = await kit.claim(lane, 3)
    await kit.settle(lane, Settled(retrying, "retry", b"x", delay_ms=60_000))
    reply = await kit.settle(lane, failed(first))
    if not kit.apart:
        assert reply.owed == (flow.workflow_id,)
        assert await kit.owed() == [flow.workflow_id]
    await kit.pay(flow)
    stats = await kit.stats()
    assert (stats.waiting, stats.delayed, stats.active, stats.cancelled) == (0, 0, 1, 348)
    await kit.settle(lane, done(running))
    info = await kit.job(running.job_id)
    assert (info.state, info.cancel_reason) == (State.CANCELLED, "workflow failed")
    assert (await kit.outcome(flow)).node == 0


async def test_cancelling_reaches_roots_that_run_and_that_wait(kit: Kit) -> None:
    flow = fan(5)
    await kit.create(flow)
    lane = kit.lane()
    (running,) = await kit.claim(lane)
    assert await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "why").run_async()
    outcome = await kit.outcome(flow)
    assert (outcome.state, outcome.error, outcome.node) == ("cancelled", "why", None)
    assert (await kit.waiting(), (await kit.stats()).cancelled) == ([], 4)
    assert not await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "again").run_async()
    assert (await kit.outcome(flow)).error == "why"
    await kit.settle(lane, done(running))
    assert await kit.state(running.job_id) == "cancelled"


@pytest.mark.parametrize("end", ["cancelled", "completed"])
async def test_a_workflow_that_ended_cannot_be_cancelled(kit: Kit, end: str) -> None:
    flow = plan(node())
    await kit.create(flow)
    lane = kit.lane()
    if end == "completed":
        await kit.settle(lane, *map(done, await kit.claim(lane)))
    else:
        await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "").run_async()
    before = await kit.record(flow)
    assert not await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "why").run_async()
    assert await kit.record(flow) == before
    assert before.state == end


async def test_a_job_of_a_workflow_that_has_ended_is_not_run(kit: Kit) -> None:
    flow = plan(node(), node("side"), terminal=(0, 1))
    await kit.create(flow)
    lane = kit.lane()
    await kit.settle(lane, *map(failed, await kit.claim(lane)))
    # What the workflow owes its jobs is not written yet.
    assert await kit.claim_all("side") == []
    info = await kit.job(flow.nodes[1].job_id, "side")
    assert (info.state, info.cancel_reason) == (State.CANCELLED, "workflow failed")


async def test_a_late_result_of_a_cancelled_workflow_starts_nothing(kit: Kit) -> None:
    flow = plan(node(), node(deps=(0,)))
    await kit.create(flow)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "").run_async()
    assert (await kit.settle(lane, done(job))).owed == ()
    assert await kit.claim_all() == []
    assert await kit.states(flow) == ["cancelled", "cancelled"]


async def test_workflows_do_not_mix(kit: Kit) -> None:
    first, second = fan(2), fan(2)
    await kit.create(first)
    await kit.create(second)
    lane = kit.lane()
    jobs = await kit.claim(lane, 10)
    await kit.settle(lane, failed(jobs[0]), done(jobs[2]), done(jobs[3]))
    assert ((await kit.outcome(first)).state, (await kit.outcome(second)).state) == ("failed", "running")
    assert await kit.waiting() == [second.nodes[2].job_id]
