"""Workflows: every node runs once, joins fire once, and every end reaches everybody."""

import asyncio
import json

import pytest

from integration.adapter.kit import TASK, Kit, done, failed, fan, node, plan
from support import wait_until
from taskora.adapters.protocol import Lane
from taskora.model import Claimed, Plan, PlanNode, Settled, Want, WorkflowOutcome, new_id


async def outcome_of(kit: Kit, flow: Plan) -> WorkflowOutcome:
    found = await kit.adapter.workflows.workflow_outcome(flow.workflow_id).run_async()
    assert found is not None
    return found


async def drive(kit: Kit, flow: Plan) -> None:
    """Writes all that the workflow is owed, as a worker or the leader does."""
    while await kit.adapter.workflows.continue_workflow(flow.workflow_id).run_async():
        pass


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
            await drive(kit, flow)
    return ran


async def test_a_stored_workflow_has_the_shape_that_others_read(kit: Kit) -> None:
    flow = plan(node(data=b'{"a":"\xc3\xa4"}'), node("other", deps=(0,)), node(deps=(0, 1)), terminal=(1, 2))
    await kit.create(flow)
    stored = kit.workflow(flow.workflow_id)
    ids = [each.job_id for each in flow.nodes]
    assert json.loads(stored["graph"]) == {
        "nodes": [
            {"taskName": TASK, "deps": [], "jobId": ids[0], "_v": 1, "data": '{"a":"ä"}'},
            {"taskName": "other", "deps": [0], "jobId": ids[1], "_v": 1},
            {"taskName": TASK, "deps": [0, 1], "jobId": ids[2], "_v": 1},
        ],
        "terminal": [1, 2],
        "name": "flow",
    }
    assert stored["state"] == "running"
    assert abs(int(stored["createdAt"]) - kit.now_ms()) < 5_000
    root = kit.hash(ids[0])
    assert (root["_wf"], root["_wfNode"], root["data"]) == (flow.workflow_id, "0", '{"a":"ä"}')
    assert {name: root[name] for name in ("_v", "attempt", "maxAttempts", "state", "priority")} == {
        "_v": "1", "attempt": "1", "maxAttempts": "1", "state": "waiting", "priority": "0",
    }  # fmt: skip
    assert [stored[f"n:{at}:state"] for at in (1, 2)] == ["pending", "pending"]
    record = await kit.adapter.workflows.workflow(flow.workflow_id).run_async()
    assert record is not None
    assert [(each.task, each.job_id, each.deps, each.data) for each in record.nodes] == [
        (each.task, each.job_id, each.deps, each.data) for each in flow.nodes
    ]
    assert (record.terminal, record.name, record.state) == ((1, 2), "flow", "running")


async def test_a_chain_passes_results_on(kit: Kit) -> None:
    flow = plan(node(data=b"1"), node(deps=(0,)), node(deps=(1,), data=b'"bound"'), node(deps=(2,)))
    await kit.create(flow)
    assert await run(kit, kit.lane(), {0: b"10", 1: b"20", 2: b"[3]"}, flow) == [
        (0, "1"), (1, "10"), (2, '"bound"'), (3, "[3]"),
    ]  # fmt: skip
    assert (await outcome_of(kit, flow)).result == b"[3]"


async def test_a_group_gives_its_results_in_order_whatever_the_order_of_the_ends(kit: Kit) -> None:
    flow = fan(4, callback=False)
    await kit.create(flow)
    lane = kit.lane()
    jobs = await kit.claim(lane, 4)
    for at in (2, 0, 3, 1):
        await kit.settle(lane, done(jobs[at], b"%d" % (at * 11)))
    outcome = await outcome_of(kit, flow)
    assert (outcome.state, outcome.result) == ("completed", b"[0,11,22,33]")


async def test_a_chord_calls_back_once_with_all_results(kit: Kit) -> None:
    flow = fan(3)
    await kit.create(flow)
    assert (await run(kit, kit.lane(), {}, flow))[-1] == (3, "[0,1,2]")
    assert (await outcome_of(kit, flow)).result == b"[0,1,2]"


async def test_the_worked_example_gives_its_result(kit: Kit) -> None:
    flow = plan(
        node(data=b"1"), node(deps=(0,)), node(deps=(0,)), node("b", deps=(2,)), node("b", deps=(1, 3)),
        node(deps=(4,), data=b"9"), node("b", deps=(4,)), terminal=(5, 6),
    )  # fmt: skip
    await kit.create(flow)
    lane = kit.lane(tasks=(TASK, "b"))
    while jobs := (await lane.step([], [Want(TASK, 9), Want("b", 9)])).jobs:
        await kit.settle(lane, *(done(job, job.data or b"") for job in jobs))
    assert kit.workflow(flow.workflow_id)["result"] == "[9,[1,1]]"


