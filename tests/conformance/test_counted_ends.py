"""Whatever way a job ends, it is counted once, by how it ended."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from conformance.kit import SHORT_MS, TASK, Kit, done, fan
from taskora.ids import new_id
from taskora.model import NewJob, Settled, Want

CANCELLED = (0, 0, 1, 0)
EXPIRED = (0, 0, 0, 1)


async def counted(kit: Kit, task: str = TASK) -> tuple[int, int, int, int]:
    """How many jobs completed, failed, were cancelled, and expired."""
    rows = await kit.adapter.vitals.throughput((task,), 1, 5).run_async()
    return (
        sum(row.completed for row in rows), sum(row.failed for row in rows),
        sum(row.cancelled for row in rows), sum(row.expired for row in rows),
    )  # fmt: skip


async def added(kit: Kit, *, priority: int = 0, delay_ms: int = 0, ttl_ms: int = 0) -> str:
    job_id = new_id()
    await kit.add(NewJob(job_id, b"1", priority=priority, delay_ms=delay_ms, ttl_ms=ttl_ms))
    return job_id


async def waiting(kit: Kit) -> None:
    await kit.cancel(await added(kit))


async def prioritized(kit: Kit) -> None:
    await kit.cancel(await added(kit, priority=5))


async def delayed(kit: Kit) -> None:
    await kit.cancel(await added(kit, delay_ms=60_000))


async def retrying(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, Settled(job, "retry", b"x", delay_ms=60_000))
    await kit.cancel(job.job_id)


async def active_and_told(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.cancel(job.job_id)
    assert await counted(kit) == (0, 0, 0, 0)  # it runs on, until its worker says so
    await kit.settle(lane, Settled(job, "cancel", b""))


async def active_and_completed(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.cancel(job.job_id)
    await kit.settle(lane, done(job))


async def active_and_its_worker_died(kit: Kit) -> None:
    _, job = await kit.started("dead")
    await kit.cancel(job.job_id)
    await kit.recover("dead")


async def active_and_its_worker_vanished(kit: Kit) -> None:
    _, job = await kit.started("gone", ttl_ms=SHORT_MS)
    await kit.cancel(job.job_id)
    await kit.sweep()
    await kit.let_pass(SHORT_MS)
    assert await kit.sweep() == 1


@pytest.mark.parametrize(
    "cancel",
    [
        waiting, prioritized, delayed, retrying, active_and_told, active_and_completed, active_and_its_worker_died,
        active_and_its_worker_vanished,
    ],
)  # fmt: skip
async def test_w57_a_cancelled_job_is_counted_whatever_it_did(
    kit: Kit, cancel: Callable[[Kit], Awaitable[None]]
) -> None:
    await cancel(kit)
    assert (await kit.stats()).cancelled == 1
    assert await counted(kit) == CANCELLED


async def test_w57_what_has_ended_is_not_counted_again_by_a_cancel(kit: Kit) -> None:
    lane, job = await kit.started()
    await kit.settle(lane, done(job))
    cancelled = await added(kit)
    for _ in range(2):
        await asyncio.gather(kit.cancel(job.job_id), kit.cancel(cancelled), kit.cancel(new_id()))
    assert await counted(kit) == (1, 0, 1, 0)


@pytest.mark.parametrize("paid", [True, False], ids=["by-what-cancels-them", "by-the-claim"])
async def test_w57_jobs_of_a_cancelled_workflow_are_counted(kit: Kit, paid: bool) -> None:
    flow = fan(3, callback=False)
    await kit.create(flow)
    await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "why").run_async()
    # Where workflows lie apart from tasks, a claim cannot see that theirs was cancelled.
    if paid or kit.apart:
        await kit.pay(flow)
    assert await kit.claim_all() == []
    await kit.pay(flow)
    assert await counted(kit) == (0, 0, 3, 0)


@pytest.mark.parametrize("delay_ms", [0, 1], ids=["waiting", "delayed"])
@pytest.mark.parametrize("expired", ["keep", "discard"])
async def test_w57_an_expired_job_is_counted_by_the_claim_that_meets_it(kit: Kit, delay_ms: int, expired: str) -> None:
    await added(kit, ttl_ms=1, delay_ms=delay_ms)
    await kit.let_pass(2)
    want = Want(TASK, 5, "discard") if expired == "discard" else Want(TASK, 5)
    assert (await kit.lane().step([], [want])).jobs == []
    assert (await kit.stats()).expired == (expired == "keep")
    assert await counted(kit) == EXPIRED


@pytest.mark.parametrize("expired", ["keep", "discard"])
async def test_w57_an_expired_job_is_counted_when_it_falls_due(kit: Kit, expired: str) -> None:
    lane = kit.lane()
    await lane.step([], [Want(TASK, 1, "discard") if expired == "discard" else Want(TASK, 1)])
    await added(kit, ttl_ms=1, delay_ms=1)
    await kit.let_pass(2)
    await lane.promote([TASK])
    assert (await kit.stats()).expired == (expired == "keep")
    assert await counted(kit) == EXPIRED


async def test_w57_many_that_end_at_once_are_all_counted_each_with_its_task(kit: Kit) -> None:
    await kit.add(*(NewJob(new_id(), b"1", ttl_ms=1) for _ in range(30)))
    await kit.add(*(NewJob(new_id(), b"1", ttl_ms=1) for _ in range(2)), task="other")
    await kit.let_pass(1)
    lane = kit.lane(tasks=(TASK, "other"))
    await lane.step([], [Want(TASK, 5), Want("other", 5)])
    assert await counted(kit) == (0, 0, 0, 30)
    assert await counted(kit, "other") == (0, 0, 0, 2)
