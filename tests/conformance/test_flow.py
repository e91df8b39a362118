"""What controls a task's flow, as an operator sees it, and having a batch begin at once."""

from typing import Any, cast

import pytest

from conformance.kit import SHORT_MS, TASK, Kit, done, failed
from support import wait_until_async
from taskora import FlowControl, FlowCounts, Inspector
from taskora.ids import new_id
from taskora.model import EnqueueSpec, NewJob, State
from taskora.rules import CollectRule, DebounceRule, DeduplicateRule, Rule, ThrottleRule

WHILE = ("waiting", "delayed", "active")
NOTHING = FlowCounts(0, 0, 0, 0, 0)


async def dispatch(kit: Kit, rule: Rule, data: bytes = b"1", job_id: str = "") -> None:
    job = NewJob(job_id or new_id(), data)
    await kit.adapter.rules.enqueue(TASK, EnqueueSpec(), [(job, rule)]).run_async()


async def flow(kit: Kit, limit: int = 20, offset: int = 0) -> FlowControl:
    return await Inspector(kit.adapter).flow_async(TASK, limit=limit, offset=offset)


def collected(key: str, delay_ms: int = 60_000) -> CollectRule:
    return CollectRule(key, f"batch-{key}", delay_ms, 0, 0)


async def test_a_task_without_keys_has_an_empty_flow(kit: Kit) -> None:
    await kit.add_many(3)
    assert await flow(kit) == FlowControl(TASK, NOTHING, [], [], [], [], [])


async def test_a_concurrency_key_is_told_with_its_limit_holders_and_who_waits(kit: Kit) -> None:
    jobs = [NewJob(f"job-{at}", b"1", concurrency_key="acme", concurrency_limit=2) for at in range(5)]
    await kit.add(*jobs)
    lane = kit.lane()
    first, second = await kit.claim(lane, 5)
    (key,) = (await flow(kit)).limited
    assert (key.key, key.limit, key.running, key.waiting) == ("acme", 2, 2, 3)
    assert set(key.holders) == {first.job_id, second.job_id}
    assert (await flow(kit)).counts == FlowCounts(1, 0, 0, 0, 0)
    await kit.settle(lane, done(first), done(second))
    while some := await kit.claim(lane, 5):
        await kit.settle(lane, *map(done, some))
    assert (await flow(kit)).counts == NOTHING


async def test_a_buffer_is_told_and_peeked_into_until_it_is_a_batch(kit: Kit) -> None:
    before_ms = await kit.now_ms()
    for at in range(3):
        await dispatch(kit, collected("eu", 50_000), b'"item %d"' % at)
    (buffer,) = (await flow(kit)).buffers
    assert (buffer.key, buffer.count, buffer.size, buffer.batch_id) == ("eu", 3, 27, "batch-eu")
    assert buffer.due_at is not None
    assert before_ms + 50_000 <= buffer.due_at.timestamp() * 1000 <= await kit.now_ms() + 50_000
    assert before_ms <= buffer.oldest_at.timestamp() * 1000 <= buffer.newest_at.timestamp() * 1000
    inspector = Inspector(kit.adapter)
    assert await inspector.peek_collect_async(TASK, "eu", limit=2) == ["item 0", "item 1"]
    assert await inspector.peek_collect_async(TASK, "eu", limit=0) == []
    assert await inspector.peek_collect_async(TASK, "us") == []
    assert await inspector.flush_collect_async(TASK, "eu") == 3
    assert (await flow(kit)).counts == NOTHING
    (job,) = await kit.claim(kit.lane())
    assert (job.job_id, job.data) == ("batch-eu", b'["item 0","item 1","item 2"]')
    assert await inspector.flush_collect_async(TASK, "eu") == 0


async def test_what_is_flushed_waits_while_the_task_is_paused_and_is_joined_by_nothing(kit: Kit) -> None:
    inspector = Inspector(kit.adapter)
    await inspector.pause_async(TASK)
    await dispatch(kit, collected("k"), b"1")
    assert await inspector.flush_collect_async(TASK, "k") == 1
    await dispatch(kit, CollectRule("k", "next", 60_000, 0, 0), b"2")
    assert await kit.claim_all() == []
    await inspector.resume_async(TASK)
    assert [job.data for job in await kit.claim(kit.lane(), 5)] == [b"[1]"]
    assert [buffer.batch_id for buffer in (await flow(kit)).buffers] == ["next"]


