"""Counters that every process of the fleet keeps in shared memory, and that outlive it.

Each cell of the table of heartbeats has an area here. A process writes its own area alone, so nothing is locked; its
successor in the cell counts on from where it ended, so that a total never goes back. A row of an area is a task's.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .shared_text import SharedText

ROWS: Final = 128
OTHERS: Final = "(others)"
"""The task of what is counted beyond `ROWS` tasks."""

OUTCOMES: Final = ("completed", "failed", "cancelled", "retried", "returned")
STATES: Final = ("waiting", "active", "delayed", "retrying", "failed")
BOUNDS_S: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
)  # fmt: skip
"""Upper ends of the histograms' buckets; another one takes what is above."""

_BOUNDS_MS: Final = tuple(bound_s * 1000 for bound_s in BOUNDS_S)
_NAME_BYTES: Final = 120
_OUTCOME_OF: Final = {
    "complete": "completed", "fail": "failed", "cancel": "cancelled", "retry": "retried", "return": "returned",
    "defer": "returned",
}  # fmt: skip
_BUCKETS: Final = len(BOUNDS_S) + 1
# A row: its name, the outcomes, two histograms with a sum each, whether the gauges are known, and those.
_OUTCOMES_AT: Final = 1 + _NAME_BYTES // 8
_WAIT_AT: Final = _OUTCOMES_AT + len(OUTCOMES)
_WAIT_SUM: Final = _WAIT_AT + _BUCKETS
_RUN_AT: Final = _WAIT_SUM + 1
_RUN_SUM: Final = _RUN_AT + _BUCKETS
_KNOWN: Final = _RUN_SUM + 1
_STATES_AT: Final = _KNOWN + 1
_ROW_WORDS: Final = _STATES_AT + len(STATES)
# An area: how many rows are in use, then numbers of the process, then the rows.
_USED, _RECOVERED, _STALLED, _LEADS, _LAG = range(5)
_AREA_HEAD: Final = 8
_AREA_WORDS: Final = _AREA_HEAD + ROWS * _ROW_WORDS


@dataclass(slots=True)
class Histogram:
    """Observations by bucket, not yet added up.

    Attributes:
        buckets: How many were in each, one more than there are bounds.
        total_ns: Their sum.
    """

    buckets: list[int]
    total_ns: int


@dataclass(slots=True)
class Reading:
    """A copy of a task's row, or the sum of several.

    Attributes:
        outcomes: How often each of `OUTCOMES` was.
        wait: From the dispatch to the begin of the first run.
        run: From the claim to the outcome.
    """

    outcomes: list[int]
    wait: Histogram
    run: Histogram

    def add(self, other: Reading) -> None:
        """Add another one to this."""
        self.outcomes = _added(self.outcomes, other.outcomes)
        for mine, its in ((self.wait, other.wait), (self.run, other.run)):
            mine.buckets = _added(mine.buckets, its.buckets)
            mine.total_ns += its.total_ns


def _added(one: Sequence[int], other: Sequence[int]) -> list[int]:
    return [a + b for a, b in zip(one, other, strict=True)]


