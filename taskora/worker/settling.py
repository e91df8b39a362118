"""Writing outcomes, and claiming into the slots that they free, in one round trip."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence

from taskora.adapters.protocol import Lane
from taskora.errors import AdapterError
from taskora.model import ClaimReply, Settled
from taskora.worker.slots import Slots

log = logging.getLogger("taskora.worker")
_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5
_LARGEST_BATCH = 500


class Settling:
    """While one round trip is under way, outcomes gather for the next. Nothing waits for a batch to fill.

    Args:
        written: Called with the outcomes of a round trip and its reply, once they are written.
        spare: Called with the tasks that had no more to claim.
    """

    def __init__(
        self,
        lane: Lane,
        slots: Slots,
        written: Callable[[Sequence[Settled], ClaimReply], None],
        spare: Callable[[set[str]], None],
    ) -> None:
        self._lane = lane
        self._slots = slots
        self._written = written
        self._spare = spare
        self._outcomes: list[Settled] = []
        self._added = asyncio.Event()
        self._all_written = asyncio.Event()
        self._all_written.set()

    def add(self, outcome: Settled) -> None:
        """Have an outcome written."""
        self._outcomes.append(outcome)
        self._added.set()
        self._all_written.clear()

    async def wait_until_written(self) -> None:
        """Wait until every outcome that was added is written."""
        await self._all_written.wait()

    async def run(self) -> None:
        """Write outcomes, for ever."""
        while True:
            await self._added.wait()
            batch, self._outcomes = self._outcomes[:_LARGEST_BATCH], self._outcomes[_LARGEST_BATCH:]
            if not self._outcomes:
                self._added.clear()
            await self._write(batch)
            if not self._outcomes:
                self._all_written.set()

    async def _write(self, batch: list[Settled]) -> None:
        ended: dict[str, int] = dict(Counter(outcome.job.task for outcome in batch))
        nothing = dict.fromkeys(ended, 0)
        pause_s = _PAUSE_S
        while True:
            wants = self._slots.exchange(ended)
            try:
                reply = await self._lane.step(batch, wants)
                break
            except AdapterError as error:
                self._slots.answer(wants, nothing)
                if ended is not nothing:
                    log.warning("outcomes could not be written, trying on: %s", error, extra={"action": "settle"})
                ended = nothing
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        if reply.lost and ended is not nothing:
            # After a repetition this may only mean that the first try was applied.
            log.warning(
                "jobs were no longer ours, outcomes dropped: %s", ", ".join(reply.lost), extra={"action": "lost"}
            )
        spare = self._slots.answer(wants, Counter(job.task for job in reply.jobs))
        self._written(batch, reply)
        if spare:
            self._spare(spare)
