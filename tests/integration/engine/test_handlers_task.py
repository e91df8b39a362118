"""A coroutine handler runs in a task of its own: what asyncio offers works in it, and nothing leaks to the next."""

import asyncio
import contextvars

from integration.engine.kit import working
from taskora import Taskora

seen = contextvars.ContextVar[str]("seen", default="nothing")


async def test_a_deadline_of_asyncio_ends_a_part_of_a_handler_and_not_the_handler(app: Taskora) -> None:
    @app.task("bounded")
    async def bounded() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return "went on"
        return "never"

    async with working(app):
        assert await (await bounded.dispatch()).result_async(5) == "went on"


async def test_what_a_handler_sets_in_its_context_is_not_seen_by_the_next(app: Taskora) -> None:
    tasks: set[asyncio.Task[object] | None] = set()

    @app.task("marking", concurrency=1)
    async def marking(mark: str) -> str:
        before = seen.get()
        seen.set(mark)
        tasks.add(asyncio.current_task())
        await asyncio.sleep(0)
        return before

    async with working(app):
        handles = await marking.dispatch_many(["a", "b", "c"])
        assert [await handle.result_async(5) for handle in handles] == ["nothing"] * 3
    assert len(tasks) == 3
    assert None not in tasks
