"""Waiting for ends: pushed, for whatever end, and never for ever."""

import asyncio

import pytest

from conformance.kit import SHORT_MS, TASK, Kit, blocked, done, failed, fan, node, plan, soon
from taskora.errors import AdapterError
from taskora.ids import new_id
from taskora.model import NewJob, Outcome, Settled, State, Want


async def test_the_end_of_a_job_reaches_who_waits(kit: Kit) -> None:
    await kit.add_many(20)
    lane, waiter = kit.lane(), kit.waiter()
    jobs = await kit.claim(lane, 20)
    waits = [asyncio.create_task(waiter.job(TASK, job.job_id)) for job in jobs]
    await blocked()
    for job in jobs:
        await kit.settle(lane, done(job, job.job_id.encode()))
    outcomes = await soon(asyncio.gather(*waits))
    assert outcomes == [Outcome(State.COMPLETED, job.job_id.encode()) for job in jobs]


async def test_a_job_that_had_ended_or_never_was_is_answered_at_once(kit: Kit) -> None:
    await kit.add_many(2)
    lane, waiter = kit.lane(), kit.waiter()
    jobs = await kit.claim(lane, 2)
    await kit.settle(lane, done(jobs[0], b"1"), failed(jobs[1]))
    first, second, third, fourth = await soon(
        asyncio.gather(*(waiter.job(TASK, job.job_id) for job in jobs), waiter.job(TASK, "x"), waiter.workflow("x"))
    )
    assert first == Outcome(State.COMPLETED, b"1")
    assert second == Outcome(State.FAILED, None, "boom", "ValueError")
    assert (third, fourth) == (None, None)


async def _complete(kit: Kit, job_id: str) -> None:
    lane = kit.lane()
    await kit.settle(lane, done((await kit.claim(lane))[0], b"1"))


async def _fail(kit: Kit, job_id: str) -> None:
    lane = kit.lane()
    await kit.settle(lane, failed((await kit.claim(lane))[0]))


async def _cancel_waiting(kit: Kit, job_id: str) -> None:
    await kit.cancel(job_id, "why")


async def _cancel_running(kit: Kit, job_id: str) -> None:
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.cancel(job_id, "why")
    await kit.settle(lane, Settled(job, "cancel"))


async def _stall(kit: Kit, job_id: str) -> None:
    await kit.claim(kit.lane(ttl_ms=SHORT_MS))
    await kit.sweep(0)
    await kit.let_pass(SHORT_MS)
    await kit.sweep(0)


async def _crash(kit: Kit, job_id: str) -> None:
    await kit.claim(kit.lane("w1"))
    await kit.recover("w1", max_crashes=0)


ENDS = {
    "completed": (_complete, State.COMPLETED),
    "failed": (_fail, State.FAILED),
    "cancelled while waiting": (_cancel_waiting, State.CANCELLED),
    "cancelled while running": (_cancel_running, State.CANCELLED),
    "stalled": (_stall, State.FAILED),
    "crashed": (_crash, State.FAILED),
}


@pytest.mark.parametrize("end", ENDS)
async def test_every_way_in_which_a_job_ends_is_told(kit: Kit, end: str) -> None:
    act, state = ENDS[end]
    (job_id,) = await kit.add_many(1)
    waiting = asyncio.create_task(kit.waiter().job(TASK, job_id))
    await blocked()
    assert not waiting.done()
    await act(kit, job_id)
    outcome = await soon(waiting)
    assert outcome is not None
    assert outcome.state is state


@pytest.mark.parametrize(("policy", "outcome"), [("fail", Outcome(State.EXPIRED)), ("discard", None)])
async def test_the_end_of_an_expired_job_is_told(kit: Kit, policy: str, outcome: Outcome | None) -> None:
    job_id, lane, waiter = new_id(), kit.lane(), kit.waiter()
    await kit.add(NewJob(job_id, b"1", ttl_ms=1))
    waiting = asyncio.create_task(waiter.job(TASK, job_id))
    await blocked()
    await kit.let_pass(1)
    await lane.step([], [Want(TASK, 1, policy)])  # type: ignore[arg-type]  # a str parameter
    assert await soon(waiting) == outcome


