"""Outcomes that a server refuses do not hold up others."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from support import wait_until_async
from taskora.adapters.lane import Lane
from taskora.config import TaskOptions
from taskora.errors import AdapterError
from taskora.model import Claimed, ClaimReply, Settled, Want
from taskora.worker import settling as worker_settling
from taskora.worker.settling import Settling
from taskora.worker.slots import Slots

PATIENCE_S = 30.0


class Picky:
    """A server that refuses each call that carries a certain job."""

    def __init__(self, refused: str) -> None:
        self.refused = refused
        self.written: list[str] = []
        self.refusals: list[int] = []

    async def step(
        self, settled: Sequence[Settled], wants: Sequence[Want], arrived: Callable[[ClaimReply], None]
    ) -> None:
        await asyncio.sleep(0)
        ids = [outcome.job.job_id for outcome in settled]
        if self.refused in ids:
            self.refusals.append(len(ids))
            raise AdapterError("refused")
        self.written += ids
        arrived(ClaimReply([], None, "", (), ()))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_settling, "_LONGEST_PAUSE_S", 0.06)


@dataclass
class Desk:
    """A worker's settling of jobs of one task."""

    server: Picky
    settling: Settling
    told: list[Exception]

    def end(self, *names: str) -> None:
        for name in names:
            self.settling.add(Settled(Claimed("a", name, b"", 1, 1, 0, "token", 0, ""), "cancel"))


@asynccontextmanager
async def settling(refused: str, most: int) -> AsyncGenerator[Desk, None]:
    tasks: Any = {"a": SimpleNamespace(options=TaskOptions(concurrency=most))}
    slots, server, told = Slots(tasks), Picky(refused), list[Exception]()
    slots.answer(slots.reserve(), {"a": most})
    made = Settling(cast("Lane", server), slots, lambda batch, reply: None, lambda spare: None, told.append)
    running = asyncio.create_task(made.run())
    try:
        yield Desk(server, made, told)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("count", [2, 7, 40])
async def test_the_others_of_a_refused_batch_are_written_and_it_alone_waits(count: int) -> None:
    names = [f"job{n}" for n in range(count)]
    async with settling(names[count // 2], count) as desk:
        desk.end(*names)
        await wait_until_async(lambda: len(desk.server.written) == count - 1, PATIENCE_S)
        assert sorted(desk.server.written) == sorted({*names} - {desk.server.refused})
        waiting = asyncio.create_task(desk.settling.wait_until_written())
        await asyncio.sleep(0)
        assert not waiting.done()
        desk.server.refused = ""
        await asyncio.wait_for(waiting, PATIENCE_S)
        assert sorted(desk.server.written) == sorted(names)


async def test_each_refusal_halves_what_is_tried_next_although_others_are_written_meanwhile() -> None:
    names = [f"job{n}" for n in range(40)]
    async with settling("job3", 10_000) as desk:
        desk.end(*names)
        others = 0
        while not {*names} - {"job3"} <= {*desk.server.written}:
            desk.end(f"other{others}")
            others += 1
            assert len(desk.server.refusals) < 12, desk.server.refusals
            await asyncio.sleep(0.002)
        assert desk.server.refusals[0] > desk.server.refusals[1]
        # Told of once, not at each try.
        assert len(desk.told) == 1


async def test_when_the_writing_breaks_all_that_was_under_way_and_comes_later_is_written_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    tasks: Any = {"a": SimpleNamespace(options=TaskOptions(concurrency=100))}
    slots, server, settled = Slots(tasks), Picky("job8"), list[str]()
    slots.answer(slots.reserve(), {"a": 100})
    made = Settling(
        cast("Lane", server),
        slots,
        lambda batch, reply: settled.extend(outcome.job.job_id for outcome in batch),
        lambda spare: None,
        lambda error: None,
    )
    desk = Desk(server, made, [])
    breaking = asyncio.create_task(made.run())
    await asyncio.sleep(0)
    desk.end("job0")
    await asyncio.sleep(0)
    monkeypatch.setattr(slots, "exchange", fail)
    desk.end(*(f"job{n}" for n in range(1, 8)))
    with pytest.raises(ExceptionGroup):
        await asyncio.wait_for(breaking, PATIENCE_S)
    desk.end("job8")
    going_on = asyncio.create_task(made.run_singly())
    try:
        await wait_until_async(lambda: len(settled) >= 8 and len(server.refusals) > 0, PATIENCE_S)
        waiting = asyncio.create_task(made.wait_until_written())
        desk.end("job9")
        server.refused = ""
        await asyncio.wait_for(waiting, PATIENCE_S)
    finally:
        going_on.cancel()
        await asyncio.gather(going_on, return_exceptions=True)
    assert sorted({*settled}) == [f"job{n}" for n in range(10)]
    assert {*server.refusals} == {1}
