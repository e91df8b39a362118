"""Which job runs next."""

from integration.adapter.kit import TASK, Kit, done
from support import wait_until, wait_until_async
from taskora.model import Claimed, NewJob, Settled, Want, new_id


async def claimed(kit: Kit, count: int = 100) -> list[str]:
    return [job.job_id for job in await kit.claim(kit.lane(f"w{new_id()}"), count)]


async def test_jobs_run_in_the_order_in_which_they_came(kit: Kit) -> None:
    ids = await kit.add_many(30)
    assert await claimed(kit) == ids


async def test_a_higher_priority_runs_first_then_the_older(kit: Kit) -> None:
    plain = await kit.add_many(2)
    jobs = [NewJob(new_id(), b"1", priority=priority) for priority in (1, 900, 5, 1, 900, 5)]
    await kit.add(*jobs)
    ordered = [job.job_id for job in sorted(jobs, key=lambda job: (-job.priority, job.job_id))]
    assert await claimed(kit) == [*ordered, *plain]


async def test_a_batch_keeps_its_order_whatever_the_options_of_its_jobs(kit: Kit) -> None:
    options = [{}, {"ttl_ms": 60_000}, {}, {"given": True}, {}, {}, {"ttl_ms": 60_000, "given": True}, {}]
    jobs = [NewJob(f"job-{at}", b"1", **each) for at, each in enumerate(options)]  # type: ignore[arg-type]  # mixed options
    await kit.add(*jobs)
    assert await claimed(kit) == [job.job_id for job in jobs]


async def test_due_jobs_are_promoted_in_the_order_in_which_they_were_due(kit: Kit) -> None:
    jobs = [NewJob(new_id(), b"1", delay_ms=delay_ms) for delay_ms in (8, 2, 6, 4)]
    await kit.add(*jobs)
    last = max(int(kit.raw.zscore(f"{kit.base()}:delayed", job.job_id)) for job in jobs)
    wait_until(lambda: kit.now_ms() > last)
    assert await claimed(kit) == [job.job_id for job in sorted(jobs, key=lambda job: job.delay_ms)]


async def test_something_else_in_the_place_of_a_due_job_costs_no_other_due_job(kit: Kit) -> None:
    jobs = [NewJob(f"job-{at}", b"1", delay_ms=1 + at) for at in range(3)]
    await kit.add(*jobs)
    kit.raw.set(f"{kit.base()}:job-0", "a string")
    last = int(kit.raw.zscore(f"{kit.base()}:delayed", "job-2"))
    wait_until(lambda: kit.now_ms() > last)
    assert await claimed(kit) == ["job-1", "job-2"]


async def test_jobs_due_in_the_same_millisecond_come_first_come_first_served(kit: Kit) -> None:
    jobs = [NewJob(new_id(), b"1", delay_ms=1) for _ in range(50)]
    await kit.add(*jobs)
    wait_until(lambda: kit.now_ms() > int(kit.hash(jobs[0].job_id)["ts"]) + 1)
    assert await claimed(kit) == [job.job_id for job in jobs]


async def test_more_due_jobs_than_one_promotion_takes_are_all_promoted_without_waiting(kit: Kit) -> None:
    jobs = [NewJob(new_id(), b"1", delay_ms=1) for _ in range(350)]
    await kit.add(*jobs)
    wait_until(lambda: kit.now_ms() > int(kit.hash(jobs[-1].job_id)["ts"]) + 1)
    lane = kit.lane()
    replies = [await lane.step([], [Want(TASK, 1000)]) for _ in range(4)]
    assert [len(reply.jobs) for reply in replies] == [100, 100, 100, 50]
    assert [reply.next_due_ms for reply in replies] == [0, 0, 0, None]


async def test_promotion_takes_the_due_time_of_the_next_from_all_tasks(kit: Kit) -> None:
    lane = kit.lane(tasks=(TASK, "other", "empty"))
    assert await lane.promote([TASK, "other", "empty"]) is None
    await kit.add(NewJob(new_id(), b"1", delay_ms=90_000))
    await kit.add(NewJob(new_id(), b"1", delay_ms=60_000), task="other")
    due_ms = await lane.promote([TASK, "other", "empty"])
    assert due_ms is not None
    assert 50_000 < due_ms <= 60_000


async def test_returned_jobs_run_before_those_that_wait_and_in_their_old_order(kit: Kit) -> None:
    ids = await kit.add_many(6)
    lane = kit.lane()
    jobs = await kit.claim(lane, 4)
    await kit.settle(lane, done(jobs[0]), *(Settled(job, "return") for job in jobs[1:]))
    assert await claimed(kit) == ids[1:]


async def test_a_returned_job_with_a_priority_keeps_its_place(kit: Kit) -> None:
    jobs = [NewJob(new_id(), b"1", priority=5) for _ in range(3)]
    await kit.add(*jobs)
    lane = kit.lane()
    first, _ = await kit.claim(lane, 2)
    await kit.settle(lane, Settled(first, "return"))
    assert await claimed(kit) == [jobs[0].job_id, jobs[2].job_id]


async def test_recovered_jobs_run_before_those_that_wait_and_in_their_old_order(kit: Kit) -> None:
    ids = await kit.add_many(200)
    lane = kit.lane("w1")
    for _ in range(15):
        await kit.claim(lane, 10)
    await kit.adapter.leases.recover("w1", {TASK: 0}, cause="signal:9", charged=True, max_crashes=3).run_async()
    assert await claimed(kit, 500) == ids


async def test_swept_jobs_run_before_those_that_wait_and_in_their_old_order(kit: Kit) -> None:
    ids = await kit.add_many(40)
    await kit.claim(kit.lane(), 30)
    await kit.adapter.house.sweep(TASK, 1).run_async()
    for job_id in ids[:30]:
        kit.raw.delete(f"{kit.base()}:{job_id}:lock")
    assert await kit.adapter.house.sweep(TASK, 1).run_async() == 30
    assert await claimed(kit) == ids


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


async def test_a_worker_never_gets_more_than_it_wants(kit: Kit) -> None:
    await kit.add_many(10)
    await kit.add_many(10, "other")
    lane = kit.lane(tasks=(TASK, "other"))
    jobs = (await lane.step([], [Want(TASK, 3), Want("other", 0)])).jobs
    assert [job.task for job in jobs] == [TASK] * 3


async def test_one_claim_may_take_more_jobs_than_a_command_takes_arguments(kit: Kit) -> None:
    ids = await kit.add_many(9000)
    lane = kit.lane()
    jobs = await kit.claim(lane, 9000)
    assert [job.job_id for job in jobs] == ids
    assert (await kit.settle(lane, *map(done, jobs))).lost == ()
    assert kit.raw.zcard(f"{kit.base()}:completed") == 9000
    assert kit.active() == []


async def test_a_sweep_of_more_jobs_than_a_command_takes_arguments_loses_none(kit: Kit) -> None:
    ids = await kit.add_many(9000)
    await kit.claim(kit.lane(), 9000)
    await kit.adapter.house.sweep(TASK, 1).run_async()
    assert kit.raw.scard(f"{kit.base()}:stalled") == 9000
    await kit.adapter.leases.recover("w1", {TASK: 0}, cause="x", charged=True, max_crashes=3).run_async()
    assert kit.waiting() == ids
    assert kit.raw.scard(f"{kit.base()}:stalled") == 0


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
