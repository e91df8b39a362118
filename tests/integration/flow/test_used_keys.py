"""The lists of keys in use stay small: what runs out leaves them, whoever ended it."""

import asyncio
from collections.abc import Iterator

import pytest

from integration.adapter.proxy import CuttingProxy
from integration.engine.kit import Engine, echo_of, open_app
from integration.flow.test_collect import batching
from support import Server, wait_until_async
from taskora import Collect, Debounce, Deduplicate, Throttle
from taskora.lua import load


@pytest.fixture
def proxy(server: Server) -> Iterator[CuttingProxy]:
    with CuttingProxy(server.socket_path) as running:
        yield running


async def test_keys_that_ran_out_leave_their_lists_with_the_next_dispatches(engine: Engine) -> None:
    app = engine.app()
    task = echo_of(app)
    async with open_app(app):
        for at in range(5):
            await task.dispatch(0, throttle=Throttle(f"k{at}", 1, "10ms"), delay="1h")
            await task.dispatch(0, debounce=Debounce(f"k{at}", "5ms"))
        # One that lasts, or the whole list would go by itself.
        await task.dispatch(0, throttle=Throttle("last", 1, "1h"), delay="1h")
        await task.dispatch(0, debounce=Debounce("last", "1h"))
        await asyncio.sleep(0.02)
        for at in range(4):
            await task.dispatch(0, throttle=Throttle(f"new{at}", 1, "1h"), delay="1h")
            await task.dispatch(0, debounce=Debounce(f"new{at}", "1h"))
    for rule in ("throttle", "debounce"):
        left = set(engine.raw.zrange(engine.key("idle", f"rules:{rule}"), 0, -1))
        assert left == {"last", *(f"new{at}" for at in range(4))}
        assert 3_500_000 < engine.raw.pttl(engine.key("idle", f"rules:{rule}")) <= 7_200_000


async def test_a_list_whose_keys_all_ran_out_goes_by_itself(engine: Engine) -> None:
    app = engine.app()
    async with open_app(app):
        await echo_of(app).dispatch(0, throttle=Throttle("k", 1, "20ms"))
    await wait_until_async(lambda: not engine.raw.exists(engine.key("idle", "rules:throttle")))


async def test_a_sweep_forgets_what_others_ended(engine: Engine) -> None:
    app = engine.app()
    task, _ = batching(app, Collect("taken", "1h"))
    echo = echo_of(app)
    async with open_app(app):
        await task.dispatch(0)
        for key in ("held", "lost"):
            await echo.dispatch(0, deduplicate=Deduplicate(key))
        # As a worker of another implementation leaves it.
        engine.raw.delete(engine.key("idle", "dedup:lost"), engine.key("batch", "collect:taken:items"))
        engine.raw.zadd(engine.key("idle", "rules:throttle"), {"over": 1})
        for name in ("idle", "batch"):
            await app.adapter.house.sweep(name, 1).run_async()
    assert engine.raw.zrange(engine.key("idle", "rules:dedup"), 0, -1) == ["held"]
    assert not engine.raw.exists(engine.key("batch", "rules:collect"), engine.key("idle", "rules:throttle"))


@pytest.mark.parametrize("name", ["pause", "flush"])
async def test_what_is_repeated_after_a_lost_reply_answers_as_at_first(
    engine: Engine, proxy: CuttingProxy, name: str
) -> None:
    app = engine.app(proxy.url)
    task, _ = batching(app, Collect("all", "1h"))
    async with open_app(app):
        await task.dispatch(0)
        proxy.cut(load(name).sha)
        inspector = app.inspect()
        if name == "pause":
            assert await inspector.pause_async(task)
        else:
            assert await inspector.flush_collect_async(task, "all") == 1
        proxy.wait_for_cuts()
