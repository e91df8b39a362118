"""What listeners are told: one frozen value for each thing that happens to a job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

EventName: TypeAlias = Literal[
    "completed", "failed", "retrying", "progress", "active", "stalled", "cancelled", "expired"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedEvent:
    """A job completed.

    Attributes:
        task: Name of its task.
        id: The job's id.
        result: What it returned, as its task's output type; None too when retention was faster than this event.
        duration: Length of the run in seconds.
        attempt: Number of the run, from 1.
    """

    task: str
    id: str
    result: object
    duration: float
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedEvent:
    """A run failed: for good, or it will be retried.

    Attributes:
        task: Name of its task.
        id: The job's id.
        error: The error's message.
        attempt: Number of the run that failed, from 1.
        will_retry: Whether there will be another.
    """

    task: str
    id: str
    error: str
    attempt: int
    will_retry: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryingEvent:
    """A run failed and the job will run again. Listeners of ``failed`` are told too.

    Attributes:
        task: Name of its task.
        id: The job's id.
        attempt: Number of the run that failed, from 1.
        next_attempt: Number of the run to come.
        next_attempt_at: When it is due, by the server's clock: aware UTC.
        error: The error's message.
    """

    task: str
    id: str
    attempt: int
    next_attempt: int
    next_attempt_at: datetime
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """A handler reported how far it is.

    Attributes:
        task: Name of its task.
        id: The job's id.
        progress: What it reported: a JSON value.
    """

    task: str
    id: str
    progress: object


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveEvent:
    """A worker took a job.

    Attributes:
        task: Name of its task.
        id: The job's id.
        attempt: Number of the run that begins, from 1.
    """

    task: str
    id: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledEvent:
    """A job's worker vanished or died.

    Attributes:
        task: Name of its task.
        id: The job's id.
        count: How often that happened to the job.
        action: ``recovered``: it is queued again; ``failed``: it happened too often.
    """

    task: str
    id: str
    count: int
    action: Literal["recovered", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelledEvent:
    """A job was cancelled.

    Attributes:
        task: Name of its task.
        id: The job's id.
        reason: Why; None when nobody said.
    """

    task: str
    id: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredEvent:
    """A job's time to live ended before a worker took it.

    Attributes:
        task: Name of its task.
        id: The job's id.
    """

    task: str
    id: str


JobEvent: TypeAlias = (
    CompletedEvent
    | FailedEvent
    | RetryingEvent
    | ProgressEvent
    | ActiveEvent
    | StalledEvent
    | CancelledEvent
    | ExpiredEvent
)


def ends(event: JobEvent) -> bool:
    """Tell whether a job has ended with this."""
    if isinstance(event, FailedEvent):
        return not event.will_retry
    return isinstance(event, CompletedEvent | CancelledEvent | ExpiredEvent)
