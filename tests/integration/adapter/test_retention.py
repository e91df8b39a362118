"""What retention removes and what it leaves; reading jobs back, one by one and in lists."""

import time

import pytest

from integration.adapter.kit import TASK, Kit, done, failed
from support import wait_until
from taskora.config import Keep
from taskora.model import NewJob, Settled, State, Want, new_id


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED])
async def test_nothing_is_left_of_jobs_once_all_are_trimmed(kit: Kit, state: State) -> None:
    lane = kit.lane()
    if state is State.EXPIRED:
        await kit.add(*(NewJob(new_id(), b"1", ttl_ms=1) for _ in range(3)))
        last = kit.waiting()[-1]
        wait_until(lambda: kit.now_ms() > int(kit.hash(last)["expireAt"]))
        await kit.claim(lane)
    else:
        ids = await kit.add_many(3)
        if state is State.CANCELLED:
            for job_id in ids:
                await kit.adapter.jobs.cancel(TASK, job_id, "").run_async()
        else:
            jobs = await kit.claim(lane, 3)
            await kit.adapter.leases.write_logs(TASK, jobs[0].job_id, jobs[0].token, [b"{}"]).run_async()
            await kit.settle(lane, *(done(job) if state is State.COMPLETED else failed(job) for job in jobs))
    assert await kit.adapter.house.trim(TASK, state, Keep(0, None), 2).run_async() == 2
    assert await kit.adapter.house.trim(TASK, state, Keep(0, None), 2).run_async() == 1
    kit.raw.delete(f"{kit.base()}:marker", f"{kit.base()}:events")
    left = {key.removeprefix(f"{kit.base()}:").partition(":")[0] for key in kit.raw.keys(f"{kit.base()}*")}
    assert left <= {"metrics", "sent"}


async def test_trimming_keeps_the_newest_and_what_is_young(kit: Kit) -> None:
    await kit.add_many(10)
    lane = kit.lane()
    await kit.settle(lane, *(done(job) for job in await kit.claim(lane, 10)))
    trim = kit.adapter.house.trim
    assert await trim(TASK, State.COMPLETED, Keep(None, None), 100).run_async() == 0
    assert await trim(TASK, State.COMPLETED, Keep("1h", 100), 100).run_async() == 0
    assert await trim(TASK, State.COMPLETED, Keep("1h", 4, "1m"), 100).run_async() == 0
    oldest = kit.members("completed")[:6]
    assert await trim(TASK, State.COMPLETED, Keep("1h", 4, 0), 100).run_async() == 6
    assert not set(oldest) & set(kit.members("completed"))
    assert len(kit.members("completed")) == 4


async def test_age_trims_although_the_count_asks_for_more_and_spares_the_young(kit: Kit) -> None:
    await kit.add_many(10)
    lane = kit.lane()
    await kit.settle(lane, *(done(job) for job in await kit.claim(lane, 10)))
    old = kit.members("completed")[:3]
    kit.raw.zadd(f"{kit.base()}:completed", dict.fromkeys(old, kit.now_ms() - 20_000))
    assert await kit.adapter.house.trim(TASK, State.COMPLETED, Keep("10s", 2, "1m"), 100).run_async() == 3
    assert not set(old) & set(kit.members("completed"))


async def test_an_id_that_its_caller_gave_stays_taken_after_it_is_trimmed(kit: Kit) -> None:
    named = NewJob("job-1", b"1", given=True)
    assert await kit.add(named) == [True]
    assert await kit.add(named, NewJob("job-2", b"2", given=True)) == [False, True]
    lane = kit.lane()
    await kit.settle(lane, *(done(job) for job in await kit.claim(lane, 5)))
    await kit.adapter.house.trim(TASK, State.COMPLETED, Keep(0, None), 10).run_async()
    assert await kit.add(named) == [False]
    assert 86_000 < kit.raw.ttl(f"{kit.base()}:gone:job-1") <= 86_400


