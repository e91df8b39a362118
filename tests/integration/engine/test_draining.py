"""Closing a worker loses nothing and charges nobody for it."""

import asyncio
import contextlib
import threading
import time

import pytest

from integration.engine.kit import Engine, echo_of, error_of, gated, open_app, working
from support import Server, wait_until_async
from taskora import CancelledError, Context, Taskora
from taskora.worker import execution
from taskora.worker.execution import Execution
from taskora.worker.run import Run


async def test_closing_waits_for_what_runs_and_takes_nothing_new(engine: Engine, app: Taskora) -> None:
    task, gate, runs = gated(app, concurrency=2)
    await app.start()
    handles = await task.dispatch_many(range(5))
    await wait_until_async(lambda: len(runs) == 2)
    closing = asyncio.ensure_future(app.close_async(10))
    await asyncio.sleep(0.05)
    assert not closing.done()
    gate.set()
    await closing
    assert len(runs) == 2
    assert [engine.hash("gated", handle.id)["state"] for handle in handles] == ["completed"] * 2 + ["waiting"] * 3


async def test_what_does_not_end_in_time_is_given_back_uncharged_at_the_front(engine: Engine, app: Taskora) -> None:
    task, _, runs = gated(app, concurrency=3)
    await app.start()
    handles = await task.dispatch_many(range(5))
    await wait_until_async(lambda: len(runs) == 3)
    started_s = time.monotonic()
    await app.close_async("50ms")
    assert time.monotonic() - started_s < 1
    assert {ctx.signal.reason for ctx in runs} == {"shutdown"}
    waiting = list(reversed(engine.raw.lrange(engine.key("gated", "wait"), 0, -1)))
    assert waiting == [handle.id for handle in handles]
    assert {engine.hash("gated", handle.id)["attempt"] for handle in handles} == {"1"}
    assert not engine.raw.keys("*:lock")


async def test_a_handler_may_end_by_itself_when_the_drain_deadline_comes(app: Taskora) -> None:
    started = asyncio.Event()

    @app.task("kind")
    async def kind(_: int, ctx: Context) -> str:
        started.set()
        await ctx.signal.wait()
        return "saved"

    await app.start()
    handle = await kind.dispatch(1)
    await started.wait()
    await app.close_async(0)
    async with open_app(app):
        assert await handle.result_async(5) == "saved"


async def test_an_interrupt_ends_the_wait_early(app: Taskora) -> None:
    task, _, runs = gated(app)
    await app.start()
    handle = await task.dispatch(1)
    await wait_until_async(lambda: runs)
    interrupt = asyncio.Event()
    closing = asyncio.ensure_future(app.close_async(None, interrupt=interrupt))
    await asyncio.sleep(0.05)
    assert not closing.done()
    interrupt.set()
    await asyncio.wait_for(closing, 2)
    async with open_app(app):
        assert await handle.state_async() == "waiting"


async def test_handlers_that_ignore_the_shutdown_do_not_keep_their_jobs(engine: Engine, app: Taskora) -> None:
    stop, release = asyncio.Event(), threading.Event()
    started: list[str] = []

    @app.task("loop")
    async def on_loop() -> None:
        started.append("loop")
        while not stop.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await stop.wait()

    @app.task("thread")
    def in_thread() -> None:
        started.append("thread")
        while not release.is_set():
            with contextlib.suppress(BaseException):
                time.sleep(0.01)

    async def hang(data: object, ctx: Context) -> None:
        started.append("hook")
        await stop.wait()

    @app.task("hook", on_cancel=hang)
    async def with_hook() -> None:
        started.append("handler")
        await stop.wait()

    await app.start()
    handles = [on_loop.dispatch(), in_thread.dispatch(), with_hook.dispatch()]
    await wait_until_async(lambda: len(started) == 3)
    await handles[2].cancel_async("enough")
    await wait_until_async(lambda: "hook" in started)
    await asyncio.wait_for(app.close_async(0), 6)
    names = ("loop", "thread", "hook")
    states = [engine.hash(task, handle.id)["state"] for task, handle in zip(names, handles, strict=True)]
    assert states == ["waiting", "waiting", "cancelled"]
    assert not engine.raw.keys("*:lock")
    async with open_app(app):
        assert isinstance(await error_of(handles[2]), CancelledError)
    stop.set()
    release.set()


