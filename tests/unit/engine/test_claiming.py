"""A worker waits at the server only for what it has room for, and never for long."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from support import wait_until_async
from taskora.adapters.lane import Lane
from taskora.config import TaskOptions
from taskora.errors import AdapterError
from taskora.model import ClaimReply, Want
from taskora.worker.claiming import Claiming
from taskora.worker.slots import Slots

LONGEST_MS = 1000


class Waits:
    """The waits at a server that gives out nothing; each ends when it is told to."""

    def __init__(self) -> None:
        self.begun: list[tuple[dict[str, int], int]] = []
        self.fails = False
        self._end = asyncio.Event()

    async def wait_and_claim(self, wants: Sequence[Want], block_ms: int, arrived: Any) -> ClaimReply:
        self.begun.append(({want.task: want.slots for want in wants}, block_ms))
        if self.fails:
            raise AdapterError("refused")
        self._end.clear()
        await self._end.wait()
        reply = ClaimReply([], None, "", (), ())
        arrived(reply)
        return reply

    async def end_one(self) -> None:
        """End the wait under way, and wait for the next turn of the loop."""
        count = len(self.begun)
        self._end.set()
        await wait_until_async(lambda: len(self.begun) > count)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def slots() -> Slots:
    tasks: Any = {name: SimpleNamespace(options=TaskOptions(concurrency=1)) for name in ("a", "b")}
    return Slots(tasks)


@asynccontextmanager
async def claiming(waits: Waits, slots: Slots) -> AsyncGenerator[Claiming, None]:
    made = Claiming(cast("Lane", waits), slots, lambda reply: None, lambda error: None)
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_who_is_full_does_not_wait_at_the_server(waits: Waits, slots: Slots) -> None:
    slots.answer(slots.reserve(), {"a": 1, "b": 1})
    async with claiming(waits, slots) as made:
        for _ in range(20):
            await asyncio.sleep(0)
        assert waits.begun == []
        assert made.parked is None
        slots.free("b")
        await wait_until_async(lambda: waits.begun)
        assert waits.begun[0][0] == {"b": 1}


async def test_a_wait_covers_only_tasks_with_room_and_holds_their_slots_alone(waits: Waits, slots: Slots) -> None:
    slots.answer(slots.reserve(), {"a": 1})
    async with claiming(waits, slots):
        await wait_until_async(lambda: waits.begun)
        assert waits.begun[0][0] == {"b": 1}
        # Whoever settles a job meanwhile claims for its slot, and for no other.
        assert [(want.task, want.slots) for want in slots.exchange({"a": 1})] == [("a", 1)]
        assert slots.exchange({"b": 0}) == []


async def test_no_wait_is_longer_than_a_second_nor_for_ever(waits: Waits, slots: Slots) -> None:
    async with claiming(waits, slots):
        await wait_until_async(lambda: waits.begun)
        await waits.end_one()
        waits.fails = True
        await waits.end_one()
        waits.fails = False
        await wait_until_async(lambda: len(waits.begun) > 3)
    # A server takes a time of 0 for eternity.
    assert all(0 < block_ms <= LONGEST_MS for _, block_ms in waits.begun)