async def test_an_id_that_its_caller_gave_stays_taken_after_it_expired_and_was_discarded(kit: Kit) -> None:
    named = NewJob("job-1", b"1", ttl_ms=1, given=True)
    assert await kit.add(named) == [True]
    wait_until(lambda: kit.now_ms() > int(kit.hash("job-1")["expireAt"]))
    assert (await kit.lane().step([], [Want(TASK, 1, "discard")])).jobs == []
    assert kit.hash("job-1") == {}
    assert await kit.add(named) == [False]


async def test_a_job_is_read_back_with_its_timeline(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    lane = kit.lane()
    await kit.settle(lane, failed((await kit.claim(lane))[0]))
    info = await kit.job(job_id)
    assert (info.state, info.data, info.error, info.error_type, info.traceback) == (
        State.FAILED, 0, "boom", "ValueError", "Traceback",
    )  # fmt: skip
    assert [name for name, _ in info.timeline] == ["waiting", "active", "failed"]
    assert abs(info.timestamp.timestamp() - time.time()) < 60


async def test_lists_and_counts_show_each_state(kit: Kit) -> None:
    lane = kit.lane()
    ids = await kit.add_many(6)
    high, later = new_id(), new_id()
    await kit.add(NewJob(high, b"1", priority=5), NewJob(later, b"1", delay_ms=60_000))
    jobs = await kit.claim(lane, 4)
    await kit.settle(lane, done(jobs[1]), failed(jobs[2]), Settled(jobs[3], "retry", b"x", delay_ms=90_000))
    await kit.adapter.jobs.cancel(TASK, ids[5], "").run_async()
    stats = await kit.adapter.jobs.stats(TASK).run_async()
    assert (stats.waiting, stats.active, stats.delayed, stats.retrying) == (2, 1, 2, 1)
    assert (stats.completed, stats.failed, stats.expired, stats.cancelled) == (1, 1, 0, 1)

    async def listed(state: State) -> list[str]:
        return [job.id for job in await kit.adapter.jobs.jobs(TASK, state, 0, 20).run_async()]

    assert await listed(State.WAITING) == [ids[3], ids[4]]
    assert await listed(State.ACTIVE) == [high]
    assert (await listed(State.DELAYED), await listed(State.RETRYING)) == ([later], [jobs[3].job_id])
    assert (await listed(State.COMPLETED), await listed(State.FAILED)) == ([jobs[1].job_id], [jobs[2].job_id])
    assert (await listed(State.CANCELLED), await listed(State.EXPIRED)) == ([ids[5]], [])


async def test_a_page_of_delayed_jobs_is_full_however_many_retry(kit: Kit) -> None:
    await kit.add_many(30)
    lane = kit.lane()
    jobs = await kit.claim(lane, 30)
    await kit.settle(lane, *(Settled(job, "retry", b"x", delay_ms=60_000) for job in jobs))
    later = [new_id() for _ in range(5)]
    await kit.add(*(NewJob(job_id, b"1", delay_ms=90_000 + at) for at, job_id in enumerate(later)))
    found = await kit.adapter.jobs.jobs(TASK, State.DELAYED, 1, 3).run_async()
    assert [job.id for job in found] == later[1:4]


async def test_waiting_jobs_are_paged_in_the_order_in_which_they_will_run(kit: Kit) -> None:
    high = [new_id() for _ in range(3)]
    await kit.add(*(NewJob(job_id, b"1", priority=9 - at) for at, job_id in enumerate(high)))
    low = await kit.add_many(4)
    order = [*high, *low]
    for offset in range(8):
        for limit in range(8):
            page = await kit.adapter.jobs.jobs(TASK, State.WAITING, offset, limit).run_async()
            assert [job.id for job in page] == order[offset : offset + limit]
    assert [job.job_id for job in await kit.claim(kit.lane(), 10)] == order
