"""A board keeps nothing to itself: copies of it, and one that is started anew, tell the same and see what any did."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest_asyncio

from integration.board.town import Town
from integration.board.visitor import Visitor, visiting_alone
from integration.engine.kit import Engine

COPIES = 3
# What is of the moment, and of the server rather than of what is stored.
PASSING = frozenset({"uptime", "usedMemory", "usedMemoryBytes", "peakMemory", "connectedClients", "opsPerSec", "redis"})


@pytest_asyncio.fixture
async def copies(town: Town, engine: Engine) -> AsyncIterator[list[Visitor]]:
    """Boards of processes of their own, which define no task."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(visiting_alone(engine.app())) for _ in range(COPIES)]


def lasting(told: Any) -> Any:
    """What is told, but for what passes."""
    if isinstance(told, dict):
        members = cast("dict[str, Any]", told)
        return {name: lasting(value) for name, value in members.items() if name not in PASSING}
    if isinstance(told, list):
        return [lasting(each) for each in cast("list[object]", told) if not is_empty_time(each)]
    return told


def is_empty_time(row: Any) -> bool:
    """A stretch of time in which nothing ended; they move on with the clock."""
    if not isinstance(row, dict):
        return False
    members = cast("dict[str, Any]", row)
    return "timestamp" in members and not any(value for name, value in members.items() if name != "timestamp")


async def told(visitor: Visitor, town: Town) -> dict[str, Any]:
    """All answers to programs, and of all pages whereto they lead."""
    answers = {path: lasting(await visitor.json(path)) for path in town.reads()}
    pages = [path for path in town.pages() if not path.startswith(("job/raw", "workflow/graph"))]
    return answers | {f"page {path}": list((await visitor.page(path)).links()) for path in pages}


async def test_p35_copies_of_a_board_and_one_that_was_restarted_tell_the_same(
    copies: list[Visitor], town: Town, engine: Engine
) -> None:
    first, *others = [await told(visitor, town) for visitor in copies]
    assert all(
        any(text in str(answer) for answer in first.values()) for text in ("it rained", "mail.send", town.workflow)
    )
    for other in others:
        assert other == first
    async with visiting_alone(engine.app()) as restarted:
        assert await told(restarted, town) == first


async def test_p35_what_is_done_on_one_copy_is_seen_on_all_and_after_a_restart(
    copies: list[Visitor], town: Town, engine: Engine
) -> None:
    task, job_id = town.jobs["delayed"]
    await copies[0].send(f"job/cancel?task={task}&id={job_id}", reason="not now")
    await copies[1].send("task/pause?name=mail.send")
    async with visiting_alone(engine.app()) as restarted:
        for visitor in (*copies, restarted):
            assert (await visitor.json(f"jobs/{job_id}"))["state"] == "cancelled"
            noted = (await visitor.page("audit")).text
            assert "job.cancel" in noted
            assert "task.pause" in noted
            assert "Resume" in (await visitor.page("task?name=mail.send")).text
