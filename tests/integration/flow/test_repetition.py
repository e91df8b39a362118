"""A dispatch whose reply was lost is repeated, and has the effect of once."""

import asyncio
from collections.abc import Iterator

import pytest

from integration.adapter.proxy import CuttingProxy
from integration.engine.kit import Engine, echo_of, open_app
from integration.flow.test_collect import batching
from support import Server
from taskora import Collect, Debounce, Deduplicate, Taskora, Throttle
from taskora.ids import new_id
from taskora.lua import load
from taskora.model import EnqueueSpec, NewJob
from taskora.rules import CollectRule, DebounceRule, DeduplicateRule, Rule, ThrottleRule, Verdict


@pytest.fixture
def proxy(server: Server) -> Iterator[CuttingProxy]:
    with CuttingProxy(server.socket_path) as running:
        yield running


@pytest.fixture
def through(engine: Engine, proxy: CuttingProxy) -> Taskora:
    """An application whose replies may be lost."""
    return engine.app(proxy.url)


def cut_next(proxy: CuttingProxy, skip: int = 0) -> None:
    proxy.cut(load("enqueue_ruled").sha, skip=skip)


@pytest.mark.parametrize("skip", [0, 1, 2])
async def test_items_are_collected_once(engine: Engine, through: Taskora, proxy: CuttingProxy, skip: int) -> None:
    task, _ = batching(through, Collect("all", "1h"))
    async with open_app(through):
        await task.dispatch(0)
        cut_next(proxy, skip)
        handles = await task.dispatch_many(range(1, 1400))
        proxy.wait_for_cuts()
        assert await task.peek_collect_async("all") == list(range(1400))
        assert len({handle.batch_id for handle in handles}) == 1
    assert engine.raw.hget(engine.key("batch", "collect:all:meta"), "count") == "1400"


async def test_a_throttle_counts_once(engine: Engine, through: Taskora, proxy: CuttingProxy) -> None:
    task = echo_of(through)
    async with open_app(through):
        await task.dispatch(0, throttle=Throttle("api", 3, "1m"))
        cut_next(proxy)
        assert (await task.dispatch(1, throttle=Throttle("api", 3, "1m"))).enqueued
        proxy.wait_for_cuts()
    assert engine.raw.get(engine.key("idle", "throttle:api")) == "2"


async def test_a_deduplicated_dispatch_is_no_duplicate_of_itself(
    engine: Engine, through: Taskora, proxy: CuttingProxy
) -> None:
    task = echo_of(through)
    async with open_app(through):
        await task.dispatch(0)
        await task.dispatch(0, deduplicate=Deduplicate("other"))
        cut_next(proxy)
        handle = await task.dispatch(1, deduplicate=Deduplicate("report"))
        proxy.wait_for_cuts()
        assert (handle.enqueued, handle.existing_id) == (True, None)
    assert engine.raw.llen(engine.key("idle", "wait")) == 3


async def test_a_debounced_job_is_no_successor_of_itself(engine: Engine, through: Taskora, proxy: CuttingProxy) -> None:
    task = echo_of(through)
    async with open_app(through):
        await task.dispatch(0, debounce=Debounce("doc", "1h"))
        cut_next(proxy)
        handle = await task.dispatch(1, debounce=Debounce("doc", "1h"))
        proxy.wait_for_cuts()
    assert engine.raw.zrange(engine.key("idle", "delayed"), 0, -1) == [handle.id]
    assert engine.events("idle", handle.id) == ["delayed"]


async def test_in_plain_code_too(through: Taskora, proxy: CuttingProxy) -> None:
    task, _ = batching(through, Collect("all", "1h"))

    def push(*items: int) -> list[str | None]:
        return [handle.batch_id for handle in task.dispatch_many(items)]

    (first,) = await asyncio.to_thread(push, 0)
    cut_next(proxy)
    assert await asyncio.to_thread(push, 1, 2) == [first, first]
    proxy.wait_for_cuts()
    assert await asyncio.to_thread(task.peek_collect, "all") == [0, 1, 2]


@pytest.mark.parametrize(
    "rule",
    [
        DebounceRule("k", 60_000),
        ThrottleRule("k", 5, 60_000),
        DeduplicateRule("k", ("waiting", "delayed", "active")),
        CollectRule("k", new_id(), 60_000, 0, 0),
    ],
    ids=lambda rule: type(rule).__name__,
)
async def test_what_a_cancelled_loop_sends_again_under_another_number_is_known(any_app: Taskora, rule: Rule) -> None:
    """The outbox of a loop that ends does not know what of its last call arrived."""
    job, rules = NewJob(new_id(), b"1"), any_app.adapter.rules

    async def send(sent: NewJob) -> list[Verdict]:
        return await rules.enqueue("idle", EnqueueSpec(), [(sent, rule)]).run_async()

    async with open_app(any_app):
        first = await send(job)
        assert first[0].stored
        assert await send(job._replace(given=True)) == first
        stats = await any_app.adapter.jobs.stats("idle").run_async()
        assert stats.waiting + stats.delayed == 1
        assert len(await rules.buffered("idle", "k").run_async()) == (1 if isinstance(rule, CollectRule) else 0)


async def test_what_was_replaced_before_it_is_sent_again_is_not_stored_again(any_app: Taskora) -> None:
    rules, rule = any_app.adapter.rules, DebounceRule("k", 60_000)
    old, new = NewJob(new_id(), b"1"), NewJob(new_id(), b"2")
    async with open_app(any_app):
        await rules.enqueue("idle", EnqueueSpec(), [(old, rule), (new, rule)]).run_async()
        await rules.enqueue("idle", EnqueueSpec(), [(old._replace(given=True), rule)]).run_async()
        stats = await any_app.adapter.jobs.stats("idle").run_async()
        assert stats.delayed == 1
        assert await rules.follow("idle", old.job_id).run_async() == new.job_id