@pytest.mark.parametrize("result", [b"null", b""])
async def test_a_missing_result_is_null_wherever_it_goes(kit: Kit, result: bytes) -> None:
    flow = plan(node(), node(deps=(0,)), node(deps=(0, 1)), node(deps=(0,), as_list=True), terminal=(0, 2, 3))
    await kit.create(flow)
    ran = await run(kit, kit.lane(), {0: result, 1: result, 2: result}, flow)
    assert dict(ran) == {0: "0", 1: "null", 2: "[null,null]", 3: "[null]"}
    assert (await outcome_of(kit, flow)).result == b"[null,null,[null]]"


async def test_a_group_of_one_is_a_list(kit: Kit) -> None:
    inner, outer = plan(node(data=b"7"), node(deps=(0,), as_list=True)), plan(node(data=b"7"), as_list=True)
    for flow in (inner, outer):
        await kit.create(flow)
    lane = kit.lane()
    while jobs := await kit.claim(lane):
        await kit.settle(lane, done(jobs[0], jobs[0].data or b""))
    assert (await outcome_of(kit, inner)).result == b"[7]"
    assert (await outcome_of(kit, outer)).result == b"[7]"


async def test_an_empty_workflow_is_complete_at_once(kit: Kit) -> None:
    flow = Plan(new_id(), "empty", (), ())
    await kit.create(flow)
    outcome = await outcome_of(kit, flow)
    assert (outcome.state, outcome.result) == ("completed", b"[]")


async def test_a_node_takes_version_attempts_and_time_to_live_of_its_task(kit: Kit) -> None:
    first = PlanNode(TASK, new_id(), (), b"1", version=4, max_attempts=7, ttl_ms=60_000)
    second = PlanNode(TASK, new_id(), (0,), None, version=4, max_attempts=7, ttl_ms=60_000)
    await kit.create(plan(first, second))
    await kit.settle(lane := kit.lane(), done((await kit.claim(lane))[0]))
    for each in (first, second):
        fields = kit.hash(each.job_id)
        assert (fields["_v"], fields["maxAttempts"]) == ("4", "7")
        assert int(fields["expireAt"]) == int(fields["ts"]) + 60_000


async def test_a_retry_does_not_end_the_workflow(kit: Kit) -> None:
    flow = plan(node(), node(deps=(0,)))
    await kit.create(flow)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.settle(lane, Settled(job, "retry", b"again", delay_ms=1))
    assert (await outcome_of(kit, flow)).state == "running"
    due = int(kit.raw.zscore(f"{kit.base()}:delayed", job.job_id))
    wait_until(lambda: kit.now_ms() > due)
    assert [at for at, _ in await run(kit, lane, {}, flow)] == [0, 1]
    assert (await outcome_of(kit, flow)).state == "completed"


