"""What single operations do about a damaged key: the rest of what they were asked for, and a report."""

import logging
from typing import Any, cast

import pytest

from integration.adapter.kit import TASK, Kit
from integration.engine.kit import Engine, open_app
from taskora import AdapterError, Debounce, Taskora, Throttle
from taskora.adapters.redis.lane import RedisLane
from taskora.ids import new_id
from taskora.model import EnqueueSpec, Held, NewJob, Settled, Want

OTHER = "other"


def lose(lane: Any) -> None:
    """Have the lane believe that replies of its claims were lost."""
    for connection in cast("RedisLane", lane)._settling:  # pyright: ignore[reportPrivateUsage] - cutting at the right moment is chance
        connection.lost = True


async def test_a_damaged_active_list_keeps_no_other_task_from_being_reclaimed(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "taskora")
    lane = kit.lane("w", (TASK, OTHER))
    for task in (TASK, OTHER):
        await kit.add_many(2, task)
    assert len((await lane.step([], [Want(TASK, 2), Want(OTHER, 2)])).jobs) == 4
    kit.raw.set(f"{kit.base()}:active", "of another kind", xx=True)
    lose(lane)
    assert len((await lane.step([], [Want(OTHER, 2)])).jobs) == 2
    assert "gave 2 jobs back" in caplog.text
    assert f"{kit.base()}:active: WRONGTYPE" in caplog.text


