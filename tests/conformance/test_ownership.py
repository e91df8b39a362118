"""Who may settle a job: whoever holds its lock, or held it last while nobody took it."""

import pytest

from conformance.kit import SHORT_MS, TASK, Kit, done, failed
from taskora.model import Held, Settled, State, Want


async def test_every_claim_has_a_token_of_its_own_that_names_its_worker(kit: Kit) -> None:
    await kit.add_many(4)
    lane = kit.lane("host-1-abc")
    jobs = [*await kit.claim(lane), *await kit.claim(lane), *(await lane.wait_and_claim([Want(TASK, 2)], 100)).jobs]
    assert len({job.token for job in jobs}) == 3
    assert all(job.token.startswith("host-1-abc.") for job in jobs)


@pytest.mark.parametrize("verb", ["complete", "retry", "fail", "cancel", "return", "defer"])
async def test_a_late_settle_of_an_earlier_claim_by_the_same_worker_is_refused(kit: Kit, verb: str) -> None:
    lane, first = await kit.started()
    await kit.settle(lane, Settled(first, "return"))
    (second,) = await kit.claim(lane)
    before = await kit.job(first.job_id)
    reply = await kit.settle(lane, Settled(first, verb, b"1"))  # type: ignore[arg-type]  # a str parameter
    assert reply.lost == (first.job_id,)
    assert await kit.job(first.job_id) == before
    assert (await kit.settle(lane, done(second))).lost == ()


async def test_another_worker_cannot_settle(kit: Kit) -> None:
    _, job = await kit.started("w1")
    stolen = job._replace(token="w2.b1.1", processed_ms=job.processed_ms + 1)
    assert (await kit.settle(kit.lane("w2"), done(stolen))).lost == (job.job_id,)
    assert await kit.state(job.job_id) == "active"


async def test_a_worker_may_settle_by_another_lane_of_its_own(kit: Kit) -> None:
    _, job = await kit.started("w1")
    assert (await kit.settle(kit.lane("w1"), done(job))).lost == ()
    assert await kit.state(job.job_id) == "completed"


async def test_one_lost_job_does_not_hold_up_the_others_of_its_batch(kit: Kit) -> None:
    ids = await kit.add_many(3)
    lane = kit.lane()
    jobs = await kit.claim(lane, 3)
    await kit.settle(lane, done(jobs[1]))
    assert (await kit.settle(lane, *map(done, jobs))).lost == (ids[1],)
    assert sorted(await kit.ids(State.COMPLETED)) == ids


@pytest.mark.parametrize("verb", ["complete", "retry", "fail", "cancel"])
async def test_a_settled_job_cannot_be_settled_again(kit: Kit, verb: str) -> None:
    lane, job = await kit.started()
    outcome = Settled(job, verb, b"1", delay_ms=60_000)  # type: ignore[arg-type]  # a str parameter
    await kit.settle(lane, outcome)
    before = await kit.job(job.job_id)
    assert (await kit.settle(lane, outcome)).lost == (job.job_id,)
    assert (await kit.settle(lane, failed(job))).lost == (job.job_id,)
    assert await kit.job(job.job_id) == before


async def test_a_settle_of_a_job_that_is_gone_is_refused(kit: Kit) -> None:
    lane, job = await kit.started()
    ghost = job._replace(job_id="nobody")
    assert (await kit.settle(lane, done(ghost))).lost == ("nobody",)
    assert await kit.state("nobody") is None


async def test_a_settle_after_the_lock_ran_out_is_accepted_while_nobody_took_the_job(kit: Kit) -> None:
    lane, job = await kit.started(ttl_ms=SHORT_MS)
    await kit.let_pass(SHORT_MS)
    assert (await kit.settle(lane, done(job))).lost == ()
    assert await kit.state(job.job_id) == "completed"


async def test_a_settle_is_refused_when_the_lock_that_ran_out_was_a_later_claims(kit: Kit) -> None:
    lane, first = await kit.started()
    await kit.settle(lane, Settled(first, "return"))
    await kit.let_pass(1)
    (second,) = await kit.claim(kit.lane("w2", ttl_ms=SHORT_MS))
    await kit.let_pass(SHORT_MS)
    assert (await kit.settle(lane, done(first))).lost == (first.job_id,)
    assert (await kit.settle(lane, done(second))).lost == ()


