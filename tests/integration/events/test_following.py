"""Following single jobs: ``async for event in handle.events()``."""

import asyncio
import contextlib

import pytest

from integration.engine.kit import PATIENCE_S, Engine, ended, gated, open_app, working
from support import Server, wait_until_async
from taskora import (
    ActiveEvent,
    CancelledEvent,
    CompletedEvent,
    Context,
    ExpiredEvent,
    FailedEvent,
    JobEvent,
    JobNotFoundError,
    ProgressEvent,
    ResultHandle,
    Retry,
    Taskora,
)
from taskora.listening import listening


def readers(engine: Engine) -> int:
    """How many connections wait for events."""
    return sum(each["cmd"] == "xread" for each in engine.raw.client_list())


async def all_of(handle: ResultHandle[int]) -> list[JobEvent]:
    async with asyncio.timeout(PATIENCE_S):
        return [event async for event in handle.events()]


async def test_it_yields_everything_from_the_first_step_to_the_end(app: Taskora) -> None:
    @app.task(retry=Retry(attempts=2, delay=0))
    async def work(n: int, ctx: Context) -> int:
        ctx.progress(50)
        if ctx.attempt == 1:
            raise ValueError("first")
        return n

    async with open_app(app):
        handle = work.dispatch(4, delay="200ms")
        following = asyncio.create_task(all_of(handle))
        async with working(app):
            events = await following
    kinds = [type(event).__name__ for event in events]
    assert kinds == [
        "ActiveEvent", "ProgressEvent", "FailedEvent", "RetryingEvent",
        "ActiveEvent", "ProgressEvent", "CompletedEvent",
    ]  # fmt: skip
    assert {event.id for event in events} == {handle.id}
    assert isinstance(events[-1], CompletedEvent)
    assert events[-1].result == 4
    assert events[-1].attempt == 2


async def test_all_who_follow_share_one_connection(engine: Engine, app: Taskora) -> None:
    producer = engine.app()
    task, gate, runs = gated(app, concurrency=20)
    remote = producer.find_task("gated")
    async with working(app), open_app(producer):
        handles = await remote.dispatch_many(range(20))
        following = [asyncio.create_task(all_of(handle)) for handle in handles]
        await wait_until_async(lambda: len(runs) == 20)
        await wait_until_async(lambda: readers(engine) == 1)
        gate.set()
        ends = [(await each)[-1] for each in following]
    assert [end.result for end in ends if isinstance(end, CompletedEvent)] == list(range(20))
    assert task.name == "gated"


async def test_a_job_that_has_ended_yields_how(engine: Engine, app: Taskora) -> None:
    @app.task
    async def work(n: int) -> int:
        if n < 0:
            raise ValueError("negative")
        return n

    async with working(app):
        good, bad = await work.dispatch(3), await work.dispatch(-1)
        stopped, late = await work.dispatch(1, delay=60), await work.dispatch(1, delay=0.01, ttl="1ms")
        await stopped.cancel_async("enough")
        for handle in (good, bad, stopped, late):
            await ended(handle)
        (completed,) = await all_of(good)
        assert isinstance(completed, CompletedEvent)
        assert (completed.result, completed.attempt) == (3, 1)
        assert await all_of(bad) == [FailedEvent(task="work", id=bad.id, error="negative", attempt=1, will_retry=False)]
        assert await all_of(stopped) == [CancelledEvent(task="work", id=stopped.id, reason="enough")]
        assert await all_of(late) == [ExpiredEvent(task="work", id=late.id)]


async def test_an_unknown_job_is_an_error(app: Taskora) -> None:
    task, _, _ = gated(app)
    async with open_app(app):
        with pytest.raises(JobNotFoundError):
            await all_of(task.handle("nobody"))


async def test_whoever_stops_early_leaves_no_connection(engine: Engine, app: Taskora) -> None:
    task, gate, runs = gated(app)
    async with working(app):
        handle = await task.dispatch(1)
        await wait_until_async(lambda: runs)
        async with contextlib.aclosing(handle.events()) as events:
            runs[0].progress(1)
            async for event in events:
                assert isinstance(event, ActiveEvent | ProgressEvent)
                assert readers(engine) == 1
                break
        await wait_until_async(lambda: readers(engine) == 0)
        gate.set()


async def test_a_job_whose_events_were_trimmed_still_ends(
    engine: Engine, app: Taskora, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_LOOK_AGAIN_S", 0.2)
    task, gate, runs = gated(app)
    async with working(app):
        handle = await task.dispatch(1)
        await wait_until_async(lambda: runs)
        following = asyncio.create_task(all_of(handle))
        await wait_until_async(lambda: readers(engine) == 1)
        job = engine.key("gated", handle.id)
        # What a lost event leaves: the job has ended and nobody said so.
        engine.raw.hset(job, mapping={"state": "failed", "error": "lost", "finishedOn": 1})
        (failed,) = await following
        gate.set()
    assert failed == FailedEvent(task="gated", id=handle.id, error="lost", attempt=1, will_retry=False)


async def test_it_survives_a_lost_connection(app: Taskora, server: Server) -> None:
    task, gate, runs = gated(app)
    async with working(app):
        handle = await task.dispatch(1)
        await wait_until_async(lambda: runs)
        following = asyncio.create_task(all_of(handle))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(server.command, "CLIENT", "KILL", "TYPE", "normal")
        gate.set()
        events = await following
    assert isinstance(events[-1], CompletedEvent)


async def test_closing_the_application_ends_the_iteration_without_an_error(engine: Engine, app: Taskora) -> None:
    task, _, runs = gated(app)
    await app.start()
    handle = await task.dispatch(1)
    await wait_until_async(lambda: runs)
    told = asyncio.Event()

    async def follow() -> list[JobEvent]:
        events: list[JobEvent] = []
        async for event in handle.events():
            events.append(event)
            told.set()
        return events

    following = asyncio.create_task(follow())
    runs[0].progress(1)
    async with asyncio.timeout(PATIENCE_S):
        await told.wait()
        await app.close_async(0)
        assert all(isinstance(event, ActiveEvent | ProgressEvent) for event in await following)
    assert readers(engine) == 0
