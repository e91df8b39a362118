"""What retention removes and what it leaves."""

import pytest

from conformance.kit import ALL, TASK, Kit, done, failed, fan, node, plan
from taskora.config import Keep
from taskora.ids import new_id
from taskora.model import NewJob, State
from taskora.workflow_model import Plan


async def ended(kit: Kit, count: int) -> list[str]:
    """Completes so many jobs; returns their ids, the newest first, as they are listed."""
    await kit.add_many(count)
    lane = kit.lane()
    await kit.settle(lane, *(done(job) for job in await kit.claim(lane, count)))
    return await kit.ids(State.COMPLETED)


async def trim(kit: Kit, keep: Keep, limit: int = ALL, state: State = State.COMPLETED) -> int:
    return await kit.adapter.house.trim(TASK, state, keep, limit).run_async()


@pytest.mark.parametrize("state", [State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED])
async def test_every_ended_state_is_trimmed_piece_by_piece(kit: Kit, state: State) -> None:
    ids = [new_id() for _ in range(3)]
    await kit.add(*(NewJob(job_id, b"1", ttl_ms=1 if state is State.EXPIRED else 0) for job_id in ids))
    lane = kit.lane()
    if state is State.EXPIRED:
        await kit.let_pass(1)
        await kit.claim(lane)
    elif state is State.CANCELLED:
        for job_id in ids:
            await kit.cancel(job_id)
    else:
        jobs = await kit.claim(lane, 3)
        await kit.settle(lane, *(done(job) if state is State.COMPLETED else failed(job) for job in jobs))
    assert await trim(kit, Keep(0, None), 2, state) == 2
    assert await trim(kit, Keep(0, None), 2, state) == 1
    assert await trim(kit, Keep(0, None), 2, state) == 0
    assert [await kit.state(job_id) for job_id in ids] == [None] * 3
    assert await kit.ids(state) == []


async def test_what_is_kept_for_ever_is_not_touched(kit: Kit) -> None:
    await ended(kit, 10)
    assert await trim(kit, Keep(None, None, 0)) == 0
    assert (await kit.stats()).completed == 10


async def test_the_count_keeps_the_newest(kit: Kit) -> None:
    ids = await ended(kit, 10)
    await kit.let_pass(1)
    assert await trim(kit, Keep("1h", 100, 0)) == 0
    assert await trim(kit, Keep("1h", 4, 0)) == 6
    assert await kit.ids(State.COMPLETED) == ids[:4]
    assert await trim(kit, Keep("1h", 0, 0)) == 4


async def test_the_count_spares_the_young(kit: Kit) -> None:
    await ended(kit, 10)
    assert await trim(kit, Keep("1h", 4, "1m")) == 0


async def test_age_trims_the_old_and_spares_the_young(kit: Kit) -> None:
    old = await ended(kit, 3)
    await kit.let_pass(30)
    young = [job_id for job_id in await ended(kit, 3) if job_id not in old]
    removed = await trim(kit, Keep(0.03, 1, "1m"))
    if removed > 3:
        pytest.skip("the machine was too busy: the young grew old")
    assert removed == 3
    assert await kit.ids(State.COMPLETED) == young


async def test_a_trimmed_job_takes_its_log_with_it(kit: Kit) -> None:
    lane, job = await kit.started()
    line = b'{"level":"info","message":"hi","timestamp":1795544727026}'
    await kit.adapter.leases.write_logs(TASK, job.job_id, job.token, [line]).run_async()
    await kit.settle(lane, done(job))
    assert await trim(kit, Keep(0, None)) == 1
    assert await kit.adapter.jobs.logs(TASK, job.job_id).run_async() == []


async def test_trimming_one_state_or_task_leaves_the_others(kit: Kit) -> None:
    await ended(kit, 2)
    assert await trim(kit, Keep(0, None), state=State.FAILED) == 0
    assert await kit.adapter.house.trim("other", State.COMPLETED, Keep(0, None), 10).run_async() == 0
    assert (await kit.stats()).completed == 2


async def test_an_id_that_its_caller_gave_stays_taken_after_it_is_trimmed(kit: Kit) -> None:
    named = NewJob("order-1", b"1", given=True)
    await kit.add(named)
    lane = kit.lane()
    await kit.settle(lane, *(done(job) for job in await kit.claim(lane, 5)))
    assert await trim(kit, Keep(0, None)) == 1
    assert await kit.state("order-1") is None
    assert await kit.add(named) == [False]


async def test_an_id_of_ours_is_free_again_after_it_is_trimmed(kit: Kit) -> None:
    ids = await ended(kit, 1)
    await trim(kit, Keep(0, None))
    assert await kit.add(NewJob(ids[0], b"1", given=True)) == [True]


async def run_through(kit: Kit, flow: Plan) -> None:
    await kit.create(flow)
    lane = kit.lane()
    while jobs := await kit.claim(lane, 300):
        await kit.settle(lane, *(done(job, b"1") for job in jobs))


async def test_ended_workflows_are_trimmed_by_age_and_count(kit: Kit) -> None:
    for flow in (fan(3), fan(5, callback=False), plan(node(), deadline_ms=60_000)):
        await run_through(kit, flow)
    bad = fan(2)
    await kit.create(bad)
    await kit.adapter.workflows.cancel_workflow(bad.workflow_id, "").run_async()
    house = kit.adapter.house
    assert await house.trim_workflows(True, Keep("1h", 100), 100).run_async() == 0
    assert await house.trim_workflows(True, Keep("1h", 1, "1m"), 100).run_async() == 0
    assert await house.trim_workflows(True, Keep(None, 1, 0), 100).run_async() == 2
    assert await house.trim_workflows(True, Keep(0, None), 100).run_async() == 1
    assert await house.trim_workflows(False, Keep(0, None), 100).run_async() == 1
    assert await kit.adapter.workflows.list_workflows(None, 0, 10).run_async() == []
    assert await kit.adapter.workflows.workflow_outcome(bad.workflow_id).run_async() is None


async def test_a_running_workflow_is_never_trimmed(kit: Kit) -> None:
    flow = fan(2)
    await kit.create(flow)
    for completed in (True, False):
        assert await kit.adapter.house.trim_workflows(completed, Keep(0, 0, 0), 100).run_async() == 0
    assert (await kit.outcome(flow)).state == "running"


async def test_a_job_outlives_its_trimmed_workflow(kit: Kit) -> None:
    flow = plan(node(), node(deps=(0,)))
    await run_through(kit, flow)
    await kit.adapter.house.trim_workflows(True, Keep(0, None), 10).run_async()
    assert await kit.state(flow.nodes[0].job_id) == "completed"
