"""What retention leaves in the server."""

import pytest

from integration.adapter.kit import TASK, Kit, done, failed
from support import wait_until
from taskora.config import Keep
from taskora.ids import new_id
from taskora.model import NewJob, State


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