async def test_a_retry_is_no_end(kit: Kit) -> None:
    lane, job = await kit.started()
    waiting = asyncio.create_task(kit.waiter().job(TASK, job.job_id))
    await kit.settle(lane, Settled(job, "retry", b"x"))
    (again,) = await kit.claim(lane)
    await blocked()
    assert not waiting.done()
    await kit.settle(lane, done(again, b"1"))
    assert await soon(waiting) == Outcome(State.COMPLETED, b"1", "x")


async def test_two_thousand_waits_all_end(kit: Kit) -> None:
    ids = await kit.add_many(2000)
    lane, waiter = kit.lane(), kit.waiter()
    jobs = await kit.claim(lane, 2000)
    waits = [asyncio.create_task(waiter.job(TASK, job_id)) for job_id in ids]
    await blocked()
    for first in range(0, 2000, 100):
        await kit.settle(lane, *(done(job, job.job_id.encode()) for job in jobs[first : first + 100]))
    outcomes = await soon(asyncio.gather(*waits), 10)
    assert [outcome.result.decode() for outcome in outcomes if outcome and outcome.result] == ids


async def test_two_waits_for_one_job_both_end_and_one_may_be_given_up(kit: Kit) -> None:
    lane, job = await kit.started()
    waiter = kit.waiter()
    waits = [asyncio.create_task(waiter.job(TASK, job.job_id)) for _ in range(3)]
    await blocked()
    waits[1].cancel()
    await kit.settle(lane, done(job))
    first, second, third = await soon(asyncio.gather(*waits, return_exceptions=True))
    assert first == third
    assert isinstance(second, asyncio.CancelledError)


async def test_closing_ends_every_wait_with_an_error(kit: Kit) -> None:
    ids = await kit.add_many(3)
    waiter = kit.waiter()
    waits = [asyncio.create_task(waiter.job(TASK, job_id)) for job_id in ids]
    await blocked()
    await waiter.close()
    results = await soon(asyncio.gather(*waits, return_exceptions=True))
    assert [type(each) for each in results] == [AdapterError] * 3
    with pytest.raises(AdapterError, match="closed"):
        await waiter.job(TASK, ids[0])
    await waiter.close()


async def test_the_end_of_a_workflow_reaches_who_waits(kit: Kit) -> None:
    lane, waiter = kit.lane(), kit.waiter()
    flow = plan(node(), node(deps=(0,)))
    await kit.create(flow)
    waiting = asyncio.create_task(waiter.workflow(flow.workflow_id))
    await blocked()
    for result in (b"1", b"2"):
        (job,) = await kit.claim(lane)
        await kit.settle(lane, done(job, result))
    outcome = await soon(waiting)
    assert outcome is not None
    assert (outcome.state, outcome.result) == ("completed", b"2")
    assert await soon(waiter.workflow(flow.workflow_id)) == outcome


@pytest.mark.parametrize("end", ["failed", "cancelled"])
async def test_the_bad_end_of_a_workflow_reaches_who_waits(kit: Kit, end: str) -> None:
    lane, waiter = kit.lane(), kit.waiter()
    flow = fan(2)
    await kit.create(flow)
    waiting = asyncio.create_task(waiter.workflow(flow.workflow_id))
    await blocked()
    if end == "failed":
        (job,) = await kit.claim(lane)
        await kit.settle(lane, failed(job))
    else:
        await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "why").run_async()
    outcome = await soon(waiting)
    assert outcome is not None
    assert outcome == await kit.outcome(flow)
    assert (outcome.state, outcome.error) == (end, "boom" if end == "failed" else "why")


async def test_an_end_on_another_loop_in_another_thread_reaches_who_waits(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    waiting = asyncio.create_task(kit.waiter().job(TASK, job_id))
    await blocked()

    async def work() -> None:
        lane = kit.adapter.leases.lane("elsewhere", [TASK], 30_000, lambda _: ())
        (job,) = (await lane.step([], [Want(TASK, 1)])).jobs
        await lane.step([done(job, b"1")], [])
        await lane.close()
        await kit.adapter.close_loop()

    await asyncio.to_thread(asyncio.run, work())
    assert await soon(waiting) == Outcome(State.COMPLETED, b"1")
