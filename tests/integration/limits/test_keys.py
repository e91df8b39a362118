"""Concurrency keys: never more than the limit, in order, and nobody else is kept waiting."""

import pytest

from integration.adapter.kit import TASK, Kit, done, failed, node, plan
from integration.limits.keyed import (
    add,
    assert_consistent,
    assert_no_key_left,
    claim_ids,
    counters,
    keyed,
    sets,
    sweep,
    vanish,
)
from support import wait_until_async
from taskora.ids import new_id
from taskora.lua import load
from taskora.model import NewJob, Settled, State, Want


async def test_no_more_jobs_of_a_key_are_claimed_than_its_limit(kit: Kit) -> None:
    ids = await add(kit, *(keyed(limit=3) for _ in range(5)))
    lane = kit.lane()
    jobs = await kit.claim(lane, 10)
    assert [job.job_id for job in jobs] == ids[:3]
    assert counters(kit) == {"k": 3}
    assert_consistent(kit, {"k": 3})
    assert [job.job_id for job in (await lane.step([done(jobs[0])], [Want(TASK, 10)])).jobs] == [ids[3]]
    assert_consistent(kit, {"k": 3})


async def test_fields_are_stored_as_other_implementations_read_them(kit: Kit) -> None:
    first, free, plain = await add(kit, keyed("a:b,{c}", 4, delay_ms=1000), keyed("z", 0), keyed("", 0))
    stored = kit.hash(first)
    assert (stored["concurrencyKey"], stored["concurrencyLimit"]) == ("a:b,{c}", "4")
    assert kit.hash(free)["concurrencyLimit"] == "0"
    assert "concurrencyKey" not in kit.hash(plain)


async def test_w10_a_blocked_job_stops_no_other_key_and_no_priority_and_is_popped_once(kit: Kit) -> None:
    """W10."""
    lane = kit.lane()
    await add(kit, keyed())
    (running,) = await kit.claim(lane)
    blocked = await add(kit, *(keyed() for _ in range(3)))
    others = await add(kit, NewJob(new_id(), b"1"), keyed("other"))
    urgent = await add(kit, NewJob(new_id(), b"1", priority=5))
    assert await claim_ids(kit, lane) == [*urgent, *others]
    assert (await lane.wait_and_claim([Want(TASK, 10)], 20)).jobs == []
    assert not kit.marked(), "nothing that could run is left: no worker may be woken for it"
    assert kit.waiting() == []
    assert sets(kit, "blocked") == {"k": set(blocked)}
    assert (await kit.adapter.jobs.stats(TASK).run_async()).waiting == 3
    reply = await lane.step([done(running)], [Want(TASK, 10)])
    assert [job.job_id for job in reply.jobs] == blocked[:1]


async def test_w11_a_blocked_priority_job_lets_lower_ones_pass_and_keeps_its_place(kit: Kit) -> None:
    """W11."""
    lane = kit.lane()
    await add(kit, keyed(priority=5))
    (running,) = await kit.claim(lane)
    first, second = await add(kit, keyed(priority=5), keyed(priority=5))
    low = await add(kit, NewJob(new_id(), b"1", priority=1))
    score = kit.raw.zscore(f"{kit.base()}:prioritized", first)
    assert await claim_ids(kit, lane) == low
    later = await add(kit, keyed(priority=9))
    assert await claim_ids(kit, lane) == []
    await kit.settle(lane, done(running))
    (third,) = await kit.claim(lane)
    assert third.job_id == later[0], "the higher priority goes first within the key too"
    await kit.settle(lane, done(third))
    assert kit.raw.zscore(f"{kit.base()}:prioritized", first) == score
    assert await claim_ids(kit, lane) == [first]
    assert kit.state(second) == "waiting"


async def test_jobs_of_a_key_run_in_the_order_of_their_dispatch(kit: Kit) -> None:
    ids = await add(kit, *(keyed(limit=2) for _ in range(7)))
    lane, ran = kit.lane(), list[str]()
    jobs = await kit.claim(lane, 10)
    while jobs:
        ran += [job.job_id for job in jobs]
        jobs = (await lane.step([done(job) for job in jobs], [Want(TASK, 10)])).jobs
    assert ran == ids
    assert_no_key_left(kit)


