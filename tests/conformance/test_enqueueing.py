"""What dispatch stores: once, and as it was given."""

import asyncio

import pytest

from conformance.kit import TASK, Kit, done
from taskora.ids import new_id
from taskora.model import EnqueueSpec, NewJob, Occurrence, State, Want


async def test_a_job_is_stored_as_it_was_given(kit: Kit) -> None:
    job_id, now_ms = new_id(), await kit.now_ms()
    assert await kit.add(NewJob(job_id, b'{"a":1}'), spec=EnqueueSpec(version=3, max_attempts=5)) == [True]
    info = await kit.job(job_id)
    assert (info.id, info.task, info.state, info.data, info.version) == (job_id, TASK, State.WAITING, {"a": 1}, 3)
    assert (info.attempt, info.result, info.error, info.progress, info.logs) == (1, None, None, None, [])
    assert 0 <= info.timestamp.timestamp() * 1000 - now_ms < 5_000
    assert [name for name, _ in info.timeline] == ["waiting"]
    assert (info.processed_on, info.finished_on, info.workflow_id, info.node) == (None, None, None, None)


async def test_a_claim_brings_what_was_given(kit: Kit) -> None:
    job_id = new_id()
    await kit.add(NewJob(job_id, b'{"a":1}'), spec=EnqueueSpec(version=3))
    (job,) = await kit.claim(kit.lane())
    info = await kit.job(job_id)
    assert (job.task, job.job_id, job.data, job.attempt, job.version, job.cause) == (
        TASK, job_id, b'{"a":1}', 1, 3, "",
    )  # fmt: skip
    assert job.ts_ms == round(info.timestamp.timestamp() * 1000)
    assert info.processed_on is not None
    assert job.processed_ms == round(info.processed_on.timestamp() * 1000)


async def test_no_jobs_are_stored_when_none_are_given(kit: Kit) -> None:
    assert await kit.add() == []
    assert await kit.waiting() == []


async def test_a_delayed_job_is_not_claimed_before_its_time(kit: Kit) -> None:
    later, now = new_id(), new_id()
    await kit.add(NewJob(later, b"1", delay_ms=60_000), NewJob(now, b"1"))
    assert await kit.claim_all() == [now]
    assert await kit.state(later) == "delayed"


async def test_a_delayed_job_is_claimed_once_it_is_due(kit: Kit) -> None:
    job_id = new_id()
    await kit.add(NewJob(job_id, b"1", delay_ms=5))
    await kit.let_pass(5)
    assert await kit.claim_all() == [job_id]


async def test_an_id_that_its_caller_gave_is_stored_once(kit: Kit) -> None:
    named = NewJob("order-1", b"1", given=True)
    assert await kit.add(named) == [True]
    assert await kit.add(named, NewJob("order-2", b"2", given=True)) == [False, True]
    assert await kit.waiting() == ["order-1", "order-2"]
    assert (await kit.job("order-1")).data == 1


@pytest.mark.parametrize("verb", ["running", "complete", "fail", "retry"])
async def test_a_given_id_stays_taken_in_whatever_state_its_job_is(kit: Kit, verb: str) -> None:
    named = NewJob("order-1", b"1", given=True)
    await kit.add(named)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    if verb != "running":
        await kit.settle(lane, done(job)._replace(verb=verb, delay_ms=60_000))  # type: ignore[arg-type]  # a str
    assert await kit.add(named) == [False]
    assert await kit.claim_all() == []


async def test_an_id_is_taken_for_one_task_only(kit: Kit) -> None:
    named = NewJob("order-1", b"1", given=True)
    assert await kit.add(named) == [True]
    assert await kit.add(named, task="other") == [True]


async def test_one_refused_job_does_not_hold_up_the_others_of_its_batch(kit: Kit) -> None:
    await kit.add(NewJob("order-1", b"1", given=True))
    ids = [new_id(), new_id()]
    jobs = (NewJob(ids[0], b"1"), NewJob("order-1", b"2", given=True), NewJob(ids[1], b"3"))
    assert await kit.add(*jobs) == [True, False, True]
    assert await kit.waiting() == ["order-1", *ids]


async def test_an_id_given_twice_in_one_batch_is_stored_once(kit: Kit) -> None:
    named = NewJob("order-1", b"1", given=True)
    assert await kit.add(named, named) == [True, False]
    assert await kit.claim_all() == ["order-1"]


async def test_a_batch_larger_than_one_call_keeps_its_order_and_its_answers(kit: Kit) -> None:
    await kit.add(NewJob("taken", b"1", given=True))
    jobs = [NewJob(new_id(), b"%d" % at) for at in range(1300)]
    jobs[700] = NewJob("taken", b"2", given=True)
    assert await kit.add(*jobs) == [at != 700 for at in range(1300)]
    assert await kit.claim_all() == ["taken", *(job.job_id for at, job in enumerate(jobs) if at != 700)]


async def test_tasks_do_not_mix(kit: Kit) -> None:
    first, second = await kit.add_many(2), await kit.add_many(2, "other")
    assert (await kit.waiting(), await kit.waiting("other")) == (first, second)
    assert await kit.claim_all("other") == second
    assert await kit.state(first[0], "other") is None


async def test_an_occurrence_is_stored_once_and_an_older_one_never(kit: Kit) -> None:
    async def fire(at_ms: int, name: str = "nightly", task: str = TASK) -> bool:
        job = NewJob(new_id(), b"null", ttl_ms=60_000)
        spec = EnqueueSpec(version=2)
        return await kit.adapter.jobs.enqueue_occurrence(task, spec, job, Occurrence(name, at_ms)).run_async()

    assert await fire(1_795_544_727_026)
    assert await fire(1_795_544_727_027)
    assert not await fire(1_795_544_727_027)
    assert not await fire(1_795_544_727_000)
    assert await fire(1_795_544_727_000, "other")
    assert await fire(1_795_544_727_000, task="other")
    waiting = await kit.waiting()
    assert len(waiting) == 3
    assert {(await kit.job(job_id)).version for job_id in waiting} == {2}


async def test_a_call_does_its_work_each_time_it_is_run(kit: Kit) -> None:
    call = kit.adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob("order-1", b"1", given=True)])
    assert await call.run_async() == [True]
    assert await call.run_async() == [False]


async def test_nothing_happens_before_a_call_is_run(kit: Kit) -> None:
    kit.adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(new_id(), b"1")])
    assert await kit.waiting() == []


async def test_a_call_may_be_run_in_plain_code(kit: Kit) -> None:
    job_id = new_id()
    call = kit.adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(job_id, b"1")])
    assert await asyncio.to_thread(call.run) == [True]
    assert await asyncio.to_thread(kit.adapter.jobs.stats(TASK).run) == await kit.stats()
    assert await kit.claim_all() == [job_id]


async def test_producers_in_threads_and_on_a_loop_lose_nothing_between_them(kit: Kit) -> None:
    def produce(count: int) -> list[str]:
        ids = [new_id() for _ in range(count)]
        for job_id in ids:
            kit.adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(job_id, b"1")]).run()
        return ids

    threads = [asyncio.to_thread(produce, 25) for _ in range(4)]
    here = [kit.add_many(25) for _ in range(4)]
    ids = await asyncio.gather(*threads, *here)
    claimed: list[str] = []
    lane = kit.lane()
    for _ in range(20):
        claimed += [job.job_id for job in (await lane.step([], [Want(TASK, 10)])).jobs]
    assert sorted(claimed) == sorted(job_id for some in ids for job_id in some)
