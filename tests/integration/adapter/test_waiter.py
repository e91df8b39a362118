"""Waiting for results: pushed, on few connections, and never without an end."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from integration.adapter.kit import TASK, Kit, done
from support import Server, wait_until_async
from taskora.adapters.redis import gate, redis_adapter
from taskora.adapters.redis.waiter import RedisWaiter
from taskora.errors import AdapterError
from taskora.ids import new_id
from taskora.model import EnqueueSpec, NewJob, State, Want


@pytest.fixture
def durable(server: Server) -> Iterator[Server]:
    with Server(server.flavor, appendonly=True) as running:
        yield running


async def reading(kit: Kit, count: int = 1) -> None:
    """Waits until so many connections block on streams."""
    await wait_until_async(lambda: len([c for c in kit.raw.client_list() if c["cmd"] == "xread"]) >= count)


async def test_the_end_of_a_job_reaches_who_waits_within_a_tenth_of_a_second(kit: Kit) -> None:
    ids = await kit.add_many(20)
    lane, waiter = kit.lane(), kit.waiter()
    jobs = await kit.claim(lane, 20)
    took_s: list[float] = []
    for job in jobs:
        waiting = asyncio.create_task(waiter.job(TASK, job.job_id))
        await reading(kit)
        began_s = time.perf_counter()
        await kit.settle(lane, done(job, b'"r"'))
        outcome = await waiting
        took_s.append(time.perf_counter() - began_s)
        assert outcome is not None
        assert (outcome.state, outcome.result) == (State.COMPLETED, b'"r"')
    assert len(ids) == len(took_s)
    assert sorted(took_s)[15] < 0.1


async def test_a_key_of_another_kind_in_a_jobs_place_is_told_to_who_waits_for_it_and_to_nobody_else(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    kit.raw.set(f"{kit.base()}:job-wrong", "a string", px=60_000)
    lane, waiter = kit.lane(), kit.waiter()
    wrong, right = (asyncio.create_task(waiter.job(TASK, each)) for each in ("job-wrong", job_id))
    with pytest.raises(AdapterError, match="another prefix"):
        await asyncio.wait_for(wrong, 2)
    await kit.settle(lane, *map(done, await kit.claim(lane)))
    assert (await asyncio.wait_for(right, 2)) is not None


async def test_where_events_cannot_be_read_results_still_come_and_the_cause_is_logged(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    (job_id,) = await kit.add_many(1, "other")
    lane, waiter = kit.lane(tasks=("other",)), kit.waiter()
    (job,) = await kit.claim(lane, task="other")
    kit.raw.set(f"{kit.base()}:events", "a string", px=60_000)
    kit.raw.hset(f"{kit.base()}:job-1", mapping={"state": "active", "ts": "1"})
    waiting = [asyncio.create_task(waiter.job(TASK, "job-1")), asyncio.create_task(waiter.job("other", job_id))]
    await wait_until_async(lambda: "because" in caplog.text)
    kit.raw.hset(f"{kit.base()}:job-1", "state", "completed")
    await kit.settle(lane, done(job))
    assert [each is not None for each in await asyncio.wait_for(asyncio.gather(*waiting), 5)] == [True, True]


async def test_an_end_without_an_event_is_noticed(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    waiting = asyncio.create_task(kit.waiter().job(TASK, job_id))
    await reading(kit)
    kit.raw.hset(f"{kit.base()}:{job_id}", mapping={"state": "completed", "result": "1"})
    outcome = await asyncio.wait_for(waiting, 5)
    assert outcome is not None
    assert outcome.state is State.COMPLETED


async def test_a_damaged_event_stops_nobody(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    lane, waiter = kit.lane(), kit.waiter()
    (job,) = await kit.claim(lane)
    waiting = asyncio.create_task(waiter.job(TASK, job_id))
    await reading(kit)
    kit.raw.xadd(f"{kit.base()}:events", {"event": "completed"})
    kit.raw.xadd(f"{kit.base()}:events", {"x": "y"})
    await reading(kit)
    await kit.settle(lane, done(job))
    assert await asyncio.wait_for(waiting, 1) is not None


async def test_two_thousand_waits_share_two_connections(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a slow machine it lasts until the adapter opens its own connection, on which it hears of migrations.
    monkeypatch.setattr(gate, "_QUIET_S", 60.0)
    ids = await kit.add_many(2000)
    lane, waiter = kit.lane(), kit.waiter()
    jobs = await kit.claim(lane, 2000)
    before = len(kit.raw.client_list())
    waits = [asyncio.create_task(waiter.job(TASK, job_id)) for job_id in ids]
    await reading(kit)
    most = len(kit.raw.client_list())
    for first in range(0, 2000, 100):
        await kit.settle(lane, *(done(job, job.job_id.encode()) for job in jobs[first : first + 100]))
        most = max(most, len(kit.raw.client_list()))
    outcomes = await asyncio.wait_for(asyncio.gather(*waits), 10)
    assert [outcome.result.decode() for outcome in outcomes if outcome and outcome.result] == ids
    assert most - before <= 2


@pytest.mark.parametrize("filler", [0, 3000])
async def test_a_reader_that_a_trimmed_stream_overtook_still_tells_all(kit: Kit, filler: int) -> None:
    ids = await kit.add_many(50)
    lane, waiter = kit.lane(), kit.waiter()
    jobs = await kit.claim(lane, 50)
    waits = [asyncio.create_task(waiter.job(TASK, job_id)) for job_id in ids]
    await reading(kit)
    (reader,) = [each["id"] for each in kit.raw.client_list() if each["cmd"] == "xread"]
    kit.raw.client_kill_filter(_id=reader)
    await kit.settle(lane, *map(done, jobs))
    pipeline = kit.raw.pipeline()
    for _ in range(filler):
        pipeline.xadd(f"{kit.base()}:events", {"event": "active", "jobId": "x"})
    pipeline.xtrim(f"{kit.base()}:events", maxlen=filler and 2000)
    pipeline.execute()
    outcomes = await asyncio.wait_for(asyncio.gather(*waits), 5)
    assert all(outcome and outcome.state is State.COMPLETED for outcome in outcomes)


async def test_no_end_is_late_although_new_tasks_are_followed_all_the_time(kit: Kit) -> None:
    count = 60
    ids = await kit.add_many(count)
    lane, waiter = kit.lane(), kit.waiter()
    jobs = await kit.claim(lane, count)
    slowest_s = 0.0

    async def end(at: int) -> None:
        nonlocal slowest_s
        waiting = asyncio.create_task(waiter.job(TASK, ids[at]))
        other = asyncio.create_task(waiter.job(f"other-{at}", new_id()))
        await asyncio.sleep(0.002 * (at % 5))
        await kit.settle(lane, done(jobs[at]))
        began_s = time.monotonic()
        await waiting
        slowest_s = max(slowest_s, time.monotonic() - began_s)
        await other

    for at in range(count):
        await end(at)
    assert slowest_s < 1.0


async def test_waits_that_were_given_up_leave_nothing_behind(kit: Kit) -> None:
    ids = await kit.add_many(100)
    waiter = kit.waiter()
    assert isinstance(waiter, RedisWaiter)
    for pause_s in (0, 0.001, 0.02):
        waits = [asyncio.create_task(waiter.job(TASK, job_id)) for job_id in ids]
        await asyncio.sleep(pause_s)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    assert waiter._pending == {}  # pyright: ignore[reportPrivateUsage] - nothing public tells
    await wait_until_async(lambda: not waiter._unchecked)  # pyright: ignore[reportPrivateUsage] - the same


async def test_an_idle_waiter_closes_its_reading_connection(kit: Kit) -> None:
    await kit.waiter().job(TASK, new_id())
    await reading(kit)
    await wait_until_async(lambda: not [c for c in kit.raw.client_list() if c["cmd"] == "xread"], 6.0)


async def test_a_wait_survives_a_restart_of_the_server(durable: Server, prefix: str) -> None:
    adapter = redis_adapter(durable.url, prefix=prefix)
    lane, waiter = adapter.leases.lane("w1", [TASK], 30_000, lambda _: ()), adapter.waiter()
    ids = [new_id() for _ in range(3)]
    await adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(job_id, b"1") for job_id in ids]).run_async()
    jobs = (await lane.step([], [Want(TASK, 3)])).jobs
    waits = [asyncio.create_task(waiter.job(TASK, job_id)) for job_id in ids]
    await wait_until_async(lambda: "cmd=xread" in durable.command("CLIENT", "LIST"))
    await asyncio.to_thread(durable.restart)
    await lane.close()
    second = adapter.leases.lane("w1", [TASK], 30_000, lambda _: ())
    await second.step([done(job) for job in jobs], [])
    outcomes = await asyncio.wait_for(asyncio.gather(*waits), 5)
    assert all(outcome and outcome.state is State.COMPLETED for outcome in outcomes)
    await second.close()
    await waiter.close()
    await adapter.close_async()