async def test_a_job_claimed_while_the_worker_stops_is_given_back(engine: Engine) -> None:
    """Dispatches race with the end of many workers; each job runs once, or waits."""
    seen: list[int] = []
    producer = engine.app()
    workers: list[Taskora] = []
    for _ in range(10):
        app = engine.app()

        @app.task("race", concurrency=5)
        async def race(n: int) -> None:
            seen.append(n)

        workers.append(app)
    send = echo_of(producer, "race")
    for app in workers:
        await app.start()
    n = 0
    for app in workers:
        closing = asyncio.ensure_future(app.close_async(5))
        while not closing.done():
            await send.dispatch(n)
            n += 1
    async with open_app(producer):
        waiting = engine.raw.llen(engine.key("race", "wait"))
        assert engine.raw.llen(engine.key("race", "active")) == 0
    assert len(seen) == len(set(seen))
    assert len(seen) + waiting == n


async def test_closing_twice_or_without_ever_starting_is_harmless(app: Taskora) -> None:
    app.task("one", lambda: None)
    await app.close_async()
    async with working(app):
        pass
    await app.close_async()


async def test_closing_without_a_server_ends_within_seconds() -> None:
    with Server("redis") as server:
        app = Taskora(server.url)
        task, gate, runs = gated(app)
        await app.start()
        await task.dispatch(1)
        await wait_until_async(lambda: runs)
        await asyncio.to_thread(server.kill)
        gate.set()
        started_s = time.monotonic()
        await app.close_async("100ms")
        assert time.monotonic() - started_s < 13


@pytest.mark.parametrize("part", ["outcome", "conclude"])
async def test_closing_does_not_wait_for_a_job_on_which_the_worker_broke_and_leaves_it_to_recovery(
    engine: Engine, app: Taskora, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, part: str
) -> None:
    original = getattr(Execution, part)

    async def break_on_bad(self: Execution, run: Run, *rest: object) -> object:
        if run.job.task == "bad":
            raise ZeroDivisionError
        return await original(self, run, *rest)

    monkeypatch.setattr(Execution, part, break_on_bad)
    task, gate, runs = gated(app)
    bad = echo_of(app, "bad")
    await app.start()
    good_job = await task.dispatch(1)
    await wait_until_async(lambda: runs)
    bad_job = await bad.dispatch(1)
    await wait_until_async(lambda: f"job {bad_job.id} ended by an error of ours" in caplog.text)
    gate.set()
    await asyncio.wait_for(app.close_async(None), 60)
    assert engine.hash("gated", good_job.id)["state"] == "completed"
    assert engine.hash("bad", bad_job.id)["state"] == "active"
    assert engine.raw.keys("*:lock") == [engine.key("bad", f"{bad_job.id}:lock")]


async def test_closing_does_not_wait_for_a_stuck_job_on_whose_end_the_worker_broke(
    app: Taskora, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(execution, "_ASK_AGAIN_S", 0.02)
    monkeypatch.setattr(Execution, "conclude", fail)
    stop = asyncio.Event()

    @app.task("stuck", timeout="20ms")
    async def stuck() -> None:
        while not stop.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await stop.wait()

    await app.start()
    handle = await stuck.dispatch()
    await wait_until_async(lambda: f"job {handle.id} ended by an error of ours" in caplog.text, 30)
    await asyncio.wait_for(app.close_async(None), 60)
    stop.set()


async def test_closing_goes_on_although_who_asked_for_it_is_cancelled(server: Server, app: Taskora) -> None:
    """A handler that closes its own application is cancelled by that."""
    started = asyncio.Event()

    @app.task("closer")
    async def closer() -> None:
        started.set()
        await app.close_async("50ms")

    await app.start()
    await closer.dispatch()
    await started.wait()
    await app.close_async()
    await wait_until_async(lambda: len(asyncio.all_tasks()) == 1)
    assert server.client_count() == 0


async def test_a_start_that_is_cancelled_leaves_nothing_running(engine: Engine) -> None:
    for steps in range(0, 60, 3):
        app = engine.app()
        app.task("one", lambda: None)
        starting = asyncio.ensure_future(app.start())
        for _ in range(steps):
            await asyncio.sleep(0)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        await app.close_async()
        await wait_until_async(lambda: len(asyncio.all_tasks()) == 1)
