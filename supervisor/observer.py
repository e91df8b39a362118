"""What the steward learns from the server for those who ask the master: whether it answers, and how fast."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from taskora.adapters.protocol import Adapter
from taskora.errors import TaskoraError

from .pulses import Pulse

_log: Final = logging.getLogger(__name__)
_ASK_S: Final = 1.0


class Observer:
    """Asks the server once a second.

    Args:
        adapter: Where the jobs are.
        pulse: Where the answers are noted.
    """

    def __init__(self, adapter: Adapter, pulse: Pulse) -> None:
        self._adapter = adapter
        self._pulse = pulse

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.ask()
            await asyncio.sleep(_ASK_S)

    async def ask(self) -> None:
        """Once."""
        try:
            (round_trip_ns,) = await self._adapter.vitals.latencies(1).run_async()
        except TaskoraError as error:
            _log.debug("the server does not answer: %s", error)
            self._pulse.server_failed()
        else:
            self._pulse.server_answered(round_trip_ns)
