"""Waking when a delayed job is due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from taskora.adapters.lane import Lane
from taskora.errors import AdapterError

log: logging.Logger = logging.getLogger("taskora.worker")
_SOON_MS = 1100  # what is due later is learnt anew from the next claim, at most a second from now


class DueTimer:
    """Has due jobs queued at their time. The markers of delayed jobs tell only that there is something to learn."""

    def __init__(self, lane: Lane, tasks: Sequence[str]) -> None:
        self._lane = lane
        self._tasks = tasks
        self._timer: asyncio.TimerHandle | None = None
        self._promotion: asyncio.Task[None] | None = None

    def learn(self, due_ms: int | None) -> None:
        """Take note of when the next job is due, in milliseconds from now; None for no such job."""
        if due_ms is None or due_ms > _SOON_MS:
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + due_ms / 1000
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = loop.call_at(at, self._fire)

    def stop(self) -> None:
        """Forget it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._promotion is not None:
            self._promotion.cancel()

    def _fire(self) -> None:
        self._timer = None
        if self._promotion is None or self._promotion.done():
            self._promotion = asyncio.create_task(self._promote(), name="taskora-promote")

    async def _promote(self) -> None:
        try:
            due_ms = await self._lane.promote(self._tasks)
        except AdapterError as error:
            log.debug("could not promote due jobs: %s", error)
            return
        self.learn(due_ms)
