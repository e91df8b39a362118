"""What an adapter must do for schedules, and for what other implementations left broken."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol, TypeAlias

from taskora.call import Call


class StoredSchedule(NamedTuple):
    """A schedule as it is stored.

    Attributes:
        name: Its name.
        value: One JSON object, of which all members must be kept.
        next_ms: When it is due, in epoch milliseconds; None while it is paused.
    """

    name: str
    value: bytes
    next_ms: int | None


class ScheduleChange(NamedTuple):
    """What is to be stored of a schedule. See ``StoredSchedule``."""

    value: bytes
    next_ms: int | None


class DueSchedules(NamedTuple):
    """What is due at one moment.

    Attributes:
        now_ms: The moment, by the server's clock.
        due: The schedules that are due, the earliest first. They stay due until they are moved on.
        wait_ms: Time until the next schedule that is not yet due; None when there is none.
    """

    now_ms: int
    due: list[StoredSchedule]
    wait_ms: int | None


ScheduleEdit: TypeAlias = Callable[[StoredSchedule | None, int], ScheduleChange | None]
"""Takes a schedule as it is stored, None when there is none, and the server's time in ms; returns what is to be stored,
or None to leave it. It may be called again when somebody else was faster."""


class ScheduleStore(Protocol):
    """Schedules: everybody may change them, the leader moves them on."""

    def list(self) -> Call[list[StoredSchedule]]:
        """Read all schedules, by name."""
        ...

    def find(self, name: str) -> Call[StoredSchedule | None]:
        """Read a schedule; None when there is none."""
        ...

    def edit(self, name: str, change: ScheduleEdit) -> Call[None]:
        """Change a schedule if it is still as it was read, else read it again. What ``change`` raises is passed on."""
        ...

    def remove(self, name: str) -> Call[bool]:
        """Delete a schedule; False when there is none."""
        ...

    def due(self) -> Call[DueSchedules]:
        """Read which schedules are due; nothing is taken out."""
        ...

    def move_on(self, token: str, before: StoredSchedule, after: ScheduleChange) -> Call[bool]:
        """Store a schedule after a run; False when the token no longer leads, or somebody changed the schedule."""
        ...


class RepairStore(Protocol):
    """What the leader looks for slowly, because nobody announces it."""

    def running_workflows(self, cursor: int, count: int) -> Call[tuple[int, list[str]]]:
        """Read one piece of the keyspace, of about ``count`` keys, for running workflows.

        Args:
            cursor: 0 to begin, then the first value of the last result; a result with 0 was the last one.
            count: How many keys to look at.
        """
        ...

    def broken_nodes(self, workflow_id: str) -> Call[frozenset[str]]:
        """Find nodes of a running workflow that its jobs left behind.

        Returns:
            ``INDEX:KIND`` for each: ``settled``, its job completed and the workflow does not know; ``ended``, its job
            ended otherwise and the workflow does not know; ``lost``, it should have a job and has none.
        """
        ...

    def mend_nodes(self, workflow_id: str, nodes: Collection[str]) -> Call[int]:
        """Do for nodes what was left undone, if they are still broken in the same way; returns how many were."""
        ...

    def trim_registry(self, limit: int) -> Call[int]:
        """Remove up to ``limit`` names of processes whose record has run out; returns how many."""
        ...
