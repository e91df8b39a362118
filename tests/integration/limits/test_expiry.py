"""Jobs that no worker takes in time, under both policies."""

import asyncio
from typing import Literal

import pytest

from integration.adapter.kit import TASK, Kit, done
from integration.limits.keyed import add, assert_no_key_left, claim_ids, keyed, sets, sweep
from support import wait_until_async
from taskora.ids import new_id
from taskora.model import NewJob, State, Want
from taskora.workflow_model import Plan, PlanNode

Policy = Literal["fail", "discard"]
both = pytest.mark.parametrize("policy", ["fail", "discard"])


def expired(*, delay_ms: int = 0, priority: int = 0) -> NewJob:
    """A job that has a millisecond to live."""
    return NewJob(new_id(), b"1", delay_ms, priority, 1)


async def run_out(kit: Kit, job_id: str) -> None:
    at = int(kit.hash(job_id)["expireAt"])
    await wait_until_async(lambda: kit.now_ms() > at)


async def claim_under(kit: Kit, policy: Policy, count: int = 10) -> list[str]:
    lane = kit.lane(new_id())
    return [job.job_id for job in (await lane.step([], [Want(TASK, count, policy)])).jobs]


def assert_ended(kit: Kit, job_id: str, policy: Policy) -> None:
    assert kit.event_names(job_id)[-1] == "expired"
    if policy == "fail":
        assert kit.state(job_id) == "expired"
        assert kit.members("expired") == [job_id]
    else:
        assert kit.hash(job_id) == {}
        assert kit.members("expired") == []
    assert kit.members("failed") == []


@both
async def test_a_job_that_expired_is_ended_by_the_claim(kit: Kit, policy: Policy) -> None:
    late, live = expired(), NewJob(new_id(), b"1")
    await kit.add(late, live)
    await run_out(kit, late.job_id)
    assert await claim_under(kit, policy) == [live.job_id]
    assert_ended(kit, late.job_id, policy)


@both
async def test_a_delayed_job_that_expired_is_ended_by_its_promotion(kit: Kit, policy: Policy) -> None:
    late = expired(delay_ms=2)
    await kit.add(late)
    due = int(kit.raw.zscore(f"{kit.base()}:delayed", late.job_id))
    await wait_until_async(lambda: kit.now_ms() > due)
    lane = kit.lane()
    await lane.step([], [Want(TASK, 0, policy)])
    assert_ended(kit, late.job_id, policy)
    assert kit.event_names(late.job_id) == ["delayed", "expired"]


@both
async def test_an_expired_node_fails_its_workflow(kit: Kit, policy: Policy) -> None:
    flow = Plan(new_id(), "flow", (PlanNode(TASK, new_id(), (), b"0", ttl_ms=1),), (0,))
    await kit.create(flow)
    job_id = flow.nodes[0].job_id
    await run_out(kit, job_id)
    waiting = asyncio.ensure_future(kit.waiter().workflow(flow.workflow_id))
    assert await claim_under(kit, policy) == []
    assert_ended(kit, job_id, policy)
    outcome = await asyncio.wait_for(waiting, 5)
    assert outcome is not None
    assert (outcome.state, outcome.node, outcome.error_type) == ("failed", 0, "ExpiredError")


@both
async def test_waiters_of_an_expired_job_end(kit: Kit, policy: Policy) -> None:
    late = expired()
    await kit.add(late)
    waiting = asyncio.ensure_future(kit.waiter().job(TASK, late.job_id))
    await run_out(kit, late.job_id)
    await claim_under(kit, policy)
    outcome = await asyncio.wait_for(waiting, 5)
    if policy == "fail":
        assert outcome is not None
        assert outcome.state is State.EXPIRED


@both
async def test_w26_an_expired_job_gives_its_deduplication_key_back(kit: Kit, policy: Policy) -> None:
    """W26."""
    late = expired()
    await kit.add(late)
    key = f"{kit.base()}:dedup:once"
    kit.raw.hset(f"{kit.base()}:{late.job_id}", "dedupKey", key)
    kit.raw.set(key, late.job_id)
    await run_out(kit, late.job_id)
    await claim_under(kit, policy)
    assert kit.raw.get(key) is None


@both
async def test_w14_a_claim_passes_two_thousand_expired_jobs_and_the_next_goes_on(kit: Kit, policy: Policy) -> None:
    """W14."""
    late = [expired() for _ in range(10_000)]
    live = NewJob(new_id(), b"1")
    await kit.add(*late, live)
    await run_out(kit, late[-1].job_id)
    lane, want, claimed, claims = kit.lane(), Want(TASK, 1, policy), list[str](), 0
    while not claimed:
        claims += 1
        claimed = [job.job_id for job in (await lane.wait_and_claim([want], 5_000)).jobs]
    assert claimed == [live.job_id]
    assert claims <= 6
    assert kit.raw.zcard(f"{kit.base()}:expired") == (10_000 if policy == "fail" else 0)


@both
async def test_a_blocked_job_expires_when_its_turn_comes_and_gives_it_on(kit: Kit, policy: Policy) -> None:
    lane = kit.lane()
    await add(kit, keyed())
    (running,) = await kit.claim(lane)
    late, last = await add(kit, keyed(ttl_ms=20), keyed())
    assert await claim_ids(kit, lane) == []
    assert sets(kit, "blocked") == {"k": {late, last}}
    await run_out(kit, late)
    reply = await lane.step([done(running)], [Want(TASK, 10, policy)])
    assert [job.job_id for job in reply.jobs] == [last]
    assert_ended(kit, late, policy)
    await kit.settle(lane, done(reply.jobs[0]))
    assert_no_key_left(kit)


@both
async def test_a_blocked_job_expires_by_the_sweep_while_its_key_is_held(kit: Kit, policy: Policy) -> None:
    lane = kit.lane()
    await add(kit, keyed())
    await kit.claim(lane)
    late, last = await add(kit, keyed(ttl_ms=20, priority=1), keyed())
    assert await claim_ids(kit, lane) == []
    await run_out(kit, late)
    await sweep(kit)
    assert (await lane.wait_and_claim([Want(TASK, 10, policy)], 5_000)).jobs == []
    assert_ended(kit, late, policy)
    assert sets(kit, "blocked") == {"k": {last}}