async def test_what_comes_later_does_not_overtake_one_whose_turn_has_come(kit: Kit) -> None:
    lane = kit.lane()
    await add(kit, keyed())
    (running,) = await kit.claim(lane)
    first, second = await add(kit, keyed(), keyed())
    assert await claim_ids(kit, lane) == []
    await kit.settle(lane, done(running))
    urgent = await add(kit, keyed(priority=9))
    assert await claim_ids(kit, lane) == [first]
    assert sets(kit, "blocked") == {"k": {second, *urgent}}


async def test_one_with_a_lower_limit_is_not_overtaken_for_ever(kit: Kit) -> None:
    lane = kit.lane()
    await add(kit, keyed(limit=2), keyed(limit=2))
    running = await kit.claim(lane, 10)
    strict, lax = await add(kit, keyed(limit=1), keyed(limit=2))
    assert await claim_ids(kit, lane) == []
    await kit.settle(lane, done(running[0]))
    assert await claim_ids(kit, lane) == [], "the lax one waits behind the strict one"
    await kit.settle(lane, done(running[1]))
    assert await claim_ids(kit, lane) == [strict, lax], "each asks for its own limit"


@pytest.mark.parametrize("verb", ["complete", "retry", "fail", "cancel", "return", "defer"])
async def test_w2_every_outcome_lets_go_of_the_key_once(kit: Kit, verb: str) -> None:
    """W2."""
    lane = kit.lane()
    await add(kit, keyed(limit=2), keyed(limit=2))
    first, second = await kit.claim(lane, 2)
    outcome = Settled(first, verb, b"null", 60_000)  # type: ignore[arg-type]  # one of the verbs
    assert (await kit.settle(lane, outcome)).lost == ()
    assert counters(kit) == {"k": 1}
    assert (await kit.settle(lane, outcome)).lost == (first.job_id,)
    await sweep(kit, 2)
    assert counters(kit) == {"k": 1}
    assert_consistent(kit, {"k": 2})
    await kit.settle(lane, done(second))
    assert counters(kit) == {}


async def test_w2_recovery_reclaim_and_sweep_let_go_once_and_the_job_goes_first(kit: Kit) -> None:
    """W2."""
    lane = kit.lane("dead")
    first, second = await add(kit, keyed(), keyed())
    (job,) = await kit.claim(lane, 10)
    ways = kit.adapter.leases
    for _ in range(2):
        await ways.recover("dead", {TASK: 0}, cause="killed", charged=False, max_crashes=3).run_async()
        assert counters(kit) == {}
    lane = kit.lane("b")
    (job,) = await kit.claim(lane, 10)
    assert job.job_id == first
    await vanish(kit, job)
    await sweep(kit, 3)
    assert counters(kit) == {}
    assert kit.state(first) == "waiting"
    (job,) = await kit.claim(lane, 10)
    assert job.job_id == first, "it waited longest"
    await kit.settle(lane, done(job))
    assert await claim_ids(kit, lane) == [second]
    assert_consistent(kit, {"k": 1})


async def test_a_claim_whose_reply_was_lost_gives_its_keys_back(kit: Kit) -> None:
    lane = kit.lane("w")
    ids = await add(kit, keyed(), keyed())
    await kit.claim(lane, 10)
    token = kit.raw.get(f"{kit.base()}:{ids[0]}:lock")
    worker, connection = token.split(".")[0], token.split(".")[1][0]
    script = load("reclaim").source
    assert kit.raw.eval(script, 1, kit.base(), worker, connection, 99) == [1, []]
    assert counters(kit) == {}
    assert await claim_ids(kit, kit.lane("v")) == ids[:1]


