"""Workflows that another implementation's worker left broken are mended; healthy ones are left alone."""

import json
import logging
from typing import Any

import pytest

from support import wait_until_async
from taskora.adapters.redis import RedisAdapter
from taskora.housekeeping.mender import Mender
from taskora.ids import new_id
from taskora.workflow_model import Plan, PlanNode

from .conftest import FAST, StartHousekeeper

CHAIN: list[dict[str, Any]] = [
    {"taskName": "a", "deps": [], "jobId": "ja", "_v": 2, "data": '{"x":1}'},
    {"taskName": "b", "deps": [0], "jobId": "jb", "_v": 1},
]
DIAMOND: list[dict[str, Any]] = [
    {"taskName": "a", "deps": [], "jobId": "ja", "_v": 1, "data": "1"},
    {"taskName": "a", "deps": [], "jobId": "jb", "_v": 1, "data": "2"},
    {"taskName": "c", "deps": [0, 1], "jobId": "jc", "_v": 1},
]


class Foreign:
    """Workflows as a worker of another implementation stores them."""

    def __init__(self, raw: Any, root: str) -> None:
        self.raw = raw
        self.root = root

    def store(self, nodes: list[dict[str, Any]], terminal: int, **fields: str) -> str:
        name = new_id()
        graph = json.dumps({"nodes": nodes, "terminal": [terminal], "name": "flow"})
        states = {f"n:{index}:state": "pending" for index in range(len(nodes))}
        given = {field.replace("_", ":"): value for field, value in fields.items()}
        mapping = {"graph": graph, "state": "running", "createdAt": "1", **states, **given}
        self.raw.hset(self.key(name), mapping=mapping)
        return name

    def key(self, name: str) -> str:
        return f"{self.root}:wf:{{{name}}}"

    def field(self, name: str, field: str) -> str | None:
        found: str | None = self.raw.hget(self.key(name), field)
        return found

    def add_job(self, task: str, job_id: str, **fields: str) -> None:
        self.raw.hset(f"{self.root}:{{{task}}}:{job_id}", mapping=fields)

    def job(self, task: str, job_id: str) -> dict[str, str]:
        found: dict[str, str] = self.raw.hgetall(f"{self.root}:{{{task}}}:{job_id}")
        return found

    def waiting(self, task: str) -> list[str]:
        found: Any = self.raw.lrange(f"{self.root}:{{{task}}}:wait", 0, -1)
        return list(found)


@pytest.fixture
def foreign(raw: Any, root: str) -> Foreign:
    return Foreign(raw, root)


@pytest.fixture
def mender(adapter: RedisAdapter) -> Mender:
    return Mender(adapter.repairs, FAST)


async def test_a_root_that_was_never_enqueued_is(mender: Mender, foreign: Foreign) -> None:
    name = foreign.store(CHAIN, 1)
    await mender.round()
    job = foreign.job("a", "ja")
    assert (job["data"], job["_v"], job["_wf"], job["_wfNode"]) == ('{"x":1}', "2", name, "0")
    assert foreign.waiting("a") == ["ja"]
    await mender.round()
    assert foreign.waiting("a") == ["ja"]


async def test_a_completed_job_of_which_its_workflow_does_not_know_advances_it(
    mender: Mender, foreign: Foreign
) -> None:
    name = foreign.store(CHAIN, 1)
    foreign.add_job("a", "ja", state="completed", result='{"y":2}', _wf=name, _wfNode="0")
    await mender.round()
    assert foreign.field(name, "n:0:result") == '{"y":2}'
    assert foreign.job("b", "jb")["data"] == '{"y":2}'
    foreign.add_job("b", "jb", state="completed", result="3")
    await mender.round()
    assert (foreign.field(name, "state"), foreign.field(name, "result")) == ("completed", "3")


async def test_a_node_that_was_marked_and_never_enqueued_is_with_all_its_input(
    mender: Mender, foreign: Foreign
) -> None:
    done = {"n_0_state": "completed", "n_0_result": "10", "n_1_state": "completed", "n_1_result": ""}
    name = foreign.store(DIAMOND, 2, **done, n_2_state="active")
    await mender.round()
    assert foreign.job("c", "jc")["data"] == "[10,null]"
    assert foreign.field(name, "n:2:state") == "active"


