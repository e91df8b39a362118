"""Dispatches of which keys decide: debounced, throttled, deduplicated, collected."""

from collections.abc import Awaitable, Callable

import pytest

from conformance.kit import SHORT_MS, TASK, Kit, done, failed
from taskora.adapters.lane import Lane
from taskora.ids import new_id
from taskora.model import Claimed, EnqueueSpec, NewJob, Settled, State, Want
from taskora.rules import CollectRule, DebounceRule, DeduplicateRule, Rule, ThrottleRule, Verdict

WHILE = ("waiting", "delayed", "active")
STORED = Verdict(stored=True)


async def dispatch(kit: Kit, rule: Rule, data: bytes = b"1", job_id: str = "", *, task: str = TASK) -> Verdict:
    job = NewJob(job_id or new_id(), data)
    (verdict,) = await kit.adapter.rules.enqueue(task, EnqueueSpec(), [(job, rule)]).run_async()
    return verdict


def collect(key: str = "k", delay_ms: int = 60_000, max_size: int = 0, max_wait_ms: int = 0) -> CollectRule:
    return CollectRule(key, f"batch-{new_id()}", delay_ms, max_size, max_wait_ms)


async def test_of_debounced_jobs_the_last_one_runs(kit: Kit) -> None:
    rule = DebounceRule("k", 10)
    for at in range(3):
        assert (await dispatch(kit, rule, b"%d" % at, f"job-{at}")).stored
    assert await kit.ids(State.DELAYED) == ["job-2"]
    await kit.let_pass(10)
    assert await kit.claim_all() == ["job-2"]


async def test_what_a_debounced_job_replaced_leads_to_it(kit: Kit) -> None:
    rule = DebounceRule("k", 60_000)
    for at in range(3):
        await dispatch(kit, rule, job_id=f"job-{at}")
    assert await kit.adapter.rules.follow(TASK, "job-0").run_async() == "job-2"
    assert await kit.adapter.rules.follow(TASK, "job-2").run_async() is None
    assert await kit.adapter.rules.follow(TASK, "nobody").run_async() is None


async def test_a_debounced_job_that_has_begun_is_not_replaced(kit: Kit) -> None:
    await dispatch(kit, DebounceRule("k", 5), job_id="job-0")
    await kit.let_pass(5)
    assert await kit.claim_all() == ["job-0"]
    await dispatch(kit, DebounceRule("k", 5), job_id="job-1")
    assert (await kit.state("job-0"), await kit.state("job-1")) == ("active", "delayed")


async def test_keys_and_tasks_are_debounced_apart(kit: Kit) -> None:
    await dispatch(kit, DebounceRule("k", 60_000), job_id="a")
    await dispatch(kit, DebounceRule("l", 60_000), job_id="b")
    await dispatch(kit, DebounceRule("k", 60_000), job_id="c", task="other")
    assert (await kit.ids(State.DELAYED), await kit.ids(State.DELAYED, "other")) == (["a", "b"], ["c"])


async def test_no_more_jobs_than_allowed_are_stored_in_a_window(kit: Kit) -> None:
    rule = ThrottleRule("k", 2, 60_000)
    assert [(await dispatch(kit, rule)).stored for _ in range(4)] == [True, True, False, False]
    assert len(await kit.claim_all()) == 2
    assert not (await dispatch(kit, rule)).stored, "an end frees no place"
    assert (await dispatch(kit, ThrottleRule("l", 2, 60_000))).stored


async def test_a_window_ends(kit: Kit) -> None:
    rule = ThrottleRule("k", 1, 20)
    assert (await dispatch(kit, rule)).stored
    await kit.let_pass(20)
    assert (await dispatch(kit, rule)).stored


@pytest.mark.parametrize("state", ["waiting", "active"])
async def test_a_duplicate_is_refused_and_its_owner_named(kit: Kit, state: str) -> None:
    rule = DeduplicateRule("k", WHILE)
    assert await dispatch(kit, rule, job_id="first") == STORED
    if state == "active":
        await kit.claim(kit.lane())
    assert await dispatch(kit, rule, job_id="second") == Verdict(False, "first")
    assert await kit.state("second") is None
    assert (await dispatch(kit, DeduplicateRule("l", WHILE))).stored


async def _retry(kit: Kit, lane: Lane, job: Claimed) -> None:
    await kit.settle(lane, Settled(job, "retry", b"again", delay_ms=60_000))


async def test_w25_a_job_between_two_attempts_holds_its_key(kit: Kit) -> None:
    """W25."""
    rule = DeduplicateRule("k", ("waiting", "active"))
    await dispatch(kit, rule, job_id="first")
    lane = kit.lane()
    await _retry(kit, lane, *await kit.claim(lane))
    assert await kit.state("first") == "retrying"
    assert await dispatch(kit, rule, job_id="second") == Verdict(False, "first")


