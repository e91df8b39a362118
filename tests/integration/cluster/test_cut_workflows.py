"""A workflow is carried over slots in several steps: cut after any of them, or done twice, it comes to the same end."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest

from conformance.kit import Kit, done, failed, node, plan
from support import Cluster
from taskora.adapters.redis import redis_adapter
from taskora.connection.cluster_wire import ClusterLoopWire
from taskora.connection.request import ScriptCall
from taskora.errors import TaskoraError
from taskora.model import State, Want
from taskora.workflow_model import Plan

TASKS = ("resize", "tag", "store")
CARRYING = {"continue_workflow", "enqueue_nodes", "forget_debts", "cancel_nodes", "start_workflow", "mend_node"}
How = Literal["before", "after", "twice"]
pytestmark = pytest.mark.timeout(240)


class CutError(TaskoraError):
    """The process died here."""


class Knife:
    """Cuts at one round trip among those that carry workflows, or sends it twice."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.how: How = "before"
        real = ClusterLoopWire.exchange

        async def exchange(wire: ClusterLoopWire, request: Any, *rest: Any, **options: Any) -> Any:
            if not any(isinstance(item, ScriptCall) and item.script.name in CARRYING for item in request):
                return await real(wire, request, *rest, **options)
            self.left -= 1
            if self.left != 0:
                return await real(wire, request, *rest, **options)
            if self.how != "before":
                replies = await real(wire, request, *rest, **options)
                if self.how == "twice":
                    return await real(wire, request, *rest, **options)
                assert replies
            raise CutError

        patch.setattr(ClusterLoopWire, "exchange", exchange)


@pytest.fixture
async def kit(cluster: Cluster, prefix: str) -> AsyncIterator[Kit]:
    adapter = redis_adapter(cluster.url, prefix=prefix)
    await adapter.house.publish_tasks(dict.fromkeys(TASKS, b"{}")).run_async()
    kit = Kit(adapter)
    yield kit
    await kit.close()
    await adapter.close_async()


def diamond() -> Plan:
    return plan(
        node("resize", data=b"1"), node("tag", (0,)), node("store", (0,)), node("tag", (0,)), node("resize", (1, 2, 3)),
        node("store", (4,)),
    )  # fmt: skip


async def drive(kit: Kit) -> Counter[str]:
    """Works as workers and the leader do, until nothing is left; whatever is cut is not done again by itself."""
    ran: Counter[str] = Counter()
    lanes = {task: kit.lane("w", (task,)) for task in TASKS}
    while True:
        moved = False
        for task, lane in lanes.items():
            jobs = (await lane.step([], [Want(task, 10)])).jobs
            for job in jobs:
                moved = True
                ran[job.job_id] += 1
                try:
                    await lane.step([done(job, b"%d" % len(ran))], [])
                except CutError:
                    continue
        if moved:
            continue
        owed = await kit.owed()
        for each in owed:
            try:
                await kit.adapter.workflows.continue_workflow(each).run_async()
            except CutError:
                continue
        if not owed:
            return ran


async def left_over(kit: Kit) -> list[str]:
    """Tasks with jobs that have not ended, and what is owed to workflows."""
    counts = {task: await kit.stats(task) for task in TASKS}
    return [task for task, stats in counts.items() if stats.waiting or stats.active] + await kit.owed()


@pytest.mark.parametrize("how", ["before", "after", "twice"])
async def test_a_workflow_that_is_cut_anywhere_completes_with_each_node_run_once(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, how: How
) -> None:
    knife = Knife(monkeypatch)
    cuts = 0
    while knife.left <= 0:
        cuts += 1
        knife.left, knife.how = cuts, how
        flow = diamond()
        try:
            await kit.create(flow)
        except CutError:
            found = await kit.adapter.workflows.workflow_outcome(flow.workflow_id).run_async()
            if found is None:  # not begun: its producer knows
                continue
        ran = await drive(kit)
        assert ran == Counter({each.job_id: 1 for each in flow.nodes}), f"cut at round trip {cuts}"
        assert (await kit.outcome(flow)).state == "completed"
        assert await left_over(kit) == []
    assert cuts > 15, "it was not cut where it is carried"


@pytest.mark.parametrize("how", ["before", "after", "twice"])
async def test_a_failure_that_is_cut_anywhere_ends_the_workflow_and_its_jobs(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, how: How
) -> None:
    knife = Knife(monkeypatch)
    cuts = 0
    while knife.left <= 0:
        cuts += 1
        flow = plan(
            node("resize"), node("tag"), *(node("store") for _ in range(120)), terminal=tuple(range(122)),
        )  # fmt: skip
        await kit.create(flow)
        bad = flow.nodes[0].job_id
        lane = kit.lane("w", ("resize",))
        (job,) = await kit.claim(lane, task="resize")
        assert job.job_id == bad
        knife.left, knife.how = cuts, how
        with contextlib.suppress(CutError):
            await lane.step([failed(job)], [])
        while owed := await kit.owed():
            for each in owed:
                try:
                    await kit.adapter.workflows.continue_workflow(each).run_async()
                except CutError:
                    continue
        assert (await kit.outcome(flow)).state == "failed"
        assert await kit.ids(State.WAITING, "store") == []
        assert await kit.ids(State.WAITING, "tag") == []
        assert await left_over(kit) == []
    assert cuts > 3


async def test_a_node_whose_job_is_gone_is_found_and_run_again(kit: Kit) -> None:
    """A replica that takes over may have missed the last writes of its master: one slot is behind the others."""
    flow = diamond()
    await kit.create(flow)
    lane = kit.lane("w", ("resize",))
    (job,) = await kit.claim(lane, task="resize")
    await lane.step([done(job, b"1")], [])
    gone = flow.nodes[2].job_id
    assert await kit.cancel(gone, task="store") == "cancelled"
    await kit.pay(flow)
    other = diamond()
    await kit.create(other)
    (job,) = await kit.claim(lane, task="resize")
    await lane.step([done(job, b"1")], [])
    await _lose(kit, "store", other.nodes[2].job_id)
    repairs = kit.adapter.repairs
    cursor, running = await repairs.running_workflows(0, 100).run_async()
    while cursor:
        cursor, more = await repairs.running_workflows(cursor, 100).run_async()
        running += more
    assert running == [other.workflow_id]
    broken = await repairs.broken_nodes(other.workflow_id).run_async()
    assert broken == {"2:lost"}
    assert await repairs.mend_nodes(other.workflow_id, broken).run_async() == 1
    await drive(kit)
    assert (await kit.outcome(other)).state == "completed"


async def _lose(kit: Kit, task: str, job_id: str) -> None:
    """Removes a job as if it had never been stored."""
    (job,) = await kit.claim(kit.lane("thief", (task,)), task=task)
    assert job.job_id == job_id
    link: Any = kit.adapter.leases
    base = kit.adapter.keys.task(task)

    def steps(_: object) -> Any:
        yield [("DEL", f"{base}:{job_id}"), ("DEL", f"{base}:{job_id}:lock"), ("DEL", f"{base}:active")]

    await link._link.run_async(steps)
