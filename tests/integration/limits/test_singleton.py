"""At most one active job of a singleton task, over all processes."""

import asyncio

from integration.adapter.kit import TASK, Kit, done
from integration.engine.kit import Engine, gated, working
from integration.limits.keyed import add, claim_alone, keyed, sweep, vanish
from support import wait_until_async
from taskora import Retry, Taskora
from taskora.ids import new_id
from taskora.model import NewJob, Settled, Want


async def test_only_one_job_is_claimed_and_only_when_none_is_active(kit: Kit) -> None:
    ids = await kit.add_many(3)
    one, other = kit.lane("one"), kit.lane("other")
    (job,) = await claim_alone(one, 5)
    assert job.job_id == ids[0]
    assert await claim_alone(one, 5) == []
    assert await claim_alone(other, 5) == []
    reply = await one.step([done(job)], [Want(TASK, 5, "fail", True)])
    assert [each.job_id for each in reply.jobs] == ids[1:2]


async def test_a_worker_that_waits_is_woken_by_the_end_and_not_by_polling(kit: Kit) -> None:
    _, second = await kit.add_many(2)
    one, other = kit.lane("one"), kit.lane("other")
    (job,) = await claim_alone(one)
    want = [Want(TASK, 1, "fail", True)]
    assert (await other.wait_and_claim(want, 20)).jobs == []
    waiting = asyncio.ensure_future(other.wait_and_claim(want, 10_000))

    async def blocked() -> bool:
        return bool(kit.raw.info("clients")["blocked_clients"] == 1)

    await wait_until_async(blocked)
    await kit.settle(one, done(job))
    reply = await asyncio.wait_for(waiting, 2)
    assert [each.job_id for each in reply.jobs] == [second]


async def test_a_waiting_worker_is_woken_when_a_dead_one_costs_the_job_its_life(kit: Kit) -> None:
    await kit.add_many(2)
    (job,) = await claim_alone(kit.lane("dead"))
    other, want = kit.lane("other"), [Want(TASK, 1, "fail", True)]
    assert (await other.wait_and_claim(want, 20)).jobs == []
    await kit.adapter.leases.recover("dead", {TASK: 0}, cause="killed", charged=True, max_crashes=0).run_async()
    assert kit.state(job.job_id) == "failed"
    assert len((await other.wait_and_claim(want, 5_000)).jobs) == 1


async def test_a_retry_of_the_one_lets_the_next_run_and_waits_for_it(kit: Kit) -> None:
    first, second = await kit.add_many(2)
    lane = kit.lane()
    (job,) = await claim_alone(lane)
    want = [Want(TASK, 1, "fail", True)]
    reply = await lane.step([Settled(job, "retry", b"again", 1)], want)
    assert [each.job_id for each in reply.jobs] == [second]

    async def due() -> bool:
        await lane.promote([TASK])
        return kit.state(first) == "waiting"

    await wait_until_async(due)
    assert await claim_alone(lane) == []
    reply = await lane.step([done(reply.jobs[0])], want)
    assert [each.job_id for each in reply.jobs] == [first]


async def test_a_vanished_worker_blocks_the_task_until_the_sweep_only(kit: Kit) -> None:
    first, _ = await kit.add_many(2)
    (job,) = await claim_alone(kit.lane("gone"))
    await vanish(kit, job)
    other, want = kit.lane("other"), [Want(TASK, 1, "fail", True)]
    assert (await other.wait_and_claim(want, 20)).jobs == []
    await sweep(kit, 2)
    assert [each.job_id for each in (await other.wait_and_claim(want, 5_000)).jobs] == [first]


async def test_a_singleton_with_keys_obeys_both(kit: Kit) -> None:
    ids = await add(kit, keyed("a", 2), keyed("a", 2), NewJob(new_id(), b"1"))
    lane, ran = kit.lane(), list[str]()
    jobs = await claim_alone(lane, 3)
    while jobs:
        assert len(kit.active()) == 1
        ran += [job.job_id for job in jobs]
        jobs = (await lane.step([done(job) for job in jobs], [Want(TASK, 3, "fail", True)])).jobs
    assert ran == ids


async def test_workers_run_one_job_of_a_singleton_task_at_a_time(engine: Engine) -> None:
    running, most, attempts = 0, 0, list[int]()

    def define(app: Taskora) -> Taskora:
        @app.task("alone", singleton=True, concurrency=5, retry=Retry(attempts=2, delay=0.01, jitter=False))
        async def alone(n: int) -> int:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                await asyncio.sleep(0.002)
                attempts.append(n)
                if n % 5 == 0 and attempts.count(n) == 1:
                    raise ValueError("once")
                return n
            finally:
                running -= 1

        return app

    apps = [define(engine.app()) for _ in range(3)]
    async with working(apps[0]), working(apps[1]), working(apps[2]):
        handles = await apps[0].tasks["alone"].dispatch_many(list(range(20)))
        assert [await handle.result_async(20) for handle in handles] == list(range(20))
    assert most == 1
    assert len(attempts) == 24


async def test_the_next_job_of_a_singleton_task_starts_at_once_in_another_worker(engine: Engine) -> None:
    first, second = engine.app(), engine.app()
    task, gate, runs = gated(first, "alone", singleton=True)
    _, other_gate, other_runs = gated(second, "alone", singleton=True)
    other_gate.set()
    await first.start()
    held = await task.dispatch(1)
    await wait_until_async(lambda: bool(runs))
    async with working(second):
        following = await second.tasks["alone"].dispatch(2)
        closing = asyncio.ensure_future(first.close_async(5))
        await asyncio.sleep(0.05)
        assert not other_runs
        gate.set()
        assert await following.result_async(5) == 2
        await closing
    assert engine.hash("alone", held.id)["state"] == "completed"
