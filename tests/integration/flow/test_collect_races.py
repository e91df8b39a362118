"""An item is in the buffer or in exactly one batch, whoever writes and whatever is lost."""

import asyncio
import uuid
from typing import Any

import pytest

from integration.engine.kit import Engine, ended, open_app, working
from integration.flow.test_collect import Batches, batching
from support import wait_until_async
from taskora import Collect, JobFailedError, Taskora
from taskora.lua import load

KEY = "all"
ITEMS, META, JOB = (f"collect:{KEY}:{part}" for part in ("items", "meta", "job"))


def promote(engine: Engine) -> None:
    """What a worker's timer does, without a worker that claims."""
    delayed = engine.key("batch", "delayed")
    for job_id in engine.raw.zrange(delayed, 0, -1):
        engine.raw.zadd(delayed, {job_id: 1})
    engine.raw.eval(load("promote").source, 1, delayed.removesuffix(":delayed"), f"taskora:{engine.prefix}", "0")


def push_as_the_other_side(engine: Engine, item: str, due_ms: float = 1) -> str:
    """What a TypeScript producer's push does: it replaces the sentinel, whatever has become of it."""
    job_id, raw = uuid.uuid4().hex, engine.raw
    raw.rpush(engine.key("batch", ITEMS), item)
    count = raw.hincrby(engine.key("batch", META), "count", 1)
    raw.hset(engine.key("batch", META), mapping={"lastAt": "5", **({"firstAt": "5"} if count == 1 else {})})
    if old := raw.get(engine.key("batch", JOB)):
        raw.zrem(engine.key("batch", "delayed"), old)
        raw.delete(engine.key("batch", old))
    sentinel = {"ts": "5", "_v": "1", "attempt": "1", "maxAttempts": "1", "state": "delayed", "data": "[]"}
    raw.hset(engine.key("batch", job_id), mapping={**sentinel, "collectKey": KEY})
    raw.zadd(engine.key("batch", "delayed"), {job_id: due_ms})
    raw.zadd(engine.key("batch", "marker"), {"0": due_ms}, lt=True)
    raw.set(engine.key("batch", JOB), job_id, px=60_000)
    return job_id


async def test_w27_a_push_between_promotion_and_claim_joins_the_batch_that_waits(engine: Engine, app: Taskora) -> None:
    """W27: the promoted sentinel is neither deleted nor doubled."""
    task, batches = batching(app, Collect(KEY, "1h"))
    async with open_app(app):
        first = await task.dispatch(1)
        promote(engine)
        assert await first.state_async() == "waiting"
        second = await task.dispatch(2)
        assert second.batch_id == first.batch_id
        assert engine.raw.zcard(engine.key("batch", "delayed")) == 0
        assert engine.raw.lrange(engine.key("batch", "wait"), 0, -1) == [first.batch_id]
    async with working(app):
        assert [await handle.result_async(5) for handle in (first, second)] == [3, 3]
    assert batches == [[1, 2]]


async def test_w27_a_full_buffer_whose_batch_was_promoted_is_filled_where_it_stands(
    engine: Engine, app: Taskora
) -> None:
    """W27."""
    task, batches = batching(app, Collect(KEY, "1h", max_size=2))
    async with open_app(app):
        first = await task.dispatch(1)
        promote(engine)
        second, third = await task.dispatch(2), await task.dispatch(3)
        assert second.batch_id == first.batch_id != third.batch_id
        assert engine.raw.lrange(engine.key("batch", "wait"), 0, -1) == [first.batch_id]
        assert await task.peek_collect_async(KEY) == [3]
        fourth = await task.dispatch(4)
    async with working(app):
        assert [await handle.result_async(5) for handle in (first, second, third, fourth)] == [3, 3, 7, 7]
    assert batches == [[1, 2], [3, 4]]


async def test_w28_a_sentinel_key_that_ran_out_is_restored_by_the_next_push(engine: Engine, app: Taskora) -> None:
    """W28: no second sentinel appears."""
    task, batches = batching(app, Collect(KEY, "100ms"))
    async with open_app(app):
        first = await task.dispatch(1)
        assert 0 < engine.raw.pttl(engine.key("batch", JOB)) <= 200
        await wait_until_async(lambda: not engine.raw.exists(engine.key("batch", JOB)))
        second = await task.dispatch(2)
        assert engine.raw.get(engine.key("batch", JOB)) == first.batch_id == second.batch_id
        assert engine.raw.zcard(engine.key("batch", "delayed")) == 1
    async with working(app):
        assert [await first.result_async(5), await second.result_async(5)] == [3, 3]
    assert batches == [[1, 2]]


async def test_w28_of_two_sentinels_the_first_takes_all_and_no_waiter_hangs(engine: Engine, app: Taskora) -> None:
    """W28: the other side put a second sentinel beside ours; ours comes too late and goes without a run."""
    task, batches = batching(app, Collect(KEY, "300ms"))
    async with open_app(app):
        ours = await task.dispatch(1)
        engine.raw.delete(engine.key("batch", JOB))
        theirs = push_as_the_other_side(engine, "2")
    async with working(app):
        assert await ours.result_async(5) == 3
        assert await task.handle(theirs).result_async(5) == 3
        await wait_until_async(lambda: engine.raw.zcard(engine.key("batch", "delayed")) == 0)
        await wait_until_async(lambda: not engine.hash("batch", ours.batch_id or ""))
    assert batches == [[1, 2]]


