"""What a TypeScript producer or worker leaves is understood."""

import json
from typing import Any

import pytest

from integration.adapter.kit import TASK, Kit, done, failed, node, plan
from support import wait_until_async
from taskora.ids import new_id
from taskora.model import Settled, State


def graph(*nodes: tuple[list[int], str | None], terminal: list[int]) -> dict[str, Any]:
    listed: list[dict[str, Any]] = []
    for deps, data in nodes:
        record: dict[str, Any] = {"taskName": TASK, "deps": deps, "jobId": new_id(), "_v": 1}
        if data is not None:
            record["data"] = data
        listed.append(record)
    return {"nodes": listed, "terminal": terminal, "name": "chain(a → b)"}


CHAIN: list[tuple[list[int], str | None]] = [([], "1"), ([0], None), ([1], None)]
DIAMOND: list[tuple[list[int], str | None]] = [([], "1"), ([0], None), ([0], "9"), ([1, 2], None)]


async def run_one(kit: Kit, result: bytes | None = None) -> str:
    """Runs the next job; its result is ``result`` or its own payload. Returns the payload."""
    lane = kit.lane(f"w{new_id()}")
    (job,) = await kit.claim(lane)
    assert job.data is not None
    assert (await kit.settle(lane, done(job, job.data if result is None else result))).lost == ()
    return job.data.decode()


async def test_plain_delayed_and_prioritized_jobs_are_claimed_and_settled(kit: Kit) -> None:
    plain, later, high = new_id(), new_id(), new_id()
    kit.put_foreign_job(plain, '{"ä":1}')
    kit.put_foreign_job(later, "2", delay_ms=5)
    kit.put_foreign_job(high, "3", priority=2)
    lane = kit.lane()
    jobs = await kit.claim(lane, 2)
    assert [(job.job_id, job.data) for job in jobs] == [(high, b"3"), (plain, '{"ä":1}'.encode())]
    jobs += await wait_until_async(lambda: kit.claim(lane))
    assert jobs[2].job_id == later
    await kit.settle(lane, done(jobs[0], b"1"), failed(jobs[1]), Settled(jobs[2], "retry", b"x", delay_ms=60_000))
    assert [kit.state(job_id) for job_id in (high, plain, later)] == ["completed", "failed", "retrying"]
    assert kit.hash(later)["attempt"] == "2"


async def test_a_job_of_another_writer_is_read_back(kit: Kit) -> None:
    job_id = new_id()
    extra = {"progress": "50.0", "result": "", "error": "bang", "processedOn": str(kit.now_ms()), "unknown": "x"}
    kit.put_foreign_job(job_id, "", extra=extra)
    log = {"level": "warn", "message": "hm", "meta": {"a": 1}, "timestamp": 1795544727026}
    kit.raw.rpush(f"{kit.base()}:{job_id}:logs", json.dumps(log), "not json", "[]")
    info = await kit.job(job_id)
    assert (info.state, info.data, info.result, info.progress, info.error) == (State.WAITING, None, None, 50, "bang")
    assert [(entry.level, entry.message, entry.meta) for entry in info.logs] == [("warn", "hm", {"a": 1})]
    assert [job.id for job in await kit.adapter.jobs.jobs(TASK, State.WAITING, 0, 5).run_async()] == [job_id]


@pytest.mark.parametrize("name", ["_v", "attempt", "ts"])
@pytest.mark.parametrize("value", [None, "", "1.5", "many"])
async def test_a_damaged_number_harms_no_other_job(kit: Kit, name: str, value: str | None) -> None:
    bad, good = new_id(), new_id()
    kit.put_foreign_job(bad, "1")
    kit.put_foreign_job(good, "2")
    if value is None:
        kit.raw.hdel(f"{kit.base()}:{bad}", name)
    else:
        kit.raw.hset(f"{kit.base()}:{bad}", name, value)
    lane = kit.lane()
    jobs = await kit.claim(lane, 5)
    assert [job.job_id for job in jobs] == [bad, good]
    assert (await kit.settle(lane, *map(done, jobs))).lost == ()
    assert len(await kit.adapter.jobs.jobs(TASK, State.COMPLETED, 0, 5).run_async()) == 2