async def test_w25_a_job_that_ends_leaves_the_key_of_another_alone(kit: Kit) -> None:
    """W25."""
    while_waiting = DeduplicateRule("k", ("waiting",))
    await dispatch(kit, while_waiting, job_id="first")
    lane = kit.lane()
    (first,) = await kit.claim(lane)
    assert (await dispatch(kit, while_waiting, job_id="second")).stored
    await kit.settle(lane, done(first))
    assert await dispatch(kit, while_waiting, job_id="third") == Verdict(False, "second")


async def _complete(kit: Kit, lane: Lane) -> None:
    await kit.settle(lane, *map(done, await kit.claim(lane)))


async def _fail(kit: Kit, lane: Lane) -> None:
    await kit.settle(lane, *map(failed, await kit.claim(lane)))


async def _cancel(kit: Kit, lane: Lane) -> None:
    (job,) = await kit.claim(lane)
    await kit.cancel(job.job_id)
    await kit.settle(lane, done(job))


async def _cancel_in_the_queue(kit: Kit, _: Lane) -> None:
    await kit.cancel("first")


async def _expire(kit: Kit, lane: Lane) -> None:
    await kit.let_pass(SHORT_MS)
    assert await kit.claim(lane) == []


async def _discard(kit: Kit, lane: Lane) -> None:
    await kit.let_pass(SHORT_MS)
    assert (await lane.step([], [Want(TASK, 1, "discard")])).jobs == []


async def _vanish(kit: Kit, _: Lane) -> None:
    await kit.claim(kit.lane("gone", ttl_ms=1))
    await kit.let_pass(1)
    await kit.sweep(0)
    assert await kit.sweep(0) == 1


async def _crash(kit: Kit, _: Lane) -> None:
    await kit.claim(kit.lane("gone"))
    assert await kit.recover("gone", max_crashes=0) == 1


@pytest.mark.parametrize(
    "end", [_complete, _fail, _cancel, _cancel_in_the_queue, _expire, _discard, _vanish, _crash],
    ids=lambda end: end.__name__.strip("_"),
)  # fmt: skip
async def test_a_key_is_free_again_however_its_job_ends(kit: Kit, end: Callable[[Kit, Lane], Awaitable[None]]) -> None:
    rule = DeduplicateRule("k", WHILE)
    job = NewJob("first", b"1", ttl_ms=SHORT_MS if end in (_expire, _discard) else 0)
    await kit.adapter.rules.enqueue(TASK, EnqueueSpec(), [(job, rule)]).run_async()
    assert await dispatch(kit, rule) == Verdict(False, "first")
    await end(kit, kit.lane())
    assert await dispatch(kit, rule, job_id="second") == STORED
    assert await dispatch(kit, rule) == Verdict(False, "second")


async def test_collected_items_become_one_batch(kit: Kit) -> None:
    rules = [collect(delay_ms=10) for _ in range(3)]
    verdicts = [await dispatch(kit, rule, b"%d" % at) for at, rule in enumerate(rules)]
    batch = rules[0].batch_id
    assert verdicts == [Verdict(True, batch)] * 3
    assert await kit.adapter.rules.buffered(TASK, "k").run_async() == [b"0", b"1", b"2"]
    info = await kit.adapter.rules.buffer_info(TASK, "k").run_async()
    assert info is not None
    assert info.count == 3
    assert info.oldest_at <= info.newest_at
    await kit.let_pass(10)
    (job,) = await kit.claim(kit.lane(), 5)
    assert (job.job_id, job.data) == (batch, b"[0,1,2]")
    assert await kit.adapter.rules.buffered(TASK, "k").run_async() == []
    assert await kit.adapter.rules.buffer_info(TASK, "k").run_async() is None


async def test_a_full_batch_runs_at_once_and_the_next_item_begins_another(kit: Kit) -> None:
    rules = [collect(max_size=2) for _ in range(3)]
    for at, rule in enumerate(rules):
        await dispatch(kit, rule, b"%d" % at)
    (job,) = await kit.claim(kit.lane(), 5)
    assert (job.job_id, job.data) == (rules[0].batch_id, b"[0,1]")
    assert await kit.adapter.rules.buffered(TASK, "k").run_async() == [b"2"]
    assert await kit.state(rules[2].batch_id) == "delayed"


async def test_a_batch_runs_at_the_latest_when_its_first_item_waited_long_enough(kit: Kit) -> None:
    await dispatch(kit, collect(max_wait_ms=10))
    await dispatch(kit, collect(max_wait_ms=10))
    await kit.let_pass(10)
    (job,) = await kit.claim(kit.lane(), 5)
    assert job.data == b"[1,1]"