async def test_a_blocked_job_can_be_cancelled_and_is_listed(kit: Kit) -> None:
    lane = kit.lane()
    await add(kit, keyed())
    (running,) = await kit.claim(lane)
    first, second, third = await add(kit, keyed(), keyed(), keyed())
    assert await claim_ids(kit, lane) == []
    plain = await add(kit, NewJob(new_id(), b"1"))
    listed = await kit.adapter.jobs.jobs(TASK, State.WAITING, 0, 10).run_async()
    assert [job.id for job in listed] == [*plain, first, second, third]
    paged = [await kit.adapter.jobs.jobs(TASK, State.WAITING, at, 1).run_async() for at in range(5)]
    assert [job.id for page in paged for job in page] == [*plain, first, second, third]
    assert await kit.adapter.jobs.cancel(TASK, first, "no").run_async() == "cancelled"
    assert kit.state(first) == "cancelled"
    assert sets(kit, "blocked") == {"k": {second, third}}
    # A job whose turn has come gives it on when it is cancelled.
    await kit.settle(lane, done(running))
    assert sets(kit, "ready") == {"k": {second}}
    assert await kit.adapter.jobs.cancel(TASK, second, "no").run_async() == "cancelled"
    assert await claim_ids(kit, lane) == [*plain, third] or kit.state(third) == "active"
    assert_consistent(kit, {"k": 1})


async def test_a_cancelled_running_job_lets_go_of_its_key(kit: Kit) -> None:
    lane = kit.lane()
    await add(kit, keyed(), keyed())
    (running,) = await kit.claim(lane, 10)
    assert await kit.adapter.jobs.cancel(TASK, running.job_id, "no").run_async() == "flagged"
    assert len((await lane.step([done(running)], [Want(TASK, 10)])).jobs) == 1
    assert kit.state(running.job_id) == "cancelled"
    assert_consistent(kit, {"k": 1})


async def test_a_sleeping_worker_is_woken_when_the_key_of_a_blocked_job_is_free(kit: Kit) -> None:
    busy, idle = kit.lane("busy"), kit.lane("idle")
    _, second = await add(kit, keyed(), keyed())
    (running,) = await kit.claim(busy, 10)
    assert (await idle.wait_and_claim([Want(TASK, 1)], 20)).jobs == []
    await kit.settle(busy, done(running))
    reply = await idle.wait_and_claim([Want(TASK, 1)], 5_000)
    assert [job.job_id for job in reply.jobs] == [second]


async def test_a_retry_waits_its_turn_behind_those_that_were_blocked(kit: Kit) -> None:
    lane = kit.lane()
    await add(kit, keyed(), keyed())
    (first,) = await kit.claim(lane, 10)
    await kit.settle(lane, Settled(first, "retry", b"again", 1))

    async def due() -> bool:
        await lane.promote([TASK])
        return kit.state(first.job_id) == "waiting"

    await wait_until_async(due)
    (second,) = await kit.claim(lane, 10)
    assert second.job_id != first.job_id
    await kit.settle(lane, failed(second))
    assert await claim_ids(kit, lane) == [first.job_id]


async def test_a_node_of_an_ended_workflow_gives_its_turn_on(kit: Kit) -> None:
    lane = kit.lane()
    await add(kit, keyed())
    (running,) = await kit.claim(lane)
    flow = plan(node())
    await kit.create(flow)
    job_id = flow.nodes[0].job_id
    kit.raw.hset(f"{kit.base()}:{job_id}", mapping={"concurrencyKey": "k", "concurrencyLimit": "1"})
    assert await claim_ids(kit, lane) == []
    (last,) = await add(kit, keyed())
    assert await claim_ids(kit, lane) == []
    await kit.settle(lane, done(running))
    await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "no").run_async()
    assert kit.state(job_id) == "cancelled"
    assert await claim_ids(kit, lane) == [last]


async def test_limit_0_counts_nothing_and_waits_for_nothing(kit: Kit) -> None:
    lane = kit.lane()
    await add(kit, keyed(limit=1), keyed(limit=0), keyed(limit=0))
    jobs = await kit.claim(lane, 10)
    assert len(jobs) == 3
    assert counters(kit) == {"k": 1}
    await kit.settle(lane, *(done(job) for job in jobs[1:]))
    assert counters(kit) == {"k": 1}
    assert_consistent(kit, {"k": 1})


async def test_raw_jobs_of_other_producers_are_limited_too(kit: Kit) -> None:
    lane = kit.lane()
    pair = {"concurrencyKey": "k", "concurrencyLimit": "1"}
    for job_id in ("job-1", "job-2"):
        kit.put_foreign_job(job_id, "{}", extra=pair)
    kit.put_foreign_job("job-3", "{}", priority=2, extra=pair)
    kit.put_foreign_job("job-0", "{}", extra={"concurrencyKey": "k", "concurrencyLimit": "0"})
    jobs = await kit.claim(lane, 10)
    assert {job.job_id for job in jobs} == {"job-3", "job-0"}
    assert counters(kit) == {"k": 1}
    await kit.settle(lane, *(done(job) for job in jobs))
    for name in ("job-1", "job-2"):
        (job,) = await kit.claim(lane, 10)
        assert job.job_id == name
        await kit.settle(lane, done(job))
    assert_no_key_left(kit)