async def test_a_batch_that_was_claimed_or_cancelled_leaves_no_buffer(kit: Kit) -> None:
    await dispatch(kit, collected("soon", 1))
    await dispatch(kit, collected("never"))
    await kit.cancel("batch-never")
    await kit.let_pass(SHORT_MS)
    assert await kit.claim_all() == ["batch-soon"]
    assert (await flow(kit)).counts == NOTHING


async def test_a_debounced_key_is_told_with_its_last_job(kit: Kit) -> None:
    await dispatch(kit, DebounceRule("late", 60_000), job_id="old")
    await dispatch(kit, DebounceRule("late", 60_000), job_id="new")
    await dispatch(kit, DebounceRule("early", 30_000), job_id="other")
    found = await flow(kit)
    assert [(key.key, key.job_id, key.due_at is not None) for key in found.debounced] == [
        ("early", "other", True), ("late", "new", True),
    ]  # fmt: skip
    assert found.counts.debounced == 2


async def test_a_throttled_key_is_told_with_its_window(kit: Kit) -> None:
    before_ms = await kit.now_ms()
    for _ in range(4):
        await dispatch(kit, ThrottleRule("k", 3, 60_000))
    (key,) = (await flow(kit)).throttled
    assert (key.key, key.count) == ("k", 3)
    assert before_ms + 60_000 <= key.until.timestamp() * 1000 <= await kit.now_ms() + 60_000


async def test_windows_that_ended_are_not_told(kit: Kit) -> None:
    await dispatch(kit, ThrottleRule("k", 3, SHORT_MS))
    await dispatch(kit, DebounceRule("k", SHORT_MS))

    async def over() -> bool:
        return (await flow(kit)).counts == NOTHING

    await wait_until_async(over)
    assert await flow(kit) == FlowControl(TASK, NOTHING, [], [], [], [], [])


@pytest.mark.parametrize("end", ["complete", "fail", "cancel"])
async def test_a_deduplication_key_is_told_until_its_job_ends(kit: Kit, end: str) -> None:
    await dispatch(kit, DeduplicateRule("k:dedup:}", WHILE), job_id="mine")
    (key,) = (await flow(kit)).deduplicated
    assert (key.key, key.job_id, key.state) == ("k:dedup:}", "mine", State.WAITING)
    if end == "cancel":
        await kit.cancel("mine")
    else:
        lane = kit.lane()
        (job,) = await kit.claim(lane)
        assert (await flow(kit)).deduplicated[0].state == State.ACTIVE
        await kit.settle(lane, done(job) if end == "complete" else failed(job))
    assert (await flow(kit)).counts == NOTHING
    if end == "fail":
        await kit.adapter.dead_letters.requeue(TASK, "mine").run_async()
        assert [key.job_id for key in (await flow(kit)).deduplicated] == ["mine"]


async def test_pages_bring_each_key_once(kit: Kit) -> None:
    for at in range(7):
        await dispatch(kit, ThrottleRule(f"k{at}", 1, 60_000))
        await dispatch(kit, DebounceRule(f"k{at}", 60_000))
        await dispatch(kit, DeduplicateRule(f"k{at}", WHILE))
        await dispatch(kit, CollectRule(f"k{at}", new_id(), 60_000, 0, 0))
    await kit.add(*(NewJob(new_id(), b"1", 0, 900, 0, False, f"k{at}", 1) for at in range(7)))
    assert len(await kit.claim(kit.lane(), 7)) == 7
    seen: dict[str, list[str]] = {}
    for offset in range(0, 9, 3):
        page = await flow(kit, 3, offset)
        assert page.counts == FlowCounts(7, 7, 7, 7, 7)
        for kind in ("limited", "buffers", "debounced", "throttled", "deduplicated"):
            seen.setdefault(kind, []).extend(each.key for each in cast("list[Any]", getattr(page, kind)))
    assert {kind: sorted(keys) for kind, keys in seen.items()} == {kind: [f"k{at}" for at in range(7)] for kind in seen}
    assert (await flow(kit, limit=0)).throttled == []


async def test_a_sweep_leaves_what_is_in_use(kit: Kit) -> None:
    for rule in (ThrottleRule("k", 1, 60_000), DebounceRule("k", 60_000), DeduplicateRule("k", WHILE), collected("k")):
        await dispatch(kit, rule)
    before = await flow(kit)
    await kit.sweep()
    assert await flow(kit) == before
    assert before.counts == FlowCounts(0, 1, 1, 1, 1)
