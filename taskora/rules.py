"""What keys decide about a dispatch: whether it becomes a job, in whose place, or as a part of which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias


class DebounceRule(NamedTuple):
    """Only the last of a key becomes a job, ``delay_ms`` after it was dispatched."""

    key: str
    delay_ms: int


class ThrottleRule(NamedTuple):
    """At most ``max`` of a key become jobs in a window that begins with the first."""

    key: str
    max: int
    window_ms: int


class DeduplicateRule(NamedTuple):
    """None becomes a job while another of its key is in one of the states."""

    key: str
    states: tuple[str, ...]


class CollectRule(NamedTuple):
    """An item for a batch.

    Attributes:
        key: Names the buffer.
        batch_id: Id of the batch, if this item begins one.
        delay_ms: Time without another item until the batch is due.
        max_size: Number of items with which it is due at once; 0 for no limit.
        max_wait_ms: Time from the first item until it is due; 0 for no limit.
        max_bytes: Size of a batch that no further item may exceed: what is buffered goes at once, and the item begins
            another batch. A single item is a batch whatever its size. 0 for no limit.
    """

    key: str
    batch_id: str
    delay_ms: int
    max_size: int
    max_wait_ms: int
    max_bytes: int = 0


Rule: TypeAlias = DebounceRule | ThrottleRule | DeduplicateRule | CollectRule


class Verdict(NamedTuple):
    """What became of a dispatch.

    Attributes:
        stored: Whether something was stored for it: a job of its own, or an item of a batch.
        job_id: The job to follow, if it is not its own: the one it duplicates, or its batch. Empty for none.
        damage: Why the server could not decide: what is stored for its key is none of ours. Empty when it could.
    """

    stored: bool
    job_id: str = ""
    damage: str = ""


@dataclass(frozen=True, slots=True)
class CollectBufferInfo:
    """A buffer. Times are aware UTC.

    Attributes:
        count: Number of items.
        oldest_at: When the first of them came.
        newest_at: When the last of them came.
    """

    count: int
    oldest_at: datetime
    newest_at: datetime


@dataclass(frozen=True, slots=True)
class LimitedKey:
    """A concurrency key in use.

    Attributes:
        key: It.
        limit: How many of its jobs may run at a time, as one of them has it; None when that one has ended meanwhile.
        running: How many run.
        waiting: How many wait for their turn.
        holders: Ids of those that run: 20 at most.
    """

    key: str
    limit: int | None
    running: int
    waiting: int
    holders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CollectBuffer:
    """What is collected under a key. Times are aware UTC.

    Attributes:
        key: It.
        count: Number of items.
        size: In bytes; None when another implementation buffered some.
        oldest_at: When the first of them came.
        newest_at: When the last of them came.
        due_at: When they become a batch; None when that is queued already.
        batch_id: Id of the job that will take them.
    """

    key: str
    count: int
    size: int | None
    oldest_at: datetime
    newest_at: datetime
    due_at: datetime | None
    batch_id: str


@dataclass(frozen=True, slots=True)
class DebouncedKey:
    """A debounced key in use.

    Attributes:
        key: It.
        job_id: The last job of it.
        due_at: When that job is due, aware UTC; None once it was.
    """

    key: str
    job_id: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class ThrottledKey:
    """A throttled key in use.

    Attributes:
        key: It.
        count: How many dispatches its window has accepted.
        until: When its window ends, aware UTC.
    """

    key: str
    count: int
    until: datetime


@dataclass(frozen=True, slots=True)
class DeduplicatedKey:
    """A deduplication key that a job holds.

    Attributes:
        key: It.
        job_id: The job.
        state: The job's state.
    """

    key: str
    job_id: str
    state: str


@dataclass(frozen=True, slots=True)
class FlowCounts:
    """How many keys of each kind are in use; some may just have been given up."""

    limited: int
    buffers: int
    debounced: int
    throttled: int
    deduplicated: int


@dataclass(frozen=True, slots=True)
class FlowControl:
    """A page of each kind of keys by which a task's flow is controlled.

    Attributes:
        task: The task.
        counts: How many there are in all.
        limited: Concurrency keys, in no order.
        buffers: Keys of what is collected, those in front that were looked at longest ago.
        debounced: Debounced keys, those that are free soonest in front.
        throttled: Throttled keys, in the same order.
        deduplicated: Deduplication keys, in the order of the buffers.
    """

    task: str
    counts: FlowCounts
    limited: list[LimitedKey]
    buffers: list[CollectBuffer]
    debounced: list[DebouncedKey]
    throttled: list[ThrottledKey]
    deduplicated: list[DeduplicatedKey]
