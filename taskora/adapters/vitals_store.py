"""What an adapter must tell those who look after a system: the server's condition, counters, and leftovers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from taskora.call import Call


@dataclass(frozen=True, slots=True)
class Throughput:
    """How many jobs ended in a stretch of time, by how.

    Attributes:
        at: When the stretch begins; aware UTC.
        completed: Jobs whose handler returned.
        failed: Jobs that failed for good: a failure that is retried ends nothing.
        cancelled: Jobs that were cancelled, before they ran or while they did.
        expired: Jobs that no worker took within their time to live, those that were discarded for it included.
    """

    at: datetime
    completed: int
    failed: int
    cancelled: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The condition of a server.

    Attributes:
        flavor: ``redis``, ``valkey`` or another name.
        version: Its own version.
        mode: ``standalone``, ``sentinel`` or ``cluster``.
        uptime_s: Seconds since it started.
        used_memory: Bytes that it holds.
        max_memory: Bytes that it may hold; 0 for no limit.
        memory_policy: What it does at that limit; empty when it does not say.
        clients: Connections, ours included.
        append_only: Whether it keeps an append-only file.
        saved_well: Whether its last writes to disk went well.
        skew_s: Its clock less the clock here, in seconds, give or take half a round trip.
        layout: The stored layout's version record: ``wireVersion, minCompat, writtenBy, writtenAt``.
        masters: Of a cluster, of which this is the worst in each respect; 0 for one server.
        peak_memory: The most bytes that it held since it started.
        keys: Keys in all of its databases; of a cluster, on all masters.
    """

    flavor: str
    version: str
    mode: str
    uptime_s: int
    used_memory: int
    max_memory: int
    memory_policy: str
    clients: int
    append_only: bool
    saved_well: bool
    skew_s: float
    layout: Mapping[str, str]
    masters: int = 0
    peak_memory: int = 0
    keys: int = 0


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key of a task that is there once, not once for each job.

    Attributes:
        name: Its name behind the task's: ``wait``, ``failed``, …
        count: Its entries; 0 when it does not exist.
        memory: Bytes that it takes, its name included.
    """

    name: str
    count: int
    memory: int


class Locks(NamedTuple):
    """How the running jobs of a task are held.

    Attributes:
        looked_at: How many were looked at.
        without: Ids of those that nobody holds: their worker vanished, and no sweep has come yet.
        endless: Ids of those whose lock has no time to live: no sweep will ever free them.
    """

    looked_at: int
    without: tuple[str, ...]
    endless: tuple[str, ...]


class VersionCounts(NamedTuple):
    """Payload versions of the jobs of a task that have not ended, with how many jobs have each.

    Attributes:
        waiting: Of those that a worker may take now, or once their concurrency key is free.
        active: Of those that run.
        delayed: Of those that are not due, retries included.
        complete: Whether all were counted.
    """

    waiting: dict[int, int]
    active: dict[int, int]
    delayed: dict[int, int]
    complete: bool


class VitalsStore(Protocol):
    """Looking at the whole."""

    def server(self) -> Call[ServerFacts]:
        """Read the condition of the server."""
        ...

    def settings(self, names: Sequence[str]) -> Call[dict[str, str]]:
        """Read settings of the server; those that it does not have are missing.

        Raises:
            AdapterError: From the call: it does not let us read them.
        """
        ...

    def latencies(self, count: int) -> Call[list[int]]:
        """Measure round trips, one after another, in nanoseconds."""
        ...

    def throughput(self, tasks: Sequence[str], bucket_minutes: int, count: int) -> Call[list[Throughput]]:
        """Add up the counters of tasks, which are kept for a day: the last ``count`` stretches, the oldest first."""
        ...

    def locks(self, task: str, limit: int) -> Call[Locks]:
        """Look at the locks of up to ``limit`` running jobs of a task."""
        ...

    def versions(self, task: str, limit: int) -> Call[VersionCounts]:
        """Count the payload versions of up to ``limit`` jobs of each state, those first that run next."""
        ...

    def fences(self, pairs: Sequence[tuple[str, str]]) -> Call[list[str]]:
        """Read for each pair of worker and task whether its claims are refused: ``halt``, ``dead``, or empty."""
        ...

    def slots(self, tasks: Sequence[str]) -> Call[list[frozenset[int]]]:
        """Ask a cluster for the hash slots of each task's keys."""
        ...

    def keys(self, task: str) -> Call[list[KeyFacts]]:
        """Measure a task's keys that are there once."""
        ...

    def erase(self) -> Call[int]:
        """Remove every key under the prefix, and under each longer one that goes on with a colon; returns how many.

        Raises:
            ConfigError: There is no prefix.
        """
        ...
