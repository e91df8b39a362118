"""How long jobs waited and ran, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from taskora.adapters.duration_store import QUARTER_MS, QUARTERS_KEPT, Durations, DurationsAt
from taskora.adapters.memory.store import Store
from taskora.call import Call
from taskora.clock import from_ms

_ALL: Final = ""
"""Stands for all tasks; none has this name."""


class MemoryDurations:
    """See ``DurationStore``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts: dict[int, dict[str, tuple[Counter[int], Counter[int]]]] = {}

    def add(self, counts: Mapping[str, Durations]) -> Call[None]:
        """See ``DurationStore``."""

        def act(now_ms: int) -> None:
            quarter = self._counts.setdefault(now_ms // QUARTER_MS, {})
            for task, durations in counts.items():
                for name in (task, _ALL):
                    waits, runs = quarter.setdefault(name, (Counter(), Counter()))
                    waits.update(durations.waits)
                    runs.update(durations.runs)
            for old in [number for number in self._counts if number <= now_ms // QUARTER_MS - QUARTERS_KEPT]:
                del self._counts[old]

        return self._store.call(act)

    def read(self, task: str | None, count: int) -> Call[list[DurationsAt]]:
        """See ``DurationStore``."""
        name = _ALL if task is None else task

        def act(now_ms: int) -> list[DurationsAt]:
            last = now_ms // QUARTER_MS
            return [
                DurationsAt(from_ms(number * QUARTER_MS), self._copy(number, name))
                for number in range(last - count + 1, last + 1)
            ]

        return self._store.call(act)

    def _copy(self, number: int, name: str) -> Durations:
        found = self._counts.get(number, {}).get(name)
        return Durations({}, {}) if found is None else Durations(dict(found[0]), dict(found[1]))
