"""What is stored of a workflow."""

import json

from integration.adapter.kit import TASK, Kit, done, node, plan
from taskora.ids import new_id
from taskora.workflow_model import PlanNode


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


async def test_a_node_takes_version_attempts_and_time_to_live_of_its_task(kit: Kit) -> None:
    first = PlanNode(TASK, new_id(), (), b"1", version=4, max_attempts=7, ttl_ms=60_000)
    second = PlanNode(TASK, new_id(), (0,), None, version=4, max_attempts=7, ttl_ms=60_000)
    await kit.create(plan(first, second))
    await kit.settle(lane := kit.lane(), done((await kit.claim(lane))[0]))
    for each in (first, second):
        fields = kit.hash(each.job_id)
        assert (fields["_v"], fields["maxAttempts"]) == ("4", "7")
        assert int(fields["expireAt"]) == int(fields["ts"]) + 60_000


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