async def test_what_a_damaged_list_holds_up_is_told_once(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    lane = kit.lane()
    kit.raw.set(f"{kit.base()}:wait", "of another kind")
    for _ in range(20):
        await lane.step([], [Want(TASK, 1)])
    assert caplog.text.count("stored data is damaged") == 1


@pytest.mark.parametrize("name", ["prioritized", "delayed", "events", "stalled", "metrics:completed"])
async def test_a_claim_goes_on_beside_a_damaged_key(kit: Kit, name: str) -> None:
    lane = kit.lane()
    ids = await kit.add_many(3)
    if name.startswith("metrics"):
        name = f"{name}:{kit.now_ms() // 60_000 * 60_000}"
    kit.raw.delete(f"{kit.base()}:{name}")
    kit.raw.set(f"{kit.base()}:{name}", "of another kind")
    jobs = await kit.claim(lane, 3)
    assert [job.job_id for job in jobs] == ids
    await kit.settle(lane, *(Settled(job, "complete", b"1") for job in jobs))
    assert [kit.state(job_id) for job_id in ids] == ["completed"] * 3
    assert not kit.active()


async def test_claimed_jobs_go_back_when_the_active_list_is_damaged(kit: Kit) -> None:
    lane = kit.lane()
    kit.raw.set(f"{kit.base()}:active", "of another kind")
    ids = await kit.add_many(2)
    await kit.add(NewJob("urgent", b"1", priority=3), NewJob("keyed", b"1", concurrency_key="k", concurrency_limit=1))
    for _ in range(3):
        assert await kit.claim(lane, 10) == []
    assert kit.members("prioritized") == ["urgent"]
    assert kit.waiting() == [*ids, "keyed"]
    assert not kit.raw.exists(f"{kit.base()}:conc:k", f"{kit.base()}:holders:k", f"{kit.base()}:{ids[0]}:lock")
    kit.raw.delete(f"{kit.base()}:active")
    assert [job.job_id for job in await kit.claim(lane, 10)] == ["urgent", *ids, "keyed"]


@pytest.mark.parametrize("set_name", ["completed", "failed", "cancelled"])
async def test_an_end_is_written_once_though_it_cannot_be_listed(kit: Kit, set_name: str) -> None:
    lane = kit.lane()
    (job_id,) = await kit.add_many(1)
    (job,) = await kit.claim(lane)
    kit.raw.set(f"{kit.base()}:{set_name}", "of another kind")
    verb: Any = {"completed": "complete", "failed": "fail", "cancelled": "cancel"}[set_name]
    for _ in range(2):  # the second time after a lost reply
        await kit.settle(lane, Settled(job, verb, b"why"))
    assert kit.state(job_id) == set_name
    assert kit.event_names(job_id).count(set_name) == 1
    assert not kit.raw.exists(f"{kit.base()}:{job_id}:lock")
    assert not kit.active()
    assert 0 < kit.raw.ttl(f"{kit.base()}:{job_id}") <= 7 * 86400


@pytest.mark.parametrize(("verb", "queue"), [("retry", "delayed"), ("defer", "delayed"), ("return", "wait")])
async def test_a_job_that_cannot_be_queued_stays_with_its_worker_until_the_lock_runs_out(
    kit: Kit, verb: Any, queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    lane = kit.lane()
    (job_id,) = await kit.add_many(1)
    (job,) = await kit.claim(lane)
    kit.raw.set(f"{kit.base()}:{queue}", "of another kind")
    await kit.settle(lane, Settled(job, verb, b"why", 1000, "ValueError"))
    assert kit.active() == [job_id]
    assert kit.raw.pttl(f"{kit.base()}:{job_id}:lock") > 0
    assert f"job {job_id} is not written: WRONGTYPE" in caplog.text
    kit.raw.delete(f"{kit.base()}:{queue}", f"{kit.base()}:{job_id}:lock")
    house = kit.adapter.house
    assert await house.sweep(TASK, 1).run_async() == 0
    assert await house.sweep(TASK, 1).run_async() == 1
    assert kit.waiting() == [job_id]


async def test_recovery_goes_on_beside_a_damaged_job_and_sets_its_fence_whatever_is_there(kit: Kit) -> None:
    lane = kit.lane("dead")
    ids = await kit.add_many(3)
    await kit.claim(lane, 3)
    kit.raw.set(f"{kit.base()}:{ids[1]}", "of another kind")
    kit.raw.set(f"{kit.base()}:fence:dead", "of another kind")
    leases = kit.adapter.leases
    assert await leases.recover("dead", {TASK: 0}, cause="killed", charged=True, max_crashes=3).run_async() == 2
    assert kit.waiting() == [ids[0], ids[2]]
    assert kit.raw.hget(f"{kit.base()}:fence:dead", "halt") == "dead"


async def test_locks_are_renewed_beside_a_damaged_job(kit: Kit) -> None:
    lane = kit.lane(ttl_ms=5000)
    await kit.add_many(3)
    jobs = await kit.claim(lane, 3)
    kit.raw.set(f"{kit.base()}:{jobs[0].job_id}", "of another kind")
    kit.raw.delete(f"{kit.base()}:{jobs[1].job_id}:lock")
    kit.raw.rpush(f"{kit.base()}:{jobs[1].job_id}:lock", "of another kind")
    held = [Held(job.task, job.job_id, job.token, job.processed_ms) for job in jobs]
    assert await kit.adapter.leases.extend(held, 60_000).run_async() == [0, 1, 1]
    assert kit.raw.pttl(f"{kit.base()}:{jobs[2].job_id}:lock") > 5000


async def test_what_stands_in_the_place_of_a_marker_is_removed(kit: Kit) -> None:
    lane = kit.lane()
    kit.raw.set(f"{kit.base()}:marker", "of another kind")
    with pytest.raises(AdapterError, match="WRONGTYPE"):
        await lane.wait_and_claim([Want(TASK, 1)], 10)
    (job_id,) = await kit.add_many(1)
    assert [job.job_id for job in (await lane.wait_and_claim([Want(TASK, 1)], 1000)).jobs] == [job_id]


async def test_nothing_is_left_of_a_job_that_cannot_be_queued(kit: Kit) -> None:
    for name, job in {
        "wait": NewJob(new_id(), b"1"),
        "prioritized": NewJob(new_id(), b"1", priority=1),
        "delayed": NewJob(new_id(), b"1", delay_ms=1000),
    }.items():
        kit.raw.set(f"{kit.base()}:{name}", "of another kind")
        with pytest.raises(AdapterError, match="WRONGTYPE"):
            await kit.adapter.jobs.enqueue(TASK, EnqueueSpec(), [job]).run_async()
        assert kit.hash(job.job_id) == {}


async def test_a_damaged_key_of_a_rule_costs_its_own_dispatch_only(engine: Engine, app: Taskora) -> None:
    @app.task("plus")
    def plus(n: int) -> int:
        return n + 1

    engine.raw.rpush(engine.key("plus", "throttle:bad"), "of another kind")
    async with open_app(app):
        handles = [
            plus.dispatch(n, throttle=Throttle(key, 5, "1m")) for n, key in enumerate(("good", "bad", "good", "fine"))
        ]
        for handle in (handles[0], handles[2], handles[3]):
            assert (await handle).enqueued
        with pytest.raises(AdapterError, match=r"not stored.*'bad'.*WRONGTYPE"):
            await handles[1]
        with pytest.raises(AdapterError, match="not stored"):
            await handles[1].result_async(1)
        assert (await app.inspect().stats_async("plus")).waiting == 3


def test_a_damaged_key_of_a_rule_is_raised_in_plain_code(engine: Engine, app: Taskora) -> None:
    @app.task("plus")
    def plus(n: int) -> int:
        return n + 1

    engine.raw.rpush(engine.key("plus", "debounce:bad"), "of another kind")
    with pytest.raises(AdapterError, match="not stored"):
        plus.dispatch(1, debounce=Debounce("bad", 1))
    assert app.inspect().stats("plus").delayed == 0
