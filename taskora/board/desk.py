"""What all requests to a board share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from taskora.app import Taskora
from taskora.dead_letters import FailureGroup
from taskora.inspector import Inspector, Throughput
from taskora.latency import Latency
from taskora.model import QueueStats

from .day import QUARTER, QUARTERS, Day
from .fresh import Fresh
from .health import Health, look_after
from .settings import BoardSettings
from .showing import Showing

_COUNTS_AGE_S = 1.0
_PAUSES_AGE_S = 5.0
_FAILURES_AGE_S = 10.0  # up to a thousand jobs of each task are looked at
_HISTORY_AGE_S = 15.0
_HEALTH_AGE_S = 10.0
_PATIENCE_S = 0.3


class Desk:
    """The application, how it is shown, and what was read a moment ago.

    Args:
        app: The application.
        settings: Of the board.
    """

    def __init__(self, app: Taskora, settings: BoardSettings) -> None:
        self.app = app
        self.settings = settings
        self.inspector: Inspector = app.inspect()
        self.shown: Showing = Showing(app, settings)
        self._stats = Fresh(self.inspector.stats_by_task_async, _COUNTS_AGE_S)
        self._throughput = Fresh(Day(self.inspector).read, _HISTORY_AGE_S)
        self._latency = Fresh(self.inspector.latency_async, _HISTORY_AGE_S)
        self._failures = Fresh(app.dead_letters.groups_async, _FAILURES_AGE_S)
        self._paused = Fresh(self.inspector.paused_async, _PAUSES_AGE_S)
        self._health = Fresh(lambda: look_after(app), _HEALTH_AGE_S)

    def name_at(self, prefix: str) -> str:
        """Return what sets a board at a path apart from others; copies of one, in any process, have the same."""
        return repr((self.settings.title, self.app.adapter.keys.root, prefix))

    async def stats(self) -> Mapping[str, QueueStats]:
        """Count the jobs of all tasks; at most a second old."""
        return await self._stats.get()

    async def throughput(self) -> Sequence[Throughput] | None:
        """Count what ended in the last 24 hours; at most 15 seconds old, None while that is added up."""
        return await self._throughput.get_soon(_PATIENCE_S)

    async def throughput_of(self, task: str) -> Sequence[Throughput]:
        """Count what ended of a task in the last 24 hours, by quarters of an hour."""
        return await self.inspector.throughput_async(task, bucket=QUARTER, count=QUARTERS)

    async def latency(self) -> Sequence[Latency]:
        """Estimate how long jobs waited and ran in the last 24 hours; at most 15 seconds old."""
        return await self._latency.get()

    async def paused(self) -> Mapping[str, datetime]:
        """Tell which tasks are paused, and since when; at most five seconds ago, or since this board changed that."""
        return await self._paused.get()

    def forget_pauses(self) -> None:
        """Read anew which tasks are paused."""
        self._paused.forget()

    async def failures(self) -> Sequence[FailureGroup]:
        """Group what failed, of all tasks; at most ten seconds ago, or since this board changed that."""
        return await self._failures.get()

    def forget_failures(self) -> None:
        """Group anew what failed."""
        self._failures.forget()

    async def health(self) -> Health:
        """Look at the server; at most ten seconds ago."""
        return await self._health.get()
