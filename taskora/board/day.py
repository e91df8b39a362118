"""What ended in the last day over all tasks, without reading again what cannot change any more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from taskora.inspector import Inspector, Throughput

QUARTER: Final = timedelta(minutes=15)
QUARTERS: Final = 96
_AT_ONCE: Final = 4  # quarters of all tasks together in one call
_TASKS: Final = 5


class Day:
    """The quarters of an hour of a day. Those that are over are read once: 200 tasks have a million counters.

    Args:
        inspector: Reads them.
    """

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector
        self._known: dict[datetime, Throughput] = {}

    async def read(self) -> Sequence[Throughput]:
        """Return the quarters, the oldest first; the last has only begun."""
        behind = (datetime.now(UTC) - max(self._known)) // QUARTER if self._known else QUARTERS
        # One more than has begun since: what was the last may have grown. And one for a clock that is not the server's.
        found = await self._read(min(QUARTERS, max(0, behind) + 3))
        self._known |= {one.at: one for one in found}
        last = found[-1].at
        times = [last - number * QUARTER for number in reversed(range(QUARTERS))]
        self._known = {at: self._known.get(at) or Throughput(at, 0, 0) for at in times}
        return list(self._known.values())

    async def _read(self, count: int) -> Sequence[Throughput]:
        if count <= _AT_ONCE:
            return await self._inspector.throughput_async(bucket=QUARTER, count=count)
        total: dict[datetime, Throughput] = {}
        tasks = await self._inspector.tasks_async()
        # In parts, so that no call keeps the server from the workers for long.
        for first in range(0, max(1, len(tasks)), _TASKS):
            part: list[str | None] = [*tasks[first : first + _TASKS]] or [None]
            reads = (self._inspector.throughput_async(task, bucket=QUARTER, count=count) for task in part)
            for found in await asyncio.gather(*reads):
                for one in found:
                    total[one.at] = _sum(total[one.at], one) if one.at in total else one
        return [total[at] for at in sorted(total)][-count:]


def _sum(one: Throughput, other: Throughput) -> Throughput:
    return Throughput(
        one.at,
        one.completed + other.completed,
        one.failed + other.failed,
        one.cancelled + other.cancelled,
        one.expired + other.expired,
    )