async def test_the_counter_of_workers_of_another_implementation_is_respected(kit: Kit) -> None:
    lane = kit.lane()
    kit.raw.set(f"{kit.base()}:conc:k", 1)
    kit.put_foreign_job(
        "job-1", "{}", extra={"concurrencyKey": "k", "concurrencyLimit": "1", "state": "active", "processedOn": "1"}
    )
    kit.raw.lrem(f"{kit.base()}:wait", 0, "job-1")
    kit.raw.lpush(f"{kit.base()}:active", "job-1")
    kit.raw.set(f"{kit.base()}:job-1:lock", "theirs", px=30_000)
    (ours,) = await add(kit, keyed())
    assert await claim_ids(kit, lane) == []
    await sweep(kit)
    assert await claim_ids(kit, lane) == [], "their job still holds the key"
    # It ends: they decrement, and know nothing of those that are parked.
    kit.raw.lrem(f"{kit.base()}:active", 1, "job-1")
    kit.raw.delete(f"{kit.base()}:job-1:lock", f"{kit.base()}:conc:k")
    kit.raw.hset(f"{kit.base()}:job-1", "state", "completed")
    await sweep(kit)
    reply = await lane.wait_and_claim([Want(TASK, 1)], 5_000)
    assert [job.job_id for job in reply.jobs] == [ours]


async def test_w31_a_counter_that_others_decremented_twice_admits_no_job_beyond_those_of_ours_that_run(
    kit: Kit,
) -> None:
    """W31."""
    first, second = kit.lane("w1"), kit.lane("w2")
    await add(kit, keyed(limit=2), keyed(limit=2))
    jobs = await kit.claim(first, 2)
    kit.raw.decrby(f"{kit.base()}:conc:k", 2)
    (waits,) = await add(kit, keyed(limit=2))
    assert await claim_ids(kit, second) == []
    await kit.settle(first, done(jobs[0]))
    assert await claim_ids(kit, second) == [waits]


async def test_a_thousand_blocked_jobs_ahead_delay_others_by_no_claim(kit: Kit) -> None:
    lane = kit.lane()
    await add(kit, keyed())
    await kit.claim(lane)
    await add(kit, *(keyed() for _ in range(1000)))
    live = await add(kit, NewJob(new_id(), b"1"))
    assert await claim_ids(kit, lane, 1) == live
    calls = kit.raw.info("commandstats")["cmdstat_rpop"]["calls"]
    for _ in range(10):
        assert await claim_ids(kit, lane, 1) == []
    assert kit.raw.info("commandstats")["cmdstat_rpop"]["calls"] - calls == 10, "none is popped again"


@pytest.mark.parametrize("name", ["conc", "holders", "ready", "blocked"])
async def test_a_damaged_key_costs_no_job_and_the_sweep_mends_it(kit: Kit, name: str) -> None:
    lane = kit.lane()
    first, second = await add(kit, keyed(), keyed())
    plain = await add(kit, NewJob(new_id(), b"1"))
    kit.raw.rpush(f"{kit.base()}:{name}:k", "damage")
    kit.raw.hset(f"{kit.base()}:limited", "k", 0)
    jobs = await kit.claim(lane, 10)
    assert {job.job_id for job in jobs} >= set(plain)
    await sweep(kit)
    claimed = [job.job_id for job in jobs]
    await kit.settle(lane, *(done(job) for job in jobs))

    async def all_ran() -> bool:
        found = (await lane.wait_and_claim([Want(TASK, 10)], 50)).jobs
        claimed.extend(job.job_id for job in found)
        await kit.settle(lane, *(done(job) for job in found))
        return len(claimed) == 3

    await wait_until_async(all_ran)
    assert sorted(claimed) == sorted([first, second, *plain])
    await sweep(kit)
    assert_no_key_left(kit)