async def test_a_settle_after_the_sweep_is_refused(kit: Kit) -> None:
    lane, job = await kit.started(ttl_ms=SHORT_MS)
    await kit.sweep()
    await kit.let_pass(SHORT_MS)
    assert await kit.sweep() == 1
    assert (await kit.settle(lane, done(job))).lost == (job.job_id,)
    assert await kit.waiting() == [job.job_id]


def held(*jobs: object) -> list[Held]:
    return [Held(job.task, job.job_id, job.token, job.processed_ms) for job in jobs]  # type: ignore[attr-defined]  # claims


async def test_a_renewal_tells_of_each_job_whether_it_is_still_ours(kit: Kit) -> None:
    ids = await kit.add_many(4)
    lane = kit.lane()
    jobs = await kit.claim(lane, 4)
    await kit.cancel(ids[2])
    await kit.settle(lane, done(jobs[3]))
    stolen = jobs[1]._replace(token="other.a1.1")
    assert await kit.adapter.leases.extend(held(jobs[0], stolen, jobs[2], jobs[3]), 60_000).run_async() == [1, 0, -1, 0]
    assert await kit.adapter.leases.extend([], 1000).run_async() == []


async def test_a_renewal_takes_back_a_lock_that_ran_out_while_nobody_took_the_job(kit: Kit) -> None:
    _, job = await kit.started(ttl_ms=SHORT_MS)
    await kit.let_pass(SHORT_MS)
    assert (await kit.adapter.vitals.locks(TASK, 10).run_async()).without == (job.job_id,)
    assert await kit.adapter.leases.extend(held(job), 60_000).run_async() == [1]
    assert (await kit.adapter.vitals.locks(TASK, 10).run_async()).without == ()


async def test_a_renewed_lock_lasts_as_long_as_it_was_renewed_for(kit: Kit) -> None:
    _, job = await kit.started(ttl_ms=SHORT_MS)
    await kit.adapter.leases.extend(held(job), 60_000).run_async()
    await kit.let_pass(SHORT_MS)
    assert (await kit.adapter.vitals.locks(TASK, 10).run_async()).without == ()


async def test_every_lock_of_a_silent_worker_is_renewed_and_only_its(kit: Kit) -> None:
    await kit.add_many(3)
    mine = await kit.claim(kit.lane("w1", ttl_ms=SHORT_MS), 2)
    (other,) = await kit.claim(kit.lane("w10", ttl_ms=SHORT_MS))
    renewed = await kit.adapter.leases.extend_worker("w1", [TASK, "other"], 60_000).run_async()
    if renewed < 2:
        pytest.skip("the machine was too busy: the locks ran out before they were renewed")
    await kit.let_pass(SHORT_MS)
    assert (await kit.adapter.vitals.locks(TASK, 10).run_async()).without == (other.job_id,)
    assert len(mine) == 2


async def test_a_lock_that_ran_out_is_not_renewed_for_a_worker_that_cannot_say_it_is_its(kit: Kit) -> None:
    await kit.started("w1", ttl_ms=SHORT_MS)
    await kit.let_pass(SHORT_MS)
    assert await kit.adapter.leases.extend_worker("w1", [TASK], 60_000).run_async() == 0


async def test_locks_are_counted(kit: Kit) -> None:
    await kit.add_many(3)
    await kit.claim(kit.lane(), 3)
    assert await kit.adapter.vitals.locks(TASK, 2).run_async() == (2, (), ())
    assert await kit.adapter.vitals.locks(TASK, 10).run_async() == (3, (), ())


@pytest.mark.parametrize("kind", ["progress", "logs", "span"])
async def test_only_the_owner_of_a_job_reports_for_it(kit: Kit, kind: str) -> None:
    lane, job = await kit.started()
    entry = b'{"level":"info","message":"hi","timestamp":1795544727026}'

    async def report(token: str) -> bool:
        leases = kit.adapter.leases
        if kind == "progress":
            return await leases.write_progress(TASK, job.job_id, token, b"50").run_async()
        if kind == "span":
            return await leases.write_span(TASK, job.job_id, token, "{}").run_async()
        return await leases.write_logs(TASK, job.job_id, token, [entry]).run_async()

    assert not await report("w2.a1.1")
    assert (await kit.job(job.job_id)).progress is None
    assert (await kit.job(job.job_id)).logs == []
    assert await report(job.token)
    await kit.settle(lane, done(job))
    before = await kit.job(job.job_id)
    assert not await report(job.token)
    assert await kit.job(job.job_id) == before