async def test_w29_what_the_other_side_cancelled_is_flushed_by_the_next_push(engine: Engine, app: Taskora) -> None:
    """W29: it cancels the sentinel and leaves the items."""
    task, batches = batching(app, Collect(KEY, "50ms"))
    async with open_app(app):
        first = await task.dispatch(1)
        engine.raw.zrem(engine.key("batch", "delayed"), first.batch_id)
        engine.raw.hset(engine.key("batch", first.batch_id or ""), "state", "cancelled")
        second = await task.dispatch(2)
        assert second.batch_id != first.batch_id
    async with working(app):
        assert await second.result_async(5) == 3
    assert batches == [[1, 2]]


async def test_w30_a_handle_follows_when_the_other_side_replaces_the_sentinel(engine: Engine, app: Taskora) -> None:
    """W30."""
    task, batches = batching(app, Collect(KEY, "1h"))
    async with open_app(app):
        first = await task.dispatch(1)
        push_as_the_other_side(engine, "2", due_ms=9e12)
        second = await task.dispatch(3)
        assert await first.state_async() == "delayed"
        push_as_the_other_side(engine, "4")
    async with working(app):
        assert [await handle.result_async(5) for handle in (first, second)] == [10, 10]
    assert batches == [[1, 2, 3, 4]]


async def test_a_buffer_of_the_other_side_is_drained_at_the_claim(engine: Engine, app: Taskora) -> None:
    task, batches = batching(app, Collect(KEY, "1h"))
    ids = [push_as_the_other_side(engine, str(n), due_ms=1 if n == 3 else 9e12) for n in (1, 2, 3)]
    async with working(app):
        assert await task.handle(ids[-1]).result_async(5) == 6
    assert batches == [[1, 2, 3]]
    assert engine.raw.exists(*(engine.key("batch", key) for key in (ITEMS, META, JOB, f"collect:{KEY}:batch"))) == 0
    assert "collectKey" not in engine.hash("batch", ids[-1])
    assert engine.hash("batch", ids[-1])["data"] == "[1,2,3]"


async def test_what_ours_store_has_the_shared_shape(engine: Engine, app: Taskora) -> None:
    task, _ = batching(app, Collect(KEY, "1m", max_wait="5m"))
    async with open_app(app):
        handles = await task.dispatch_many([7, 8])
    sentinel = engine.hash("batch", handles[0].batch_id or "")
    assert sentinel.keys() == {"ts", "_v", "attempt", "maxAttempts", "state", "collectKey", "data"}
    assert (sentinel["state"], sentinel["collectKey"], sentinel["data"]) == ("delayed", KEY, "[]")
    assert engine.raw.lrange(engine.key("batch", ITEMS), 0, -1) == ["7", "8"]
    meta: dict[str, str] = engine.raw.hgetall(engine.key("batch", META))
    assert (set(meta), meta["count"]) == ({"count", "firstAt", "lastAt", "bytes"}, "2")
    assert 500_000 < engine.raw.pttl(engine.key("batch", JOB)) <= 600_000
    due = engine.raw.zscore(engine.key("batch", "delayed"), handles[0].batch_id)
    assert due == float(meta["lastAt"]) + 60_000
    assert engine.events("batch", handles[0].batch_id or "") == ["collect", "collect"]


async def test_items_that_cannot_be_read_fail_their_batch_and_cost_no_other_job(engine: Engine, app: Taskora) -> None:
    task, batches = batching(app, Collect(lambda n: f"key-{n}", "10ms"))
    async with open_app(app):
        broken, whole = await task.dispatch(1), await task.dispatch(2)
        engine.raw.delete(engine.key("batch", "collect:key-1:items"))
        engine.raw.set(engine.key("batch", "collect:key-1:items"), "no list")
    async with working(app):
        assert await whole.result_async(5) == 2
        with pytest.raises(JobFailedError, match="items"):
            await broken.result_async(5)
        assert await ended(broken) == "failed"
    assert batches == [[2]]


async def test_a_retried_batch_has_its_own_items_again(app: Taskora) -> None:
    batches: Batches = []

    @app.task("batch", collect=Collect(KEY, "20ms"), retry=_twice())
    async def batch(items: list[int]) -> int:
        batches.append(items)
        if len(batches) == 1:
            await batch.dispatch(9)
            raise ValueError
        return sum(items)

    async with working(app):
        assert await batch.dispatch(1).result_async(5) == 1
        await wait_until_async(lambda: len(batches) == 3)
    assert sorted(batches) == [[1], [1], [9]]


def _twice() -> Any:
    from taskora import Retry

    return Retry(attempts=2, delay="50ms", jitter=False)


def test_items_that_a_loop_left_unsent_are_pushed_once(engine: Engine) -> None:
    app = engine.app()
    task, _ = batching(app, Collect(KEY, "1h"))

    async def leave() -> None:
        await task.dispatch(0)
        for n in range(1, 50):
            task.dispatch(n)
            if n == 25:
                await asyncio.sleep(0)

    asyncio.run(leave())
    assert task.peek_collect(KEY) == list(range(50))