@pytest.mark.parametrize(
    "value", [None, b"", b"x", b"\n\n", b"[[", b"\xff\xfe", b'{"why":"timeout","from":{},"by":[]}', b"[" * 300_000]
)
async def test_damaged_attempts_of_the_past_cost_neither_an_outcome_nor_the_next_of_them(
    kit: Kit, value: bytes | None
) -> None:
    job_id = new_id()
    kit.put_foreign_job(job_id, "1")
    assert (await kit.job(job_id)).past_attempts == ()
    if value is not None:
        kit.raw.hset(f"{kit.base()}:{job_id}", mapping={"past": value, "cause": "timeout"})
    assert (await kit.job(job_id)).past_attempts == ()
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    assert (await kit.settle(lane, failed(job, b"boom"))).lost == ()
    (told,) = (await kit.job(job_id)).past_attempts
    assert (told.error, told.followed_by) == ("boom", "failed")


async def test_one_unreadable_value_spoils_no_listing(kit: Kit) -> None:
    ids = await kit.add_many(3)
    kit.raw.hset(f"{kit.base()}:{ids[0]}", mapping={"data": "{", "progress": "NaN", "ts": "99999999999999999"})
    kit.raw.hset(f"{kit.base()}:{ids[1]}", "processedOn", "1e300")
    found = await kit.adapter.jobs.jobs(TASK, State.WAITING, 0, 5).run_async()
    assert [job.id for job in found] == ids
    assert found[0].data == "{"