@pytest.mark.parametrize(
    ("job", "state", "error"),
    [
        ({"state": "failed", "error": "boom"}, "failed", "boom"),
        ({"state": "expired"}, "failed", "the job expired"),
        ({"state": "cancelled", "cancelReason": "enough"}, "cancelled", "enough"),
    ],
)
async def test_a_job_that_ended_otherwise_ends_its_workflow_and_the_other_jobs(
    mender: Mender, foreign: Foreign, raw: Any, root: str, job: dict[str, str], state: str, error: str
) -> None:
    name = foreign.store(DIAMOND, 2)
    foreign.add_job("a", "ja", **job)
    foreign.add_job("a", "jb", state="waiting")
    raw.lpush(f"{root}:{{a}}:wait", "jb")
    await mender.round()
    assert (foreign.field(name, "state"), foreign.field(name, "error")) == (state, error)
    assert foreign.job("a", "jb")["state"] == "cancelled"


async def test_a_healthy_workflow_is_left_alone(
    mender: Mender, foreign: Foreign, raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    running = foreign.store(CHAIN, 1)
    foreign.add_job("a", "ja", state="active")
    ended = foreign.store(DIAMOND, 2, state="completed")
    before = [raw.hgetall(foreign.key(name)) for name in (running, ended)]
    with caplog.at_level(logging.WARNING):
        await mender.round()
    assert [raw.hgetall(foreign.key(name)) for name in (running, ended)] == before
    assert caplog.records == []


async def test_a_step_that_is_only_late_is_not_done_twice(adapter: RedisAdapter, foreign: Foreign) -> None:
    name = foreign.store(CHAIN, 1)
    broken = await adapter.repairs.broken_nodes(name).run_async()
    assert broken == {"0:lost"}
    foreign.add_job("a", "ja", state="waiting")
    assert await adapter.repairs.mend_nodes(name, broken).run_async() == 0
    assert foreign.waiting("a") == []


async def test_a_workflow_of_ours_that_another_worker_left_is_mended(
    mender: Mender, adapter: RedisAdapter, foreign: Foreign
) -> None:
    first, last = (
        PlanNode("a", "ja", (), b"1"),
        PlanNode("b", "jb", (0,), None, version=4, max_attempts=3, ttl_ms=60_000),
    )
    plan = Plan(new_id(), "flow", (first, last), (1,))
    await adapter.workflows.create_workflow(plan).run_async()
    foreign.add_job("a", "ja", state="completed", result="7")
    await mender.round()
    job = foreign.job("b", "jb")
    assert (job["data"], job["_v"], job["maxAttempts"]) == ("7", "4", "3")
    assert "expireAt" in job


async def test_a_large_workflow_is_examined_in_pieces(adapter: RedisAdapter, foreign: Foreign) -> None:
    nodes = tuple(PlanNode("a", f"j{index}", (), b"1") for index in range(450))
    plan = Plan(new_id(), "wide", nodes, tuple(range(450)))
    await adapter.workflows.create_workflow(plan).run_async()
    for index in (0, 199, 200, 449):
        foreign.add_job("a", f"j{index}", state="completed", result="1")
    found = await adapter.repairs.broken_nodes(plan.workflow_id).run_async()
    assert found == {"0:settled", "199:settled", "200:settled", "449:settled"}


async def test_the_leader_finds_broken_workflows_among_many_keys(
    housekeep: StartHousekeeper, foreign: Foreign, raw: Any
) -> None:
    with raw.pipeline() as pipe:
        for number in range(500):
            pipe.set(f"other:{number}", number)
        pipe.execute()
    foreign.store(CHAIN, 1)
    broken = foreign.store([{"taskName": 7}], 0)
    await housekeep()
    await wait_until_async(lambda: foreign.waiting("a") == ["ja"])
    assert foreign.field(broken, "state") == "running"