# How a node ends badly, with the state of the workflow and the class of the error.
async def _fail(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.settle(lane, failed(job))


async def _cancel(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.adapter.jobs.cancel(TASK, job.job_id, "why").run_async()
    await kit.settle(lane, Settled(job, "cancel"))


async def _return_and_cancel(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.settle(lane, Settled(job, "return"))
    await kit.adapter.jobs.cancel(TASK, job.job_id, "why").run_async()


async def _expire(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.settle(lane, Settled(job, "return"))
    kit.raw.hset(f"{kit.base()}:{job.job_id}", "expireAt", "1")
    await kit.claim(lane)


async def _discard(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.settle(lane, Settled(job, "return"))
    kit.raw.hset(f"{kit.base()}:{job.job_id}", "expireAt", "1")
    await lane.step([], [Want(TASK, 1, "discard")])


async def _expire_delayed(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.settle(lane, Settled(job, "retry", b"x"))
    kit.raw.hset(f"{kit.base()}:{job.job_id}", "expireAt", "1")
    await lane.promote([TASK])


async def _stall(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.adapter.house.sweep(TASK, 0).run_async()
    kit.raw.delete(f"{kit.base()}:{job.job_id}:lock")
    await kit.adapter.house.sweep(TASK, 0).run_async()


async def _crash(kit: Kit, lane: Lane, job: Claimed) -> None:
    call = kit.adapter.leases.recover("w1", {TASK: 0}, cause="signal:9", charged=True, max_crashes=0)
    await call.run_async()


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
    flow = plan(node(), node("mail", deps=(0,)), node(deps=(1,)), node("side"), terminal=(2, 3))
    await kit.create(flow)
    lane, beside = kit.lane(), kit.lane("w2", tasks=("side",))
    await kit.settle(lane, done((await kit.claim(lane))[0]))
    await kit.claim(beside, task="side")
    waiting = asyncio.create_task(kit.waiter().workflow(flow.workflow_id))
    (job,) = await kit.claim(lane)
    await act(kit, lane, job)
    outcome = await asyncio.wait_for(waiting, 3)
    assert outcome is not None
    assert (outcome.state, outcome.error_type) == (state, error_type)
    assert (outcome.node, outcome.job_id, outcome.task) == (1, flow.nodes[1].job_id, "mail")
    assert outcome.error
    await drive(kit, flow)
    assert "cancelledAt" in kit.hash(flow.nodes[3].job_id, "side")
    stored = kit.workflow(flow.workflow_id)
    assert [stored[f"n:{at}:state"] for at in range(4)] == ["completed", state, state, state]
    assert kit.hash(flow.nodes[2].job_id) == {}
    assert kit.raw.zcard(f"{kit.root}:workflows:owed") == 0


@pytest.mark.parametrize("end", ["expired while delayed", "stalled", "crashed", "cancelled while waiting"])
async def test_who_ends_a_node_outside_a_worker_also_ends_its_siblings(kit: Kit, end: str) -> None:
    flow = plan(node(), node("side"), terminal=(0, 1))
    await kit.create(flow)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await ENDS[end][0](kit, lane, job)
    assert kit.state(flow.nodes[1].job_id, "side") == "cancelled"
    assert kit.raw.zcard(f"{kit.root}:workflows:owed") == 0


async def test_a_failure_cancels_waiting_delayed_and_running_siblings(kit: Kit) -> None:
    flow = fan(350)
    await kit.create(flow)
    lane = kit.lane()
    first, running, retrying = await kit.claim(lane, 3)
    await kit.settle(lane, Settled(retrying, "retry", b"x", delay_ms=60_000))
    reply = await kit.settle(lane, failed(first))
    assert reply.owed == (flow.workflow_id,)
    await drive(kit, flow)
    assert kit.waiting() == kit.members("delayed") == []
    assert kit.active() == [running.job_id]
    assert kit.hash(running.job_id)["cancelReason"] == "workflow failed"
    assert len(kit.members("cancelled")) == 348
    await kit.settle(lane, done(running))
    assert kit.state(running.job_id) == "cancelled"
    assert (await outcome_of(kit, flow)).node == 0


async def test_cancelling_reaches_roots_that_run_and_that_wait(kit: Kit) -> None:
    flow = fan(5)
    await kit.create(flow)
    lane = kit.lane()
    (running,) = await kit.claim(lane)
    assert await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "why").run_async()
    outcome = await outcome_of(kit, flow)
    assert (outcome.state, outcome.error, outcome.node) == ("cancelled", "why", None)
    assert "cancelledAt" in kit.hash(running.job_id)
    assert (kit.waiting(), len(kit.members("cancelled"))) == ([], 4)
    assert not await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "again").run_async()
    assert not await kit.adapter.workflows.cancel_workflow(new_id(), "").run_async()
    assert (await outcome_of(kit, flow)).error == "why"


async def test_a_job_of_a_workflow_that_has_ended_is_not_run(kit: Kit) -> None:
    flow = fan(2)
    await kit.create(flow)
    key = f"{kit.root}:wf:{{{flow.workflow_id}}}"
    kit.raw.hset(key, "state", "failed")
    assert await kit.claim(kit.lane(), 5) == []
    assert [kit.state(each.job_id) for each in flow.nodes[:2]] == ["cancelled"] * 2
    kit.raw.delete(key)


async def test_a_late_result_of_a_cancelled_workflow_starts_nothing(kit: Kit) -> None:
    flow = plan(node(), node(deps=(0,)))
    await kit.create(flow)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "").run_async()
    kit.raw.hdel(f"{kit.base()}:{job.job_id}", "cancelledAt")
    assert (await kit.settle(lane, done(job))).owed == ()
    assert await kit.claim(lane, 5) == []
    assert kit.workflow(flow.workflow_id)["n:0:state"] == "cancelled"
