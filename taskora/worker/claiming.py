"""Waiting for work, and claiming it into slots that are free."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from functools import partial

from taskora.adapters.lane import Lane
from taskora.errors import AdapterError
from taskora.model import ClaimReply, Want
from taskora.worker.slots import Slots, counted

log: logging.Logger = logging.getLogger("taskora.worker")
_BLOCK_MS = 1000  # a fallback: markers wake, this only bounds what a lost one costs
_SHORT_BLOCK_MS = 50
_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5


class Claiming:
    """Blocks on all tasks with free slots at once.

    Attributes:
        parked: The tasks that the wait under way covers; None while there is none.
        turned_ns: Monotonic time of the last turn; 0 while no slot is free, or none was yet.
    """

    def __init__(
        self, lane: Lane, slots: Slots, take: Callable[[ClaimReply], None], troubled: Callable[[Exception], None]
    ) -> None:
        self._troubled = troubled
        self._lane = lane
        self._slots = slots
        self._take = take
        self._wakes: set[asyncio.Task[None]] = set()
        self._turn = 0
        self.parked: Collection[str] | None = None
        self.turned_ns: int = 0

    async def run(self) -> None:
        """Claim until the slots are closed."""
        pause_s = _PAUSE_S
        while self._slots.open:
            wants = self._slots.reserve()
            if not wants:
                self.turned_ns = 0
                await self._slots.wait_for_free()
                continue
            self.turned_ns = time.monotonic_ns()
            block_ms = _BLOCK_MS
            if pause_s != _PAUSE_S:
                wants, block_ms = self._one_in_turn(wants), _SHORT_BLOCK_MS
            self.parked = {want.task for want in wants}
            try:
                reply = await self._lane.wait_and_claim(wants, block_ms, partial(self._claimed, wants))
            except Exception as error:  # a reply that cannot be read must not end all claiming
                self._slots.answer(wants, {})
                if pause_s == _PAUSE_S:
                    ours = None if isinstance(error, AdapterError) else error
                    log.warning("cannot claim, trying on: %s", error, exc_info=ours, extra={"action": "claim"})
                    self._troubled(error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                continue
            finally:
                self.parked = None
            if pause_s != _PAUSE_S:
                log.info("claiming again", extra={"action": "claim"})
                pause_s = _PAUSE_S
            if reply.fenced:
                await asyncio.sleep(_PAUSE_S)

    def _claimed(self, wants: list[Want], reply: ClaimReply) -> None:
        self._slots.answer(wants, counted(reply.jobs))
        self._take(reply)

    def _one_in_turn(self, wants: list[Want]) -> list[Want]:
        """After a refusal ask for one task at a time: another's broken keys may be the reason."""
        self._turn = (self._turn + 1) % len(wants)
        chosen = wants.pop(self._turn)
        self._slots.answer(wants, {})
        return [chosen]

    def include(self, tasks: set[str]) -> None:
        """Have the wait under way cover these tasks too: they were full when it began and are free now."""
        if self.parked is not None and not tasks <= set(self.parked):
            wake = asyncio.create_task(self._wake())
            self._wakes.add(wake)
            wake.add_done_callback(self._wakes.discard)

    async def _wake(self) -> None:
        try:
            await self._lane.wake()
        except AdapterError as error:
            log.debug("could not wake the wait: %s", error)
