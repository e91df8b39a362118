"""What somebody else left in the queues costs no job its turn."""

from integration.adapter.kit import Kit, done
from support import wait_until, wait_until_async
from taskora.ids import new_id
from taskora.model import Claimed, NewJob


async def claimed(kit: Kit, count: int = 100) -> list[str]:
    return [job.job_id for job in await kit.claim(kit.lane(f"w{new_id()}"), count)]


async def test_something_else_in_the_place_of_a_due_job_costs_no_other_due_job(kit: Kit) -> None:
    jobs = [NewJob(f"job-{at}", b"1", delay_ms=1 + at) for at in range(3)]
    await kit.add(*jobs)
    kit.raw.set(f"{kit.base()}:job-0", "a string")
    last = int(kit.raw.zscore(f"{kit.base()}:delayed", "job-2"))
    wait_until(lambda: kit.now_ms() > last)
    assert await claimed(kit) == ["job-1", "job-2"]


async def test_an_id_without_a_job_is_dropped_and_harms_no_other(kit: Kit) -> None:
    ids = await kit.add_many(2)
    kit.raw.rpush(f"{kit.base()}:wait", "ghost-1")
    kit.raw.lpush(f"{kit.base()}:wait", "ghost-2")
    kit.raw.zadd(f"{kit.base()}:prioritized", {"ghost-3": -1})
    kit.raw.zadd(f"{kit.base()}:delayed", {"ghost-4": 1})
    assert await claimed(kit) == ids
    assert kit.waiting() == kit.members("prioritized") == kit.members("delayed") == []
    assert not kit.raw.keys(f"{kit.base()}:ghost*")
    assert kit.active() == ids


async def test_jobs_behind_many_ghosts_are_found(kit: Kit) -> None:
    kit.raw.lpush(f"{kit.base()}:wait", *(f"ghost-{at}" for at in range(3000)))
    (job_id,) = await kit.add_many(1)
    lane = kit.lane()
    (job,) = await wait_until_async(lambda: kit.claim(lane))
    assert job.job_id == job_id


async def test_what_has_ended_is_not_run_again_although_its_id_is_queued(kit: Kit) -> None:
    ids = await kit.add_many(5)
    lane = kit.lane()
    for job_id, state in zip(ids, ("completed", "failed", "cancelled", "expired"), strict=False):
        kit.raw.hset(f"{kit.base()}:{job_id}", "state", state)
    assert [job.job_id for job in await kit.claim(lane, 10)] == [ids[4]]
    assert kit.active() == [ids[4]]
    assert kit.events(job_id=ids[0]) == [{"event": "waiting", "jobId": ids[0]}]


async def test_an_id_that_is_queued_twice_is_claimed_once(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    kit.raw.lpush(f"{kit.base()}:wait", job_id)
    assert await claimed(kit) == [job_id]
    assert kit.active() == [job_id]


async def test_a_job_is_taken_from_a_long_active_list_whatever_its_age(kit: Kit) -> None:
    ids = await kit.add_many(400)
    lane = kit.lane()
    jobs: list[Claimed] = []
    for _ in range(40):
        jobs += await kit.claim(lane, 10)
        before = kit.now_ms()
        wait_until(lambda before=before: kit.now_ms() > before)  # type: ignore[misc]  # a lambda with a default
    for at in (0, 399, 200, 1, 398):
        await kit.settle(lane, done(jobs[at]))
    assert kit.active() == [job_id for at, job_id in enumerate(ids) if at not in (0, 399, 200, 1, 398)]
