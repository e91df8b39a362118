"""Jobs that were not run in time."""

import pytest

from conformance.kit import TASK, Kit, done
from taskora.ids import new_id
from taskora.model import NewJob, Settled, State, Want


@pytest.mark.parametrize("delay_ms", [0, 1])
async def test_an_expired_job_is_kept_as_expired(kit: Kit, delay_ms: int) -> None:
    job_id = new_id()
    await kit.add(NewJob(job_id, b"1", ttl_ms=1, delay_ms=delay_ms))
    await kit.let_pass(2)
    assert await kit.claim(kit.lane()) == []
    info = await kit.job(job_id)
    assert (info.state, info.error) == (State.EXPIRED, None)
    assert [name for name, _ in info.timeline] == ["waiting", "expired"]
    assert await kit.ids(State.EXPIRED) == [job_id]


@pytest.mark.parametrize("delay_ms", [0, 1])
async def test_an_expired_job_is_deleted_where_its_task_discards(kit: Kit, delay_ms: int) -> None:
    job_id = new_id()
    await kit.add(NewJob(job_id, b"1", ttl_ms=1, delay_ms=delay_ms))
    await kit.let_pass(2)
    assert (await kit.lane().step([], [Want(TASK, 5, "discard")])).jobs == []
    assert await kit.state(job_id) is None
    assert await kit.ids(State.EXPIRED) == []


async def test_promotion_discards_what_the_task_discards(kit: Kit) -> None:
    job_id, lane = new_id(), kit.lane()
    await lane.step([], [Want(TASK, 1, "discard")])
    await kit.add(NewJob(job_id, b"1", ttl_ms=1, delay_ms=1))
    await kit.let_pass(2)
    await lane.promote([TASK])
    assert await kit.state(job_id) is None


async def test_a_job_that_is_taken_in_time_runs_as_long_as_it_takes(kit: Kit) -> None:
    job_id, lane = new_id(), kit.lane()
    await kit.add(NewJob(job_id, b"1", ttl_ms=100))
    (job,) = await kit.claim(lane)
    await kit.let_pass(100)
    assert (await kit.settle(lane, done(job))).lost == ()
    assert await kit.state(job_id) == "completed"


async def test_a_retry_expires_with_its_job(kit: Kit) -> None:
    job_id, lane = new_id(), kit.lane()
    await kit.add(NewJob(job_id, b"1", ttl_ms=100))
    (job,) = await kit.claim(lane)
    await kit.settle(lane, Settled(job, "retry", b"x"))
    await kit.let_pass(100)
    assert await kit.claim(lane) == []
    assert await kit.state(job_id) == "expired"


async def test_jobs_behind_expired_ones_are_found_by_the_same_claim(kit: Kit) -> None:
    await kit.add(*(NewJob(new_id(), b"1", ttl_ms=1) for _ in range(30)))
    ids = await kit.add_many(2)
    await kit.let_pass(1)
    assert await kit.claim_all() == ids
    assert (await kit.stats()).expired == 30


async def test_a_given_id_stays_taken_after_its_job_was_discarded(kit: Kit) -> None:
    named = NewJob("order-1", b"1", ttl_ms=1, given=True)
    assert await kit.add(named) == [True]
    await kit.let_pass(1)
    assert (await kit.lane().step([], [Want(TASK, 1, "discard")])).jobs == []
    assert await kit.state("order-1") is None
    assert await kit.add(named) == [False]
