"""A paused task: nobody claims its jobs, all else goes on."""

import asyncio

from conformance.kit import SHORT_MS, TASK, Kit, done, soon, working
from support import wait_until_async
from taskora import Inspector, Taskora
from taskora.ids import new_id
from taskora.model import NewJob, Settled, State, Want


async def test_no_job_of_a_paused_task_is_claimed_with_or_without_priority(kit: Kit) -> None:
    inspector = Inspector(kit.adapter)
    await kit.add(NewJob(new_id(), b"1"), NewJob(new_id(), b"2", priority=5))
    assert await inspector.pause_async(TASK)
    lane = kit.lane()
    assert await kit.claim(lane, 5) == []
    assert (await kit.stats()).waiting == 2
    assert await inspector.resume_async(TASK)
    assert [job.data for job in await kit.claim(lane, 5)] == [b"2", b"1"]


async def test_a_pause_is_told_with_its_time_and_whether_it_changed_something(kit: Kit) -> None:
    inspector = Inspector(kit.adapter)
    await kit.adapter.house.publish_tasks({TASK: b"{}", "other": b"{}"}).run_async()
    assert await inspector.paused_async() == {}
    assert not await inspector.resume_async(TASK)
    before_ms = await kit.now_ms()
    assert await inspector.pause_async(TASK)
    assert not await inspector.pause_async(TASK)
    paused = await inspector.paused_async()
    assert list(paused) == [TASK]
    assert before_ms <= paused[TASK].timestamp() * 1000 <= await kit.now_ms()
    assert await inspector.resume_async(TASK)
    assert await inspector.paused_async() == {}


async def test_other_tasks_go_on(kit: Kit) -> None:
    await Inspector(kit.adapter).pause_async(TASK)
    await kit.add_many(1)
    await kit.add_many(1, task="other")
    assert len(await kit.claim_all("other")) == 1
    assert await kit.claim_all() == []


async def test_what_runs_ends_and_retries_and_what_is_due_waits(kit: Kit) -> None:
    await kit.add_many(3)
    lane = kit.lane()
    first, second, third = await kit.claim(lane, 3)
    await Inspector(kit.adapter).pause_async(TASK)
    await kit.add(NewJob("later", b"1", delay_ms=SHORT_MS))
    reply = await lane.step(
        [done(first), Settled(second, "retry", b"boom", SHORT_MS), Settled(third, "return")], [Want(TASK, 9)]
    )
    assert (reply.jobs, reply.lost) == ([], ())
    assert await kit.state(first.job_id) == State.COMPLETED

    async def promoted() -> bool:
        assert await kit.claim(lane, 9) == []
        return set(await kit.waiting()) == {"later", second.job_id, third.job_id}

    await wait_until_async(promoted)
    await Inspector(kit.adapter).resume_async(TASK)
    assert len(await kit.claim(lane, 9)) == 3


async def test_resuming_wakes_a_worker_that_waits(kit: Kit) -> None:
    inspector = Inspector(kit.adapter)
    await inspector.pause_async(TASK)
    (job_id,) = await kit.add_many(1)
    lane = kit.lane()
    assert await kit.claim(lane) == []
    # What the dispatch left to be noticed ends one wait, and no second one.
    assert (await soon(lane.wait_and_claim([Want(TASK, 1)], SHORT_MS))).jobs == []
    waiting = asyncio.create_task(lane.wait_and_claim([Want(TASK, 1)], 60_000))
    await asyncio.sleep(0.05)
    assert not waiting.done(), "a worker spins on a paused task"
    await inspector.resume_async(TASK)
    assert [job.job_id for job in (await soon(waiting)).jobs] == [job_id]


async def test_settling_jobs_of_a_paused_task_wakes_nobody(kit: Kit) -> None:
    await kit.add_many(3)
    lane, other = kit.lane(), kit.lane("w2")
    (job,) = await kit.claim(lane)
    await Inspector(kit.adapter).pause_async(TASK)
    await other.wait_and_claim([Want(TASK, 1)], SHORT_MS)
    waiting = asyncio.create_task(other.wait_and_claim([Want(TASK, 1)], 60_000))
    await asyncio.sleep(0.05)
    await kit.settle(lane, done(job))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await other.wake()
    await soon(waiting)


async def test_repairs_leave_a_pause_and_what_waits_for_its_end(kit: Kit) -> None:
    _, job = await kit.started(ttl_ms=SHORT_MS)
    await Inspector(kit.adapter).pause_async(TASK)
    await kit.let_pass(SHORT_MS)
    await kit.sweep()
    assert await kit.sweep() == 1
    await kit.recover()
    assert await kit.waiting() == [job.job_id]
    assert await kit.claim_all() == []


async def test_an_app_works_on_a_task_again_once_it_is_resumed(app: Taskora) -> None:
    seen: list[int] = []

    @app.task("mail")
    async def mail_task(number: int) -> int:
        seen.append(number)
        return number

    inspector = app.inspect()
    async with working(app):
        await inspector.pause_async(mail_task)
        handle = await mail_task.dispatch(1)
        await asyncio.sleep(0.05)
        assert seen == []
        assert await inspector.paused_async() != {}
        await inspector.resume_async(mail_task)
        assert await soon(handle.result_async()) == 1