class Area:
    """One cell's part of the memory."""

    __slots__ = ("_at", "_octets", "_rows", "_words")

    def __init__(self, words: memoryview[int], octets: memoryview[int], at: int) -> None:
        self._words = words
        self._octets = octets
        self._at = at
        self._rows: dict[str, int] = {}

    # -- its process writes

    def observer(self, task: str) -> Callable[[str, float, int | None], None]:
        """What counts a task's runs: give it the verb of an outcome, the run's seconds, and how long the job waited.

        The wait is in milliseconds, None for a run that is not the job's first. About a microsecond.
        """
        words, row = self._words, self._row(task)
        outcomes = {verb: row + _OUTCOMES_AT + OUTCOMES.index(name) for verb, name in _OUTCOME_OF.items()}
        run_at, run_sum, wait_at, wait_sum = row + _RUN_AT, row + _RUN_SUM, row + _WAIT_AT, row + _WAIT_SUM
        bounds, bounds_ms = BOUNDS_S, _BOUNDS_MS

        def observe(verb: str, run_s: float, wait_ms: int | None) -> None:
            words[outcomes[verb]] += 1
            words[run_at + bisect_left(bounds, run_s)] += 1
            words[run_sum] += int(run_s * 1e9)
            if wait_ms is not None:
                words[wait_at + bisect_left(bounds_ms, wait_ms)] += 1
                if wait_ms > 0:
                    words[wait_sum] += wait_ms * 1_000_000

        return observe

    def recovered(self, jobs: int) -> None:
        """The steward gave so many jobs of dead workers back."""
        self._words[self._at + _RECOVERED] += jobs

    def stalled(self, jobs: int) -> None:
        """The sweep took so many jobs from workers that vanished."""
        self._words[self._at + _STALLED] += jobs

    def set_leads(self, leads: bool) -> None:
        """Whether this process leads."""
        self._words[self._at + _LEADS] = int(leads)

    def set_lag(self, lag_s: float) -> None:
        """How late the event loop is."""
        self._words[self._at + _LAG] = max(0, int(lag_s * 1e9))

    def begin(self) -> None:
        """Take over from the cell's former process: its totals stay, what was true of it alone goes."""
        words, at = self._words, self._at
        words[at + _LEADS] = words[at + _LAG] = 0
        for row in range(words[at + _USED]):
            words[at + _AREA_HEAD + row * _ROW_WORDS + _KNOWN] = 0

    def set_counts(self, task: str, counts: Sequence[int]) -> None:
        """How many jobs are in each of `STATES`."""
        row = self._row(task)
        for place, count in enumerate(counts):
            self._words[row + _STATES_AT + place] = count
        self._words[row + _KNOWN] = 1

    def forget_counts(self) -> None:
        """The counts are not known any more."""
        for row in self._rows.values():
            self._words[row + _KNOWN] = 0

    def _row(self, task: str) -> int:
        """Find a task's row, or make it; beyond the last all share one."""
        task = task.encode()[:_NAME_BYTES].decode(errors="ignore")
        if task not in self._rows:
            found = {name: row for row, name in self._names()}
            if task not in found and len(found) >= ROWS - 1:
                task = OTHERS
            if task not in found:
                used = len(found)
                row = self._at + _AREA_HEAD + used * _ROW_WORDS
                SharedText(self._words, self._octets, row, _NAME_BYTES).write(task)
                self._words[self._at + _USED] = used + 1
                found[task] = row
            self._rows[task] = found[task]
        return self._rows[task]

    def _names(self) -> Iterator[tuple[int, str]]:
        for number in range(self._words[self._at + _USED]):
            row = self._at + _AREA_HEAD + number * _ROW_WORDS
            yield row, SharedText(self._words, self._octets, row, _NAME_BYTES).read()

    # -- the master reads

    def readings(self) -> Iterator[tuple[str, Reading]]:
        """Each task's totals."""
        for row, name in self._names():
            words = self._words[row : row + _ROW_WORDS].tolist()
            yield (
                name,
                Reading(
                    words[_OUTCOMES_AT:_WAIT_AT],
                    Histogram(words[_WAIT_AT:_WAIT_SUM], words[_WAIT_SUM]),
                    Histogram(words[_RUN_AT:_RUN_SUM], words[_RUN_SUM]),
                ),
            )

    def counts(self) -> Iterator[tuple[str, list[int]]]:
        """How many jobs are in each of `STATES`, by task, where that is known."""
        for row, name in self._names():
            words = self._words[row + _KNOWN : row + _ROW_WORDS].tolist()
            if words[0]:
                yield name, words[1:]

    @property
    def recovered_jobs(self) -> int:
        """See `recovered`."""
        return self._words[self._at + _RECOVERED]

    @property
    def stalled_jobs(self) -> int:
        """See `stalled`."""
        return self._words[self._at + _STALLED]

    @property
    def leads(self) -> bool:
        """See `set_leads`."""
        return bool(self._words[self._at + _LEADS])

    @property
    def lag_s(self) -> float:
        """See `set_lag`."""
        return self._words[self._at + _LAG] / 1e9


class Tallies:
    """All areas: an anonymous mapping, of which the kernel gives what is touched.

    Args:
        cells: As many as the table of heartbeats has.
    """

    def __init__(self, cells: int) -> None:
        self._map = mmap.mmap(-1, cells * _AREA_WORDS * 8)
        octets = memoryview(self._map).cast("B")
        words: memoryview[int] = octets.cast("Q")
        self.areas: list[Area] = [Area(words, octets, cell * _AREA_WORDS) for cell in range(cells)]

    def totals(self) -> dict[str, Reading]:
        """Each task's totals over all processes, living and dead."""
        found: dict[str, Reading] = {}
        for area in self.areas:
            for task, reading in area.readings():
                if task in found:
                    found[task].add(reading)
                else:
                    found[task] = reading
        return found
