"""Removes what was kept long enough."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from taskora.adapters.protocol import HouseStore
from taskora.call import Call
from taskora.config import Keep, Retention, TaskOptions
from taskora.model import State

from .pace import Pace
from .roster import Roster

log: logging.Logger = logging.getLogger("taskora.housekeeping")
_PER_CALL = 1000  # jobs of one script run: some 3 ms of the server's time


class _Shelf(NamedTuple):
    """A set of what has ended."""

    name: str
    trim: Callable[[Keep, int], Call[int]]
    keep: Keep


class Janitor:
    """Applies retention to all tasks and to workflows, as fast as they end.

    Args:
        house: Where they are.
        roster: All tasks.
        workflows: What is kept of workflows.
        pace: How often, and how long at a time.
    """

    name = "retention"

    def __init__(self, house: HouseStore, roster: Roster, workflows: Retention, pace: Pace) -> None:
        self._house = house
        self._roster = roster
        self._workflows = workflows
        self._pace = pace
        self._last = ""

    async def round(self) -> float:
        """Trim everything, or as much as the budget allows; returns the seconds until the next round."""
        deadline_s = time.monotonic() + self._pace.trim_budget_s
        for shelf in self._in_turn(self._shelves(await self._roster.all())):
            try:
                finished = await self._trim(shelf, deadline_s)
            except Exception:  # one set's trouble must not stop the others
                log.exception("%s could not be trimmed; the next round tries again", shelf.name)
                continue
            if not finished:
                self._last = shelf.name
                return 0.0
        self._last = ""
        return self._pace.trim_s

    def _in_turn(self, shelves: list[_Shelf]) -> list[_Shelf]:
        """Begin after the one at which the last round ran out of time, so that each has its turn."""
        names = [shelf.name for shelf in shelves]
        start = names.index(self._last) + 1 if self._last in names else 0
        return shelves[start:] + shelves[:start]

    async def _trim(self, shelf: _Shelf, deadline_s: float) -> bool:
        """Trim one set; False when the time ran out before it was done."""
        while True:
            began_s = time.monotonic()
            if await shelf.trim(shelf.keep, _PER_CALL).run_async() < _PER_CALL:
                return True
            # The server is left to others for at least as long as it worked for us.
            await asyncio.sleep(time.monotonic() - began_s)
            if time.monotonic() >= deadline_s:
                return False

    def _shelves(self, tasks: dict[str, TaskOptions]) -> list[_Shelf]:
        shelves: list[_Shelf] = []
        for task, options in tasks.items():
            kept, failed = options.retention.completed, options.retention.failed
            shelves.append(self._of_task(task, State.COMPLETED, kept))
            shelves += [self._of_task(task, state, failed) for state in (State.FAILED, State.EXPIRED, State.CANCELLED)]
        shelves += [self._of_workflows(True, self._workflows.completed)]
        shelves += [self._of_workflows(False, self._workflows.failed)]
        return [shelf for shelf in shelves if shelf.keep.max_age is not None or shelf.keep.max_items is not None]

    def _of_task(self, task: str, state: State, keep: Keep) -> _Shelf:
        def trim(keep: Keep, limit: int) -> Call[int]:
            return self._house.trim(task, state, keep, limit)

        return _Shelf(f"task {task}: {state.value} jobs", trim, keep)

    def _of_workflows(self, completed: bool, keep: Keep) -> _Shelf:
        def trim(keep: Keep, limit: int) -> Call[int]:
            return self._house.trim_workflows(completed, keep, limit)

        return _Shelf("completed workflows" if completed else "failed workflows", trim, keep)
