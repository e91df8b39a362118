"""What becomes of jobs whose worker died, hung or vanished, and of the worker's own claims."""

import pytest

from conformance.kit import SHORT_MS, TASK, Kit, done, soon
from taskora.model import Held, Settled, State, Want


async def test_a_dead_workers_jobs_are_recovered_at_once_and_only_its(kit: Kit) -> None:
    await kit.add_many(5)
    mine = await kit.claim(kit.lane("w1"), 2)
    other = await kit.claim(kit.lane("w10"), 3)
    assert await kit.recover("w1") == 2
    assert await kit.waiting() == [job.job_id for job in mine]
    assert await kit.active() == [job.job_id for job in other]
    assert await kit.recover("w1") == 0


async def test_a_recovered_worker_settles_nothing_more(kit: Kit) -> None:
    lane, job = await kit.started("w1")
    await kit.recover("w1")
    assert (await kit.settle(lane, done(job))).lost == (job.job_id,)
    assert await kit.state(job.job_id) == "waiting"


async def test_a_recovered_worker_claims_nothing_for_good(kit: Kit) -> None:
    ids = await kit.add_many(2)
    lane = kit.lane("w1")
    await kit.claim(lane)
    await kit.recover("w1")
    reply = await soon(lane.wait_and_claim([Want(TASK, 5)], 50))
    assert (reply.jobs, reply.fenced) == ([], "dead")
    await kit.adapter.leases.fence("w1", [TASK], False).run_async()
    await kit.adapter.leases.fence("w1", [TASK], True).run_async()
    assert (await lane.step([], [Want(TASK, 5)])).fenced == "dead"
    assert [job.job_id for job in await kit.claim(kit.lane("w2"), 5)] == ids


async def test_a_worker_without_jobs_is_fenced_too(kit: Kit) -> None:
    await kit.add_many(1)
    assert await kit.recover("w1") == 0
    assert (await kit.lane("w1").step([], [Want(TASK, 1)])).fenced == "dead"


async def test_jobs_of_several_tasks_are_recovered(kit: Kit) -> None:
    await kit.add_many(2)
    await kit.add_many(1, "other")
    await kit.lane("w1", tasks=(TASK, "other")).step([], [Want(TASK, 2), Want("other", 1)])
    assert await kit.recover("w1", tasks=(TASK, "other")) == 3
    assert (len(await kit.waiting()), len(await kit.waiting("other"))) == (2, 1)


@pytest.mark.parametrize("limit", [0, 1, 2])
async def test_a_job_over_the_limit_of_crashes_fails_with_the_cause(kit: Kit, limit: int) -> None:
    (job_id,) = await kit.add_many(1)
    for number in range(limit + 1):
        assert len(await kit.claim(kit.lane(f"w{number}"))) == 1
        await kit.recover(f"w{number}", cause="signal:11", max_crashes=limit)
        assert await kit.state(job_id) == ("failed" if number == limit else "waiting")
    info = await kit.job(job_id)
    assert info.error_type == "StalledError"
    assert info.error is not None
    assert "signal:11" in info.error
    assert info.attempt == 1


async def test_a_job_that_only_waited_beside_who_killed_the_process_is_not_charged(kit: Kit) -> None:
    poison, innocent = await kit.add_many(2)
    for number in range(2):
        assert len(await kit.claim(kit.lane(f"w{number}"), 2)) == 2
        await kit.recover(f"w{number}", max_crashes=1, suspects=[poison[-8:]])
    assert [await kit.state(job_id) for job_id in (poison, innocent)] == ["failed", "waiting"]
    assert len(await kit.claim(kit.lane("w2"))) == 1
    await kit.recover("w2", max_crashes=0)
    assert await kit.state(innocent) == "failed"


async def test_a_job_that_was_beside_too_many_deaths_is_charged_at_last(kit: Kit) -> None:
    (beside,) = await kit.add_many(1)
    for number in range(6):
        assert await kit.state(beside) == "waiting"
        await kit.add_many(1)
        claimed = await kit.claim(kit.lane(f"w{number}"), 2)
        (other,) = (job.job_id for job in claimed if job.job_id != beside)
        await kit.recover(f"w{number}", max_crashes=0, suspects=[other[-8:]])
        assert await kit.state(other) == "failed"
    assert await kit.state(beside) == "failed"


async def test_jobs_that_saw_two_deaths_together_come_back_one_by_one(kit: Kit) -> None:
    ids = await kit.add_many(3)
    suspects = [job_id[-8:] for job_id in ids]
    for number in range(2):
        assert [await kit.state(job_id) for job_id in ids] == ["waiting"] * 3
        assert len(await kit.claim(kit.lane(f"w{number}"), 3)) == 3
        await kit.recover(f"w{number}", suspects=suspects)
    assert [await kit.state(job_id) for job_id in ids] == ["waiting", "retrying", "retrying"]
    assert [job.job_id for job in await kit.claim(kit.lane("w3"), 3)] == ids[:1]
    await kit.let_pass(1_100)
    assert [job.job_id for job in await kit.claim(kit.lane("w3"), 3)] == ids[1:2]
    await kit.let_pass(1_000)
    assert [job.job_id for job in await kit.claim(kit.lane("w3"), 3)] == ids[2:]


