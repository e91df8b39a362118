"""A dispatch whose reply was lost is repeated, and has the effect of once."""

import asyncio
from collections.abc import Iterator

import pytest

from integration.adapter.proxy import CuttingProxy
from integration.engine.kit import Engine, echo_of, open_app
from integration.flow.test_collect import batching
from support import Server
from taskora import Collect, Debounce, Deduplicate, Taskora, Throttle
from taskora.lua import load


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