async def promote(kit: Kit) -> None:
    await kit.lane("promoter").promote([TASK])


async def test_w27_an_item_that_comes_between_promotion_and_claim_joins_the_batch_that_waits(kit: Kit) -> None:
    """W27."""
    first = collect(delay_ms=5)
    await dispatch(kit, first, b"1")
    await kit.let_pass(5)
    await promote(kit)
    assert await kit.state(first.batch_id) == "waiting"
    assert await dispatch(kit, collect(delay_ms=5), b"2") == Verdict(True, first.batch_id)
    (job,) = await kit.claim(kit.lane(), 5)
    assert (job.job_id, job.data) == (first.batch_id, b"[1,2]")
    await kit.let_pass(5)
    assert await kit.claim_all() == []


async def test_w27_a_batch_that_waits_is_filled_no_further_than_it_may_be(kit: Kit) -> None:
    """W27."""
    rules = [collect(delay_ms=5, max_size=3) for _ in range(5)]
    await dispatch(kit, rules[0], b"0")
    await kit.let_pass(5)
    await promote(kit)
    told = [(await dispatch(kit, rule, b"%d" % at)).job_id for at, rule in enumerate(rules[1:], 1)]
    assert told == [rules[0].batch_id] * 2 + [rules[3].batch_id] * 2
    await kit.let_pass(5)
    jobs = await kit.claim(kit.lane(), 5)
    assert [(job.job_id, job.data) for job in jobs] == [
        (rules[0].batch_id, b"[0,1,2]"), (rules[3].batch_id, b"[3,4]"),
    ]  # fmt: skip


async def test_w28_a_batch_that_no_worker_took_for_long_is_still_the_only_one_of_its_key(kit: Kit) -> None:
    """W28."""
    first = collect(delay_ms=5)
    await dispatch(kit, first, b"1")
    await kit.let_pass(30)
    assert await dispatch(kit, collect(delay_ms=5), b"2") == Verdict(True, first.batch_id)
    await kit.let_pass(5)
    (job,) = await kit.claim(kit.lane(), 5)
    assert (job.job_id, job.data) == (first.batch_id, b"[1,2]")


async def test_w29_a_batch_is_cancelled_with_its_items_and_the_next_item_begins_another(kit: Kit) -> None:
    """W29."""
    first, second = collect(delay_ms=5), collect(delay_ms=5)
    await dispatch(kit, first, b"1")
    assert await kit.cancel(first.batch_id) == "cancelled"
    assert (await kit.job(first.batch_id)).data == [1]
    assert await dispatch(kit, second, b"2") == Verdict(True, second.batch_id)
    await kit.let_pass(5)
    (job,) = await kit.claim(kit.lane(), 5)
    assert (job.job_id, job.data) == (second.batch_id, b"[2]")
    assert await kit.ids(State.CANCELLED) == [first.batch_id]


async def test_a_batch_whose_worker_died_or_that_is_retried_has_its_own_items_again(kit: Kit) -> None:
    first, second = collect(delay_ms=1), collect(delay_ms=60_000)
    await dispatch(kit, first, b"1")
    await kit.let_pass(1)
    await kit.claim(kit.lane("gone"))
    await dispatch(kit, second, b"2")
    await kit.recover("gone")
    lane = kit.lane()
    (job,) = await kit.claim(lane, 5)
    await kit.settle(lane, Settled(job, "retry", b"again"))
    (again,) = await kit.claim(lane, 5)
    assert [(each.job_id, each.data) for each in (job, again)] == [(first.batch_id, b"[1]")] * 2
    assert await kit.adapter.rules.buffered(TASK, "k").run_async() == [b"2"]


async def test_buffers_are_kept_apart_by_key(kit: Kit) -> None:
    await dispatch(kit, collect("k"), b'"a"')
    await dispatch(kit, collect("l"), b'"b"')
    buffered = kit.adapter.rules.buffered
    assert (await buffered(TASK, "k").run_async(), await buffered(TASK, "l").run_async()) == ([b'"a"'], [b'"b"'])
    assert await buffered(TASK, "m").run_async() == []


async def test_dispatches_of_several_rules_travel_together(kit: Kit) -> None:
    dedup = DeduplicateRule("k", WHILE)
    rules: list[tuple[str, Rule]] = [("a", dedup), ("b", dedup), ("c", ThrottleRule("t", 1, 60_000))]
    jobs = [(NewJob(job_id, b"1"), rule) for job_id, rule in rules]
    verdicts = await kit.adapter.rules.enqueue(TASK, EnqueueSpec(), jobs).run_async()
    assert verdicts == [STORED, Verdict(False, "a"), STORED]
    assert await kit.claim_all() == ["a", "c"]
