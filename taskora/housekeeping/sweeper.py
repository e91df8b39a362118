"""Takes jobs from workers that vanished with their host."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from taskora.adapters.protocol import HouseStore
from taskora.duration import to_seconds

from .roster import Roster

log: logging.Logger = logging.getLogger("taskora.housekeeping")
_LOOK_S = 1.0  # so soon is a task noticed that was published just now


class Sweeper:
    """Sweeps each task at its own interval.

    Args:
        house: Where the jobs are.
        roster: All tasks.
        taken: Told how many jobs each sweep took.
    """

    name = "stall sweep"

    def __init__(self, house: HouseStore, roster: Roster, taken: Callable[[int], None] = lambda _: None) -> None:
        self._house = house
        self._roster = roster
        self._taken = taken
        self._next_s: dict[str, float] = {}

    async def round(self) -> float:
        """Sweep the tasks whose time has come; returns the seconds until the next one's."""
        tasks = await self._roster.all()
        for task, options in tasks.items():
            if self._next_s.get(task, 0.0) > time.monotonic():
                continue
            interval_s = to_seconds(options.stall.interval)
            self._next_s[task] = time.monotonic() + interval_s
            try:
                # Half: no sweep that is on time is taken for a repetition, though the clocks' rates differ.
                taken = await self._house.sweep(task, options.stall.max_count, int(interval_s * 500)).run_async()
            except Exception:  # one task's trouble must not stop the sweep of the others
                log.exception("task %s: the sweep for lost jobs failed; it is tried again at the next interval", task)
            else:
                if taken:
                    self._taken(taken)
                    log.warning("task %s: took %d jobs from workers that vanished", task, taken)
        soonest_s = min((self._next_s[task] for task in tasks), default=float("inf"))
        return min(_LOOK_S, soonest_s - time.monotonic())
