"""What the steward learns from the server for those who ask the master: whether it answers, how fast, what waits."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from taskora.adapters.protocol import Adapter
from taskora.errors import TaskoraError
from taskora.housekeeping import Housekeeper
from taskora.inspector import Inspector

from .pulses import Pulse
from .tallies import STATES, Area

_log: Final = logging.getLogger(__name__)
_ASK_S: Final = 1.0
_COUNT_S: Final = 5.0


class Observer:
    """Asks the server once a second, and, if somebody wants that, how long the queues are every five.

    Args:
        adapter: Where the jobs are.
        inspector: Counts them.
        pulse: Where the answers are noted.
        area: Where the counts are noted; None when nobody wants them.
        housekeeper: Knows whether it leads.
    """

    def __init__(
        self, adapter: Adapter, inspector: Inspector, pulse: Pulse, area: Area | None, housekeeper: Housekeeper
    ) -> None:
        self._adapter = adapter
        self._inspector = inspector
        self._pulse = pulse
        self._area = area
        self._housekeeper = housekeeper
        self._stalled = 0
        self._counted_s = float("-inf")

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._ask()
            if self._area is not None:
                await self._note(self._area)
            await asyncio.sleep(_ASK_S)

    async def _ask(self) -> None:
        try:
            (round_trip_ns,) = await self._adapter.vitals.latencies(1).run_async()
        except TaskoraError as error:
            _log.debug("the server does not answer: %s", error)
            self._pulse.server_failed()
        else:
            self._pulse.server_answered(round_trip_ns)

    async def _note(self, area: Area) -> None:
        area.set_leads(self._housekeeper.is_leader)
        area.stalled(self._housekeeper.stalled - self._stalled)
        self._stalled = self._housekeeper.stalled
        if time.monotonic() - self._counted_s < _COUNT_S:
            return
        try:
            counts = await self._inspector.stats_by_task_async()
        except TaskoraError as error:
            _log.debug("the jobs cannot be counted: %s", error)
            area.forget_counts()
            return
        self._counted_s = time.monotonic()
        for task, stats in counts.items():
            # As stored, what retries is part of what is delayed.
            delayed = max(0, stats.delayed - stats.retrying)
            values = {"waiting": stats.waiting, "active": stats.active, "delayed": delayed,
                      "retrying": stats.retrying, "failed": stats.failed}  # fmt: skip
            area.set_counts(task, [values[state] for state in STATES])
