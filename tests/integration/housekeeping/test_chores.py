"""What the leader does beside schedules: lost jobs, retention, deadlines, the registry."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from support import wait_until_async
from taskora.adapters.redis import RedisAdapter
from taskora.config import Keep, Retention, Stall, TaskOptions
from taskora.housekeeping import Pace, card_of
from taskora.housekeeping.janitor import Janitor
from taskora.housekeeping.roster import Roster
from taskora.housekeeping.sweeper import Sweeper
from taskora.ids import new_id
from taskora.model import EnqueueSpec, NewJob, Want, WorkerRecord
from taskora.workflow_model import Plan, PlanNode

from .conftest import StartHousekeeper

KEEP_100 = Retention(completed=Keep("1h", 100, min_age=0), failed=Keep(None, 10, min_age=0))


def add_ended(raw: Any, base: str, state: str, count: int, first: int = 0) -> None:
    now_ms = int(time.time() * 1000)
    for start in range(first, first + count, 1000):
        ids = [f"{state}{number}" for number in range(start, min(start + 1000, first + count))]
        with raw.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.hset(f"{base}:{job_id}", "state", state)
            pipe.zadd(f"{base}:{state}", dict.fromkeys(ids, now_ms))
            pipe.execute()


def nothing_more(*_: object) -> Iterator[Any]:
    """What a worker does that dies before it does what it owes."""
    return iter(())


def size(raw: Any, key: str) -> int:
    found: Any = raw.zcard(key)
    return int(found)


async def test_retention_keeps_up_with_a_burst_of_20000(housekeep: StartHousekeeper, raw: Any, root: str) -> None:
    base = f"{root}:{{t}}"
    add_ended(raw, base, "completed", 20_000)
    await housekeep({"t": TaskOptions(retention=KEEP_100)})
    await wait_until_async(lambda: size(raw, f"{base}:completed") == 100, 10.0)
    left: Any = raw.keys(f"{base}:completed*")
    assert len(left) == 101, "the jobs themselves are gone, not only their entries"


async def test_w44_no_round_of_retention_rests_before_everything_is_trimmed(
    adapter: RedisAdapter, raw: Any, root: str
) -> None:
    """W44."""
    base = f"{root}:{{t}}"
    add_ended(raw, base, "completed", 20_000)
    roster = Roster(adapter.house, {"t": TaskOptions(retention=KEEP_100)}, 60.0)
    janitor = Janitor(adapter.house, roster, Retention(), Pace())
    while await janitor.round() == 0.0:
        pass
    assert size(raw, f"{base}:completed") == 100


async def test_retention_covers_every_ended_state_of_tasks_that_only_others_know(
    housekeep: StartHousekeeper, adapter: RedisAdapter, raw: Any, root: str
) -> None:
    base = f"{root}:{{elsewhere}}"
    states = {"completed": 100, "failed": 10, "expired": 10, "cancelled": 10}
    for state in states:
        add_ended(raw, base, state, 150)
    await adapter.house.publish_tasks({"elsewhere": card_of(TaskOptions(retention=KEEP_100))}).run_async()
    await housekeep()
    await wait_until_async(lambda: {state: size(raw, f"{base}:{state}") for state in states} == states)


async def test_a_task_with_endless_work_does_not_starve_the_others(adapter: RedisAdapter, raw: Any, root: str) -> None:
    busy, quiet = f"{root}:{{busy}}", f"{root}:{{quiet}}"
    add_ended(raw, quiet, "failed", 50)
    options = TaskOptions(retention=KEEP_100)
    roster = Roster(adapter.house, {"busy": options, "quiet": options}, 60.0)
    janitor = Janitor(adapter.house, roster, Retention(), Pace(trim_budget_s=0.0))
    for first in range(0, 12_000, 1200):
        add_ended(raw, busy, "completed", 1200, first)  # more than one round removes
        await janitor.round()
    assert size(raw, f"{busy}:completed") > 1100
    assert size(raw, f"{quiet}:failed") == 10


async def test_what_is_kept_for_ever_is_not_touched(housekeep: StartHousekeeper, raw: Any, root: str) -> None:
    forever = Retention(completed=Keep(None, None), failed=Keep(None, 10, min_age=0))
    add_ended(raw, f"{root}:{{t}}", "completed", 500)
    add_ended(raw, f"{root}:{{t}}", "failed", 50)
    await housekeep({"t": TaskOptions(retention=forever)})
    await wait_until_async(lambda: size(raw, f"{root}:{{t}}:failed") == 10)
    assert size(raw, f"{root}:{{t}}:completed") == 500


async def test_ended_workflows_are_trimmed(
    housekeep: StartHousekeeper, adapter: RedisAdapter, raw: Any, root: str
) -> None:
    for _ in range(15):
        await adapter.workflows.create_workflow(Plan(new_id(), "empty", (), ())).run_async()
    assert size(raw, f"{root}:workflows:completed") == 15
    await housekeep(retention=Retention(completed=Keep(None, 3, min_age=0)))
    await wait_until_async(lambda: size(raw, f"{root}:workflows:completed") == 3)
    assert len(list(raw.scan_iter(f"{root}:wf:*"))) == 3


async def test_a_job_whose_worker_vanished_is_taken_back(
    housekeep: StartHousekeeper, adapter: RedisAdapter, raw: Any, root: str
) -> None:
    await adapter.jobs.enqueue("t", EnqueueSpec(), [NewJob("j", b"1")]).run_async()
    lane = adapter.leases.lane("gone", ["t"], 300, lambda _: ())
    assert len((await lane.step([], [Want("t", 1)])).jobs) == 1
    await lane.close()
    await housekeep({"t": TaskOptions(stall=Stall(interval=0.1))})
    await wait_until_async(lambda: raw.hget(f"{root}:{{t}}:j", "state") == "waiting")
    assert raw.hget(f"{root}:{{t}}:j", "stalledCount") == "1"


def node(task: str = "t", deps: tuple[int, ...] = ()) -> PlanNode:
    return PlanNode(task, new_id(), deps, None if deps else b"1")


async def test_a_leader_that_takes_over_leaves_alone_what_the_last_one_marked_just_now(
    adapter: RedisAdapter, raw: Any, root: str
) -> None:
    job = NewJob(new_id(), b"{}")
    await adapter.jobs.enqueue("t", EnqueueSpec(), [job]).run_async()
    lane = adapter.leases.lane("w1", ["t"], 30_000, lambda _: ())
    await lane.step([], [Want("t", 1)])
    await lane.close()
    raw.delete(f"{root}:{{t}}:{job.job_id}:lock")
    roster = Roster(adapter.house, {"t": TaskOptions(stall=Stall(interval=10))}, 60.0)
    for _ in range(2):
        await Sweeper(adapter.house, roster).round()
    assert raw.hget(f"{root}:{{t}}:{job.job_id}", "state") == "active"
    raw.decrby(f"{root}:{{t}}:swept", 10_000)
    await Sweeper(adapter.house, roster).round()
    assert raw.hget(f"{root}:{{t}}:{job.job_id}", "state") == "waiting"


async def test_a_workflow_past_its_deadline_is_cancelled_with_its_jobs(
    housekeep: StartHousekeeper, adapter: RedisAdapter
) -> None:
    late = Plan(new_id(), "late", (node(), node(deps=(0,))), (1,), deadline_ms=1)
    in_time = Plan(new_id(), "in time", (node(),), (0,), deadline_ms=60_000)
    for plan in (late, in_time):
        await adapter.workflows.create_workflow(plan).run_async()
    await housekeep()

    async def outcome(plan: Plan) -> tuple[str, str | None]:
        found = await adapter.workflows.workflow_outcome(plan.workflow_id).run_async()
        assert found is not None
        return found.state, found.error

    async def late_has_ended() -> bool:
        return (await outcome(late))[0] != "running"

    await wait_until_async(late_has_ended)
    assert await outcome(late) == ("cancelled", "workflow timeout")
    assert await outcome(in_time) == ("running", None)

    async def job_is_cancelled() -> bool:
        job = await adapter.jobs.outcome("t", late.nodes[0].job_id).run_async()
        return job is not None and job.state == "cancelled"

    await wait_until_async(job_is_cancelled)


async def test_the_deadline_of_a_deleted_workflow_holds_up_no_other(
    housekeep: StartHousekeeper, adapter: RedisAdapter, raw: Any, root: str
) -> None:
    raw.zadd(f"{root}:workflows:deadlines", {f"deleted{number}": 1 for number in range(150)})
    plan = Plan(new_id(), "late", (node(),), (0,), deadline_ms=1)
    await adapter.workflows.create_workflow(plan).run_async()
    await housekeep()
    await wait_until_async(lambda: raw.hget(adapter.keys.workflow(plan.workflow_id), "state") == "cancelled")


async def test_what_a_dead_worker_owed_a_workflow_is_done(
    housekeep: StartHousekeeper, adapter: RedisAdapter, raw: Any, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(new_id(), "wide", tuple(node() for _ in range(1200)), tuple(range(1200)))
    with monkeypatch.context() as patch:
        patch.setattr("taskora.adapters.redis.workflows.pay", nothing_more)
        await adapter.workflows.create_workflow(plan).run_async()
    assert raw.llen(f"{root}:{{t}}:wait") == 500
    await housekeep()
    await wait_until_async(lambda: raw.llen(f"{root}:{{t}}:wait") == 1200)
    assert raw.zcard(f"{root}:workflows:owed") == 0


async def test_processes_that_ended_without_a_word_leave_the_registry(
    housekeep: StartHousekeeper, adapter: RedisAdapter, raw: Any, root: str
) -> None:
    now = datetime.now(UTC)
    for name, ttl_ms in (("dead", 1), ("alive", 60_000)):
        record = WorkerRecord(name, "worker", "h", 1, ("t",), 0, 0, 0, 0, now, now, "1")
        await adapter.house.register(record, ttl_ms).run_async()
    await wait_until_async(lambda: raw.exists(f"{root}:worker:dead") == 0)
    raw.zadd(f"{root}:workers", {"dead": int(time.time() * 1000)})
    await housekeep()
    await wait_until_async(lambda: raw.zrange(f"{root}:workers", 0, -1) == ["alive"])


async def test_a_chore_that_fails_is_logged_and_stops_no_other(
    housekeep: StartHousekeeper, raw: Any, root: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw.set(f"{root}:workflows:deadlines", "not a set")
    raw.set(f"{root}:{{bad}}:completed", "not a set")
    raw.set(f"{root}:{{bad}}:active", "not a list")
    add_ended(raw, f"{root}:{{good}}", "completed", 150)
    options = TaskOptions(retention=KEEP_100)
    await housekeep({"bad": options, "good": options})
    await wait_until_async(lambda: size(raw, f"{root}:{{good}}:completed") == 100)
    await wait_until_async(lambda: "workflows failed" in caplog.text)
    assert "task bad: completed jobs could not be trimmed" in caplog.text
    assert "task bad: the sweep for lost jobs failed" in caplog.text
    raw.delete(f"{root}:workflows:deadlines", f"{root}:{{bad}}:completed", f"{root}:{{bad}}:active")
