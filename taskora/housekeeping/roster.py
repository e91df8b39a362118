"""All tasks that anybody knows."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from taskora.adapters.protocol import HouseStore
from taskora.config import TaskOptions
from taskora.errors import ConfigError
from taskora.keys import check_task_name

from .cards import read_card

log: logging.Logger = logging.getLogger("taskora.housekeeping")
_LEAST_AGE_S = 1.0


class Roster:
    """The tasks of this process with their options, and those that other processes published.

    Args:
        house: Where they were published.
        known: Those of this process; they count before what was published.
        max_age_s: Age at which what was published is read anew.
    """

    def __init__(self, house: HouseStore, known: Mapping[str, TaskOptions], max_age_s: float) -> None:
        self._house = house
        self._known = known
        self._max_age_s = max_age_s
        self._published: dict[str, TaskOptions] = {}
        self._read_at_s = float("-inf")
        self._unreadable: set[str] = set()

    async def all(self) -> dict[str, TaskOptions]:
        """Return every task."""
        await self._refresh(self._max_age_s)
        return {**self._published, **self._known}

    async def find(self, task: str) -> TaskOptions | None:
        """Return a task's options; None when nobody published it."""
        if task in self._known:
            return self._known[task]
        await self._refresh(self._max_age_s if task in self._published else min(_LEAST_AGE_S, self._max_age_s))
        return self._published.get(task)

    async def _refresh(self, max_age_s: float) -> None:
        if time.monotonic() - self._read_at_s < max_age_s:
            return
        published: dict[str, TaskOptions] = {}
        for task, card in (await self._house.tasks().run_async()).items():
            try:
                published[check_task_name(task)] = read_card(card)
            except ConfigError as error:
                if task not in self._unreadable:
                    log.warning("task %r: what was published of it cannot be read, it is left out: %s", task, error)
                self._unreadable.add(task)
        self._published, self._read_at_s = published, time.monotonic()
