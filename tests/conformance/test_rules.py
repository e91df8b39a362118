"""Dispatches of which keys decide: debounced, throttled, deduplicated, collected."""

import pytest

from conformance.kit import TASK, Kit, done, failed
from taskora.model import EnqueueSpec, NewJob, Settled, State, new_id
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


@pytest.mark.parametrize("verb", ["complete", "fail", "cancel"])
async def test_a_key_is_free_again_after_its_job_has_ended(kit: Kit, verb: str) -> None:
    rule = DeduplicateRule("k", WHILE)
    await dispatch(kit, rule)
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    ends = {"complete": done(job), "fail": failed(job), "cancel": Settled(job, "cancel")}
    await kit.settle(lane, ends[verb])
    assert (await dispatch(kit, rule)).stored


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
