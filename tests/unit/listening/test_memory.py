"""Listeners and followers on jobs that are kept in memory."""

import asyncio
from typing import Any

from support import wait_until_async
from taskora import ActiveEvent, CompletedEvent, Context, FailedEvent, Retry, RetryingEvent, Taskora
from taskora.adapters.event_store import StoredEvent


def everything(task: str, name: str, job_id: str) -> bool:
    return True


async def test_listeners_and_followers_are_told_the_same(caplog: Any) -> None:
    app = Taskora("memory://")
    heard: list[object] = []
    on: Any = app.on
    for name in ("active", "failed", "retrying", "progress", "completed"):
        on(f"task:{name}", heard.append)

    @app.task(retry=Retry(attempts=2, delay=0))
    async def work(n: int, ctx: Context) -> int:
        ctx.progress(n)
        if ctx.attempt == 1:
            raise ValueError("first")
        return n

    handle = work.dispatch(5, delay="50ms")
    following = asyncio.create_task(_all_of(handle.events()))
    await app.start()
    events = await following
    await app.close_async()
    assert [type(event).__name__ for event in events] == [
        "ActiveEvent", "ProgressEvent", "FailedEvent", "RetryingEvent",
        "ActiveEvent", "ProgressEvent", "CompletedEvent",
    ]  # fmt: skip
    assert sorted(map(repr, heard)) == sorted(map(repr, events))
    assert events[0] == ActiveEvent(task="work", id=handle.id, attempt=1)
    assert events[2] == FailedEvent(task="work", id=handle.id, error="first", attempt=1, will_retry=True)
    assert isinstance(events[3], RetryingEvent)
    assert isinstance(events[-1], CompletedEvent)
    assert (events[-1].result, events[-1].attempt) == (5, 2)
    assert "failed (attempt" not in caplog.text


async def test_a_slow_reader_is_told_of_a_gap_and_gets_what_is_kept() -> None:
    app = Taskora("memory://")

    @app.task
    async def work(n: int) -> int:
        return n

    feed = app.adapter.events.feed(everything)
    await feed.follow(["work"])
    await work.dispatch_many(range(10_500))
    batch = await feed.read(0)
    assert len(batch.events) == 10_000
    assert batch.gap
    await work.dispatch(1)
    batch = await feed.read(0)
    assert [event.name for event in batch.events] == ["waiting"]
    assert not batch.gap
    await app.close_async()


async def test_a_read_ends_when_something_happens_and_when_the_tasks_change() -> None:
    app = Taskora("memory://")

    @app.task
    async def work(n: int) -> int:
        return n

    feed = app.adapter.events.feed(everything)
    reading = asyncio.create_task(feed.read(60_000))
    await asyncio.sleep(0)
    await feed.follow(["work"])
    assert (await reading).events == []
    reading = asyncio.create_task(feed.read(60_000))
    await asyncio.sleep(0)
    handle = await work.dispatch(1)
    assert (await reading).events == [StoredEvent("work", "waiting", handle.id, {})]
    reading = asyncio.create_task(feed.read(60_000))
    await asyncio.sleep(0)
    feed.leave(["work"])
    assert (await reading).events == []
    await wait_until_async(reading.done)
    await app.close_async()


async def _all_of(events: Any) -> list[Any]:
    async with asyncio.timeout(10):
        return [event async for event in events]