async def test_a_job_that_a_foreign_worker_finished_is_not_swept(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.adapter.house.sweep(TASK, 1).run_async()
    # A foreign worker does not take the id out of the candidates.
    await kit.settle(lane, done(job))
    kit.raw.sadd(f"{kit.base()}:stalled", job_id)
    assert await kit.adapter.house.sweep(TASK, 1).run_async() == 0
    assert (kit.state(job_id), kit.waiting()) == ("completed", [])
    assert "stalledCount" not in kit.hash(job_id)
    assert kit.raw.smembers(f"{kit.base()}:stalled") == set()


async def test_a_foreign_chain_runs_to_its_end(kit: Kit) -> None:
    workflow_id, its = new_id(), graph(*CHAIN, terminal=[2])
    kit.put_foreign(its, workflow_id)
    assert [await run_one(kit, result) for result in (b"10", b"20", b'"end"')] == ["1", "10", "20"]
    stored = kit.workflow(workflow_id)
    assert (stored["state"], stored["result"]) == ("completed", '"end"')
    assert [stored[f"n:{at}:state"] for at in range(3)] == ["completed"] * 3
    assert [stored[f"n:{at}:result"] for at in range(3)] == ["10", "20", '"end"']
    assert kit.hash(its["nodes"][1]["jobId"])["_wfNode"] == "1"


async def test_a_foreign_diamond_joins_in_the_order_of_its_dependencies(kit: Kit) -> None:
    workflow_id, its = new_id(), graph(*DIAMOND, terminal=[3])
    kit.put_foreign(its, workflow_id)
    assert await run_one(kit, b"5") == "1"
    assert {await run_one(kit), await run_one(kit)} == {"5", "9"}
    assert await run_one(kit) == "[5,9]"
    assert kit.workflow(workflow_id)["result"] == "[5,9]"


async def test_a_foreign_group_gives_the_results_of_all_its_ends(kit: Kit) -> None:
    workflow_id = new_id()
    kit.put_foreign(graph(([], "1"), ([], '"b"'), ([], "null"), terminal=[0, 1, 2]), workflow_id)
    for result in (None, None, b""):
        await run_one(kit, result)
    assert kit.workflow(workflow_id)["result"] == '[1,"b",null]'
    outcome = await kit.adapter.workflows.workflow_outcome(workflow_id).run_async()
    assert outcome is not None
    assert (outcome.state, outcome.result) == ("completed", b'[1,"b",null]')


async def test_a_foreign_workflow_of_the_worked_example_gives_its_result(kit: Kit) -> None:
    workflow_id = new_id()
    nodes: list[tuple[list[int], str | None]] = [
        ([], "1"), ([0], None), ([0], None), ([2], None), ([1, 3], None), ([4], "9"), ([4], None),
    ]  # fmt: skip
    kit.put_foreign(graph(*nodes, terminal=[5, 6]), workflow_id)
    for _ in nodes:
        await run_one(kit)
    assert kit.workflow(workflow_id)["result"] == "[9,[1,1]]"


async def test_an_empty_result_of_a_foreign_handler_is_null_to_its_successors(kit: Kit) -> None:
    workflow_id = new_id()
    kit.put_foreign(graph(([], "1"), ([0], None), ([0, 1], None), terminal=[2]), workflow_id)
    assert [await run_one(kit, result) for result in (b"", b"", b"3")] == ["1", "null", "[null,null]"]


async def test_a_failing_node_ends_a_foreign_workflow_and_cancels_its_roots(kit: Kit) -> None:
    workflow_id, its = new_id(), graph(([], "1"), ([], "2"), ([], "3"), ([0, 1, 2], None), terminal=[3])
    kit.put_foreign(its, workflow_id)
    ids = [node["jobId"] for node in its["nodes"]]
    lane = kit.lane()
    first, running = await kit.claim(lane, 2)
    reply = await kit.settle(lane, failed(first))
    assert reply.owed == (workflow_id,)
    while await kit.adapter.workflows.continue_workflow(workflow_id).run_async():
        pass
    stored = kit.workflow(workflow_id)
    assert (stored["state"], stored["error"], stored["n:0:error"]) == ("failed", "boom", "boom")
    assert [stored[f"n:{at}:state"] for at in range(4)] == ["failed"] * 4
    assert "cancelledAt" in kit.hash(running.job_id)
    assert [kit.state(job_id) for job_id in ids] == ["failed", "active", "cancelled", None]


async def test_a_foreign_workflow_is_read_back_and_can_be_cancelled(kit: Kit) -> None:
    workflow_id, its = new_id(), graph(*DIAMOND, terminal=[3])
    kit.put_foreign(its, workflow_id)
    record = await kit.adapter.workflows.workflow(workflow_id).run_async()
    assert record is not None
    assert (record.name, record.state, record.terminal) == ("chain(a → b)", "running", (3,))
    assert [(n.deps, n.state, n.data) for n in record.nodes][2:] == [((0,), "pending", b"9"), ((1, 2), "pending", None)]
    assert await kit.adapter.workflows.cancel_workflow(workflow_id, "why").run_async()
    assert kit.state(its["nodes"][0]["jobId"]) == "cancelled"
    assert kit.workflow(workflow_id)["error"] == "why"
    assert not await kit.adapter.workflows.cancel_workflow(workflow_id, "why").run_async()


async def test_a_node_that_a_foreign_worker_advanced_is_seen_as_complete(kit: Kit) -> None:
    flow = plan(node(), node(), node(), node(deps=(0, 1, 2)))
    await kit.create(flow)
    key = f"{kit.root}:wf:{{{flow.workflow_id}}}"
    lane = kit.lane()
    jobs = await kit.claim(lane, 3)
    # A foreign worker settles node 1 and writes only the shared fields.
    await kit.settle(lane, Settled(jobs[1], "return"))
    kit.raw.hset(key, mapping={"n:1:state": "completed", "n:1:result": '"foreign"'})
    await kit.settle(lane, done(jobs[0], b"0"), done(jobs[2], b"2"))
    assert kit.hash(flow.nodes[3].job_id)["data"] == '[0,"foreign",2]'