async def test_a_kill_of_ours_is_not_charged(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    for number in range(4):
        assert len(await kit.claim(kit.lane(f"w{number}"))) == 1
        await kit.recover(f"w{number}", charged=False, max_crashes=0)
    assert await kit.state(job_id) == "waiting"


async def test_a_flagged_job_of_a_dead_worker_is_cancelled(kit: Kit) -> None:
    _, job = await kit.started("w1")
    await kit.cancel(job.job_id, "why")
    assert await kit.recover("w1") == 1
    info = await kit.job(job.job_id)
    assert (info.state, info.cancel_reason) == (State.CANCELLED, "why")


async def test_owners_of_a_job_that_hung_past_its_time_learn_the_cause_until_one_has_settled_it(kit: Kit) -> None:
    job_id, other, innocent = *await kit.add_many(1), *await kit.add_many(1, "other"), *await kit.add_many(1, "third")
    tasks = (TASK, "other", "third")
    wants = [Want(task, 1) for task in tasks]
    await kit.lane("w1", tasks=tasks).step([], wants)
    await kit.let_pass(5)
    call = kit.adapter.leases.recover(
        "w1", {TASK: 1, "other": 3_600_000, "third": 1}, cause="hung", charged=False, max_crashes=3,
        suspects=[job_id[-8:], other[-8:]],
    )  # fmt: skip
    assert await call.run_async() == 3
    lane = kit.lane("w2", tasks=tasks)
    jobs = (await lane.step([], wants)).jobs
    assert {job.job_id: job.cause for job in jobs} == {job_id: "timeout", other: "", innocent: ""}
    await kit.settle(lane, *(Settled(job, "return") for job in jobs))
    (again,) = await kit.claim(lane)
    assert again.cause == "timeout"
    await kit.settle(lane, Settled(again, "retry", b"hung"))
    assert [job.cause for job in await kit.claim(lane)] == [""]


async def test_a_halted_worker_claims_nothing_until_it_may_go_on(kit: Kit) -> None:
    ids = await kit.add_many(2)
    lane = kit.lane("w1")
    await kit.adapter.leases.fence("w1", [TASK], True).run_async()
    assert await kit.adapter.vitals.fences([("w1", TASK), ("w2", TASK)]).run_async() == ["halt", ""]
    reply = await soon(lane.wait_and_claim([Want(TASK, 5)], 50))
    assert (reply.jobs, reply.fenced) == ([], "halt")
    assert await kit.waiting() == ids
    await kit.adapter.leases.fence("w1", [TASK], False).run_async()
    assert len((await soon(lane.wait_and_claim([Want(TASK, 5)], 50))).jobs) == 2


async def test_a_halt_concerns_its_worker_and_its_tasks_alone(kit: Kit) -> None:
    await kit.add_many(1)
    await kit.add_many(1, "other")
    await kit.adapter.leases.fence("w1", [TASK], True).run_async()
    reply = await kit.lane("w1", tasks=(TASK, "other")).step([], [Want(TASK, 1), Want("other", 1)])
    assert ([job.task for job in reply.jobs], reply.fenced) == (["other"], "halt")
    assert len(await kit.claim(kit.lane("w2"))) == 1


async def test_a_draining_worker_claims_nothing_and_still_settles(kit: Kit) -> None:
    await kit.add_many(2)
    lane = kit.lane("w1")
    (job,) = await kit.claim(lane)
    await lane.stop_claiming()
    reply = await lane.step([done(job)], [Want(TASK, 1)])
    assert (reply.jobs, reply.fenced, reply.lost) == ([], "halt", ())
    assert await kit.state(job.job_id) == "completed"


async def test_a_steward_does_not_end_the_draining_of_its_worker(kit: Kit) -> None:
    await kit.add_many(1)
    lane = kit.lane("w1")
    await lane.stop_claiming()
    await kit.adapter.leases.fence("w1", [TASK], True).run_async()
    await kit.adapter.leases.fence("w1", [TASK], False).run_async()
    assert (await lane.step([], [Want(TASK, 1)])).fenced == "halt"


async def test_the_dead_are_told_from_the_halted(kit: Kit) -> None:
    await kit.recover("w1")
    await kit.adapter.leases.fence("w2", [TASK], True).run_async()
    pairs = [("w1", TASK), ("w2", TASK), ("w1", "other")]
    assert await kit.adapter.vitals.fences(pairs).run_async() == ["dead", "halt", ""]
    assert await kit.adapter.vitals.fences([]).run_async() == []


@pytest.mark.parametrize("limit", [0, 1, 2])
async def test_a_job_over_the_limit_of_stalls_fails(kit: Kit, limit: int) -> None:
    (job_id,) = await kit.add_many(1)
    for number in range(limit + 1):
        assert len(await kit.claim(kit.lane(f"w{number}", ttl_ms=SHORT_MS))) == 1
        await kit.sweep(limit)
        await kit.let_pass(SHORT_MS)
        assert await kit.sweep(limit) == 1
        assert await kit.state(job_id) == ("failed" if number == limit else "waiting")
    info = await kit.job(job_id)
    assert (info.error_type, info.attempt) == ("StalledError", 1)
    assert await kit.ids(State.FAILED) == [job_id]


async def test_a_job_is_swept_only_when_two_sweeps_found_it_running_and_nobody_holds_it(kit: Kit) -> None:
    _, job = await kit.started(ttl_ms=SHORT_MS)
    await kit.let_pass(SHORT_MS)
    assert await kit.sweep() == 0
    assert await kit.sweep() == 1
    assert await kit.state(job.job_id) == "waiting"


async def test_a_sweep_that_is_run_again_at_once_takes_nothing_that_it_only_marked(kit: Kit) -> None:
    _, job = await kit.started(ttl_ms=SHORT_MS)
    await kit.let_pass(SHORT_MS)
    assert [await kit.sweep(grace_ms=60_000) for _ in range(3)] == [0, 0, 0]
    assert await kit.state(job.job_id) == "active"
    held = Held(TASK, job.job_id, job.token, job.processed_ms)
    assert await kit.adapter.leases.extend([held], SHORT_MS).run_async() == [1], "its worker may still come back"


async def test_a_sweep_that_comes_too_early_does_not_put_off_the_next(kit: Kit) -> None:
    _, job = await kit.started(ttl_ms=SHORT_MS)
    assert await kit.sweep(grace_ms=SHORT_MS) == 0
    await kit.let_pass(SHORT_MS)
    assert await kit.sweep(grace_ms=60_000) == 0
    assert await kit.sweep(grace_ms=SHORT_MS) == 1
    assert await kit.state(job.job_id) == "waiting"


async def test_a_job_that_began_after_the_last_sweep_is_left_to_the_next_but_one(kit: Kit) -> None:
    await kit.started("w1")
    await kit.sweep()
    _, late = await kit.started("w2", ttl_ms=SHORT_MS)
    await kit.let_pass(SHORT_MS)
    assert [await kit.sweep(), await kit.state(late.job_id)] == [0, "active"]
    assert [await kit.sweep(), await kit.state(late.job_id)] == [1, "waiting"]


async def test_a_job_that_is_held_is_never_swept(kit: Kit) -> None:
    _, job = await kit.started()
    assert [await kit.sweep(0) for _ in range(3)] == [0, 0, 0]
    assert await kit.state(job.job_id) == "active"


async def test_a_renewed_job_is_no_candidate_of_the_sweep(kit: Kit) -> None:
    _, job = await kit.started(ttl_ms=SHORT_MS)
    await kit.sweep()
    held = Held(TASK, job.job_id, job.token, job.processed_ms)
    assert await kit.adapter.leases.extend([held], SHORT_MS).run_async() == [1]
    await kit.let_pass(SHORT_MS)
    assert await kit.sweep() == 0
    assert await kit.state(job.job_id) == "active"


async def test_a_job_that_was_settled_is_never_swept(kit: Kit) -> None:
    ids = await kit.add_many(6)
    lane = kit.lane(ttl_ms=SHORT_MS)
    jobs = await kit.claim(lane, 6)
    await kit.sweep(0)
    endings = ("complete", "fail", "retry", "cancel", "return", "defer")
    outcomes = [Settled(job, verb, b"1", delay_ms=60_000) for job, verb in zip(jobs, endings, strict=True)]  # type: ignore[arg-type]  # a str
    await kit.settle(lane, *outcomes)
    await kit.let_pass(SHORT_MS)
    states = [await kit.state(job_id) for job_id in ids]
    assert await kit.sweep(0) == 0
    assert [await kit.state(job_id) for job_id in ids] == states
    assert states == ["completed", "failed", "retrying", "cancelled", "waiting", "delayed"]


async def test_the_sweep_cancels_a_flagged_job_of_a_vanished_worker(kit: Kit) -> None:
    _, job = await kit.started(ttl_ms=SHORT_MS)
    await kit.cancel(job.job_id, "why")
    await kit.sweep()
    await kit.let_pass(SHORT_MS)
    assert await kit.sweep() == 1
    info = await kit.job(job.job_id)
    assert (info.state, info.cancel_reason) == (State.CANCELLED, "why")


async def test_stalls_and_crashes_are_counted_apart(kit: Kit) -> None:
    (job_id,) = await kit.add_many(1)
    await kit.claim(kit.lane("w1"))
    await kit.recover("w1", max_crashes=1)
    await kit.claim(kit.lane("w2", ttl_ms=SHORT_MS))
    await kit.sweep(1)
    await kit.let_pass(SHORT_MS)
    await kit.sweep(1)
    assert await kit.state(job_id) == "waiting"
