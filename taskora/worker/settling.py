"""Writing outcomes, and claiming into the slots that they free, in one round trip."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from taskora.adapters.lane import Lane
from taskora.errors import AdapterError
from taskora.model import ClaimReply, Settled, Want
from taskora.worker.slots import Slots, counted

log: logging.Logger = logging.getLogger("taskora.worker")
_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5
_LARGEST_BATCH = 500
_AT_A_TIME = 2
_WORTH_A_SECOND = 4  # outcomes for which a second round trip is begun while one is under way
_LOOK_S = 0.01  # for outcomes, where nothing wakes


class Settling:
    """Two round trips may be under way at a time, so that the server writes while handlers run.

    The first is sent as soon as there is an outcome, the second once there are enough to be worth one. Meanwhile
    outcomes gather; no first one waits for a batch to fill.

    Args:
        written: Called with the outcomes of a round trip and its reply, once they are written.
        spare: Called with the tasks that had no more to claim.
        troubled: Called with the error when outcomes begin to be refused.
    """

    def __init__(
        self,
        lane: Lane,
        slots: Slots,
        written: Callable[[Sequence[Settled], ClaimReply], None],
        spare: Callable[[set[str]], None],
        troubled: Callable[[Exception], None],
    ) -> None:
        self._troubled = troubled
        self._lane = lane
        self._slots = slots
        self._written = written
        self._spare = spare
        self._outcomes: list[Settled] = []
        self._refused: list[Settled] = []
        self._retrying = 0
        self._size = _LARGEST_BATCH  # of those that were refused
        self._pause_s = _PAUSE_S
        self._under_way: list[list[Settled]] = []
        self._parked: list[asyncio.Future[None]] = []
        self._waking = self._pausing = False
        self._all_written = asyncio.Event()
        self._all_written.set()

    def add(self, outcome: Settled) -> None:
        """Have an outcome written."""
        self._outcomes.append(outcome)
        self._all_written.clear()
        if not self._waking:
            self._wake_one()

    async def wait_until_written(self) -> None:
        """Wait until every outcome that was added is written."""
        await self._all_written.wait()

    async def run(self) -> None:
        """Write outcomes, for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_A_TIME):
                group.create_task(self._write_in_turn(), name="taskora-settle")

    async def run_singly(self) -> None:
        """Write what is left and what still comes, for ever, when ``run`` has ended by an error of ours.

        Nobody knows what it broke on. So this shares nothing with it but the list: each outcome goes for itself, and
        nothing is claimed. Jobs whose outcomes were not written would all count as having ended the process.
        """
        self._outcomes = [*(outcome for batch in self._under_way for outcome in batch), *self._refused, *self._outcomes]
        self._under_way, self._refused = [], []
        while True:
            batch, self._outcomes = self._outcomes[:1], self._outcomes[1:]
            if not batch:
                self._all_written.set()
                await asyncio.sleep(_LOOK_S)
                continue
            try:
                await self._lane.step(batch, [], partial(self._written, batch))
            except Exception as error:  # noqa: BLE001 - logged; it may be the others' turn, or the server is away
                log.warning("an outcome could not be written, trying on: %s", error, extra={"action": "settle"})
                self._outcomes += batch
                await asyncio.sleep(_PAUSE_S)

    async def _write_in_turn(self) -> None:
        while True:
            # In turn, in ever smaller batches: what the server refuses must not hold up the others.
            if self._refused and not self._pausing:
                batch, self._refused = self._refused[: self._size], self._refused[self._size :]
                self._retrying += 1
                await self._write(batch, dict.fromkeys((outcome.job.task for outcome in batch), 0))
                self._retrying -= 1
            if count := self._due():
                batch, self._outcomes = self._outcomes[:count], self._outcomes[count:]
                await self._write(batch, counted(outcome.job for outcome in batch))
            elif self._pausing or not self._refused:
                parked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._parked.append(parked)
                await parked
                self._waking = False

    def _due(self) -> int:
        """How many outcomes are to be sent now."""
        count = len(self._outcomes)
        if self._under_way:
            enough = max(_WORTH_A_SECOND, max(map(len, self._under_way)) // 2)
            return min(count, _LARGEST_BATCH) if count >= enough else 0
        return min(_LARGEST_BATCH, (count + 1) // 2 if count >= 2 * _WORTH_A_SECOND else count)

    def _wake_one(self) -> None:
        if self._parked and self._due():
            parked = self._parked.pop()
            if not parked.cancelled():  # or it is closed, and this run outlives it
                self._waking = True
                parked.set_result(None)

    async def _write(self, batch: list[Settled], ended: dict[str, int]) -> None:
        """Write a batch, and claim into the slots of runs that ended with it, by task; 0 when that was done before."""
        self._under_way.append(batch)
        wants = self._slots.exchange(ended)
        self._wake_one()
        failed: Exception | None = None
        try:
            await self._lane.step(batch, wants, partial(self._answered, batch, ended, wants))
        except Exception as error:  # noqa: BLE001 - logged; the outcomes exist nowhere else, nothing may end this
            self._slots.answer(wants, {})
            failed = error
        self._under_way.remove(batch)
        if failed is not None:
            await self._put_off(batch, failed)
        if not (self._outcomes or self._refused or self._under_way):
            self._all_written.set()

    def _answered(self, batch: list[Settled], ended: Mapping[str, int], wants: list[Want], reply: ClaimReply) -> None:
        if self._pause_s != _PAUSE_S:
            self._judge_again(ended)
        if reply.lost and any(ended.values()):
            # After a repetition this may only mean that the first try was applied.
            log.warning(
                "jobs were no longer ours, outcomes dropped: %s", ", ".join(reply.lost), extra={"action": "lost"}
            )
        spare = self._slots.answer(wants, counted(reply.jobs))
        self._written(batch, reply)
        if spare:
            self._spare(spare)

    def _judge_again(self, ended: Mapping[str, int]) -> None:
        if any(ended.values()):
            return  # outcomes that were never refused say nothing of those that were, whose batches would grow again
        self._size = min(self._size * 2, _LARGEST_BATCH)
        if not self._refused and self._retrying == 1:  # this batch was the last
            self._pause_s, self._size = _PAUSE_S, _LARGEST_BATCH

    async def _put_off(self, batch: list[Settled], error: Exception) -> None:
        self._refused += batch
        self._size = max(1, min(self._size, len(batch)) // 2)
        if self._pause_s == _PAUSE_S:
            ours = None if isinstance(error, AdapterError) else error
            log.warning(
                "outcomes could not be written, trying on: %s", error, exc_info=ours, extra={"action": "settle"}
            )
            self._troubled(error)
        pause_s, self._pause_s = self._pause_s, min(self._pause_s * 2, _LONGEST_PAUSE_S)
        self._pausing = True
        self._wake_one()
        await asyncio.sleep(pause_s)
        self._pausing = False
