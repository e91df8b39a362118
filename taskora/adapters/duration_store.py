"""What an adapter keeps of how long jobs waited and ran: counts by quarters of an hour, for a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from taskora.call import Call

QUARTER_MS: Final = 15 * 60_000
QUARTERS_KEPT: Final = 96
"""How many can be read: those of a day."""


class Durations(NamedTuple):
    """How many durations were of which size.

    Attributes:
        waits: From dispatch to the first run.
        runs: Of runs.

    The size is the number of bits of the duration in microseconds: 0 for less than one, else from ``2 ** (size - 1)``
    on, and less than ``2 ** size``.
    """

    waits: Mapping[int, int]
    runs: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class DurationsAt:
    """What was counted in the quarter of an hour that begins ``at`` (aware UTC)."""

    at: datetime
    durations: Durations


class DurationStore(Protocol):
    """Counts of durations, by task and over all tasks."""

    def add(self, counts: Mapping[str, Durations]) -> Call[None]:
        """Add counts of tasks to those of now."""
        ...

    def read(self, task: str | None, count: int) -> Call[list[DurationsAt]]:
        """Read the counts of a task, or of all together: the last ``count`` quarters of an hour, the oldest first."""
        ...
