"""What wide workflows cost the server, and what is left of them."""

import time

from integration.adapter.kit import TASK, Kit, done, fan, node, plan
from support import wait_until
from taskora.config import Keep
from taskora.ids import new_id
from taskora.model import Want
from taskora.workflow_model import Plan, PlanNode, WorkflowOutcome


async def outcome_of(kit: Kit, flow: Plan) -> WorkflowOutcome:
    found = await kit.adapter.workflows.workflow_outcome(flow.workflow_id).run_async()
    assert found is not None
    return found


async def drive(kit: Kit, flow: Plan) -> None:
    """Writes all that the workflow is owed, as a worker or the leader does."""
    while await kit.adapter.workflows.continue_workflow(flow.workflow_id).run_async():
        pass


async def test_a_wide_fan_out_goes_on_from_where_it_stopped(kit: Kit) -> None:
    """One script starts 500; the rest is owed, and anybody may write it after the worker died."""
    width = 1700
    starts = tuple(PlanNode(TASK, new_id(), (0,), None) for _ in range(width))
    flow = plan(node(data=b"5"), *starts, node(deps=tuple(range(1, width + 1))))
    await kit.create(flow)
    lane = kit.lane()
    reply = await kit.settle(lane, done((await kit.claim(lane))[0], b"5"))
    assert reply.owed == (flow.workflow_id,)
    assert len(kit.waiting()) == 500
    wait_until(lambda: kit.now_ms() > kit.raw.zscore(f"{kit.root}:workflows:owed", flow.workflow_id) + 5)
    assert await kit.adapter.house.owed_workflows(60_000, 10).run_async() == []
    assert await kit.adapter.house.owed_workflows(5, 10).run_async() == [flow.workflow_id]
    # Meanwhile some of the first nodes complete.
    jobs = await kit.claim(lane, 100)
    await kit.settle(lane, *(done(job, job.data or b"") for job in jobs))
    calls = 1
    while await kit.adapter.workflows.continue_workflow(flow.workflow_id).run_async():
        calls += 1
    assert calls == 3
    assert kit.waiting() == [each.job_id for each in flow.nodes[101:-1]]
    while jobs := (await lane.step([], [Want(TASK, 400)])).jobs:
        await kit.settle(lane, *(done(job, job.data or b"") for job in jobs))
    outcome = await outcome_of(kit, flow)
    assert outcome.result == b"[" + b",".join([b"5"] * width) + b"]"
    assert kit.raw.zcard(f"{kit.root}:workflows:owed") == 0


async def test_nothing_is_left_of_workflows_once_all_are_trimmed(kit: Kit) -> None:
    flows = [fan(3), fan(600, callback=False), plan(node(), deadline_ms=60_000)]
    for flow in flows:
        await kit.create(flow)
    lane = kit.lane()
    while jobs := await kit.claim(lane, 200):
        await kit.settle(lane, *(done(job, b"1") for job in jobs))
    bad = fan(2)
    await kit.create(bad)
    await kit.adapter.workflows.cancel_workflow(bad.workflow_id, "").run_async()
    trim = kit.adapter.house.trim_workflows
    assert await trim(True, Keep("1h", 100), 100).run_async() == 0
    assert await trim(True, Keep(None, 1, 0), 100).run_async() == 2
    assert await trim(True, Keep(0, None), 100).run_async() == 1
    assert await trim(False, Keep(0, None), 100).run_async() == 1
    left = {key.removeprefix(f"{kit.root}:") for key in kit.raw.keys(f"{kit.root}:w*")}
    assert left == {"workflows:events"}
    assert await kit.adapter.workflows.list_workflows(None, 0, 10).run_async() == []


def _cpu_s(kit: Kit) -> float:
    """Processor time of the server and of this process: what else the machine does counts little in it."""
    server = kit.raw.info("cpu")
    return float(server["used_cpu_user"] + server["used_cpu_sys"]) + time.process_time()


async def _run_group(kit: Kit, width: int) -> float:
    """Runs a group with a callback; returns seconds of processor time a node."""
    flow = fan(width)
    began_s = _cpu_s(kit)
    await kit.create(flow)
    lane = kit.lane(f"w{width}")
    reply = await lane.step([], [Want(TASK, 100)])
    count = 0
    while reply.jobs:
        count += len(reply.jobs)
        reply = await lane.step([done(job, b"1") for job in reply.jobs], [Want(TASK, 100)])
    took_s = _cpu_s(kit) - began_s
    assert count == width + 1
    assert (await outcome_of(kit, flow)).state == "completed"
    return took_s / count


async def test_a_node_of_a_ten_times_larger_group_costs_no_more(kit: Kit) -> None:
    await _run_group(kit, 200)
    small = min([await _run_group(kit, 1000) for _ in range(3)])
    large = min([await _run_group(kit, 10_000) for _ in range(2)])
    assert large / small < 2


async def test_a_group_whose_first_node_ends_last_is_joined_without_a_long_pause(kit: Kit) -> None:
    flow = fan(10_000)
    await kit.create(flow)
    lane = kit.lane()
    (first,) = await kit.claim(lane)
    while jobs := await kit.claim(lane, 500):
        await kit.settle(lane, *(done(job, b"1") for job in jobs))
    began_s = _cpu_s(kit)
    await kit.settle(lane, done(first, b"1"))
    assert _cpu_s(kit) - began_s < 0.4  # its processor time: what the machine does meanwhile does not count
    assert kit.waiting() == [flow.nodes[-1].job_id]
