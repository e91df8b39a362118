"""A server that goes away for a while costs time, never a job; workers go on by themselves."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from integration.engine.kit import Engine, gated, open_app, working
from support import Server, wait_until_async
from taskora import AdapterError, Job, Taskora
from taskora.connection import pool
from taskora.task import Task

COUNT = 400


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of this process give up on a server that is away after one second, not five."""
    monkeypatch.setattr(pool, "PATIENCE_S", 1.0)


def steady(app: Taskora, seen: Counter[int], ended: Counter[int] | None = None) -> Task[int, int]:
    @app.task("steady", concurrency=20)
    async def run(n: int) -> int:
        seen[n] += 1
        await asyncio.sleep(0.002)
        if ended is not None:
            ended[n] += 1
        return n

    return run


async def disturb_while(work: Awaitable[None], disturb: Callable[[], object]) -> int:
    """Disturbs again and again until the work is done; returns how often.

    Out of step with what begins anew after each time, and ever more rarely: a busy machine may need longer to connect
    and be answered than a quiet one leaves between two of them.
    """
    times, task = 0, asyncio.ensure_future(work)
    while not task.done():
        await asyncio.to_thread(disturb)
        times += 1
        await asyncio.wait([task], timeout=random.uniform(0, 0.01 + 0.002 * times))
    await task
    return times


async def run_all(task: Task[int, int], count: int = COUNT) -> None:
    handles = await task.dispatch_many(range(count))
    results = await asyncio.gather(*(handle.result_async(50) for handle in handles))
    assert results == list(range(count))


async def test_an_outcome_is_written_although_the_server_was_away_when_it_came(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with Server(server.flavor, appendonly=True) as own:
        app = Taskora(own.url)
        task, gate, runs = gated(app, concurrency=5)
        async with working(app):
            handles = await task.dispatch_many(range(5))
            await wait_until_async(lambda: len(runs) == 5)
            await asyncio.to_thread(own.kill)
            gate.set()
            await wait_until_async(lambda: "outcomes could not be written" in caplog.text)
            await asyncio.to_thread(own.start)
            assert [await handle.result_async(10) for handle in handles] == list(range(5))
            assert len(runs) == 5
            assert await task.dispatch(9).result_async(5) == 9


@pytest.mark.usefixtures("impatient")
async def test_a_server_away_for_longer_than_calls_are_patient_loses_nothing_under_load(server: Server) -> None:
    with Server(server.flavor, appendonly=True) as own:
        app, seen = Taskora(own.url), Counter[int]()
        task = steady(app, seen)
        async with working(app):
            handles = await task.dispatch_many([Job(n, delay=0.002 * n) for n in range(COUNT)])
            await wait_until_async(lambda: len(seen) > 20)
            await asyncio.to_thread(own.kill)
            with pytest.raises(AdapterError, match="is the server running"):
                await app.inspect().stats_async("steady")
            await asyncio.to_thread(own.start)
            results = await asyncio.gather(*(handle.result_async(30) for handle in handles))
            assert results == list(range(COUNT))
        assert set(seen) == set(range(COUNT))
        # What ran when the server went away is settled afterwards, not run again.
        assert sum(seen.values()) == COUNT


async def test_connections_killed_again_and_again_lose_nothing(server: Server, app: Taskora) -> None:
    seen = Counter[int]()
    task = steady(app, seen)

    def kill() -> None:
        for kind in ("normal", "pubsub"):
            server.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    async with working(app):
        assert await disturb_while(run_all(task), kill) > 3
    assert sum(seen.values()) <= COUNT + 40  # a claim whose reply was lost may not have begun; a run never repeats
    assert set(seen) == set(range(COUNT))


async def test_scripts_flushed_again_and_again_are_sent_anew(server: Server, app: Taskora) -> None:
    seen = Counter[int]()
    task = steady(app, seen)
    async with working(app):
        assert await disturb_while(run_all(task), lambda: server.command("SCRIPT", "FLUSH")) > 3
    assert seen == Counter(range(COUNT))


async def test_a_cancel_sent_while_the_subscription_is_down_is_noticed(server: Server, app: Taskora) -> None:
    task, _, runs = gated(app)
    async with working(app):
        handle = await task.dispatch(1)
        await wait_until_async(lambda: runs)
        server.command("CLIENT", "KILL", "TYPE", "pubsub")
        assert await handle.cancel_async() == "flagged"
        await wait_until_async(lambda: runs[0].signal.aborted, 3)
        assert runs[0].signal.reason == "cancelled"


async def test_a_frozen_server_is_waited_for(server: Server, app: Taskora) -> None:
    seen, ended = Counter[int](), Counter[int]()
    task = steady(app, seen, ended)
    async with working(app):
        work = asyncio.ensure_future(run_all(task, 200))
        await wait_until_async(lambda: len(seen) > 20)
        server.pause()
        # What it had claimed ends; the outcomes have nowhere to go.
        await wait_until_async(lambda: ended == seen)
        server.resume()
        await work
    assert seen == Counter(range(200))


async def test_an_outcome_that_cannot_be_listed_is_written_and_holds_up_no_other(
    engine: Engine, app: Taskora, caplog: pytest.LogCaptureFixture
) -> None:
    bad, bad_gate, bad_runs = gated(app, "bad")
    good, gate, runs = gated(app, "good", concurrency=50)
    async with working(app, drain=0):
        unlisted = await bad.dispatch(0)
        await wait_until_async(lambda: bad_runs)
        engine.raw.delete(engine.key("bad", "completed"))
        engine.raw.set(engine.key("bad", "completed"), "of the wrong type")
        handles = await good.dispatch_many(range(50))
        await wait_until_async(lambda: len(runs) == 50)
        bad_gate.set()
        gate.set()
        assert [await handle.result_async(10) for handle in handles] == list(range(50))
        started_s = time.monotonic()
        assert await good.dispatch(7).result_async(10) == 7
        assert time.monotonic() - started_s < 2
        assert await unlisted.result_async(10) == 0
        assert "stored data is damaged" in caplog.text
        assert engine.raw.ttl(engine.key("bad", unlisted.id)) > 0  # retention cannot see it
        assert not engine.raw.exists(engine.key("bad", f"{unlisted.id}:lock"))
        engine.raw.delete(engine.key("bad", "completed"))


async def test_a_task_whose_keys_are_broken_holds_up_no_other(engine: Engine, app: Taskora) -> None:
    app.task("bad", lambda: None)
    good, gate, _ = gated(app, "good")
    gate.set()
    async with open_app(app):
        await app.connect_async()
        engine.raw.hset(engine.key("bad", "wait"), "of", "the wrong type")
    async with working(app):
        for n in range(3):
            assert await good.dispatch(n).result_async(10) == n
