"""What listeners are told: one frozen value for each thing that happens to a job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

EventName: TypeAlias = Literal[
    "completed", "failed", "retrying", "progress", "active", "stalled", "cancelled", "expired"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfJob:
    """What all events have.

    Attributes:
        task: Name of the job's task.
        id: The job's id.
    """

    task: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedEvent(_OfJob):
    """A job completed.

    Attributes:
        result: What it returned, as its task's output type; None too when retention was faster than this event.
        duration: Length of the run in seconds.
        attempt: Number of the run, from 1.
    """

    result: object
    duration: float
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedEvent(_OfJob):
    """A run failed: for good, or it will be retried.

    Attributes:
        error: The error's message.
        attempt: Number of the run that failed, from 1.
        will_retry: Whether there will be another.
    """

    error: str
    attempt: int
    will_retry: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryingEvent(_OfJob):
    """A run failed and the job will run again. Listeners of ``failed`` are told too.

    Attributes:
        attempt: Number of the run that failed, from 1.
        next_attempt: Number of the run to come.
        next_attempt_at: When it is due, by the server's clock: aware UTC.
        error: The error's message.
    """

    attempt: int
    next_attempt: int
    next_attempt_at: datetime
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent(_OfJob):
    """A handler reported how far it is.

    Attributes:
        progress: What it reported: a JSON value.
    """

    progress: object


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveEvent(_OfJob):
    """A worker took a job.

    Attributes:
        attempt: Number of the run that begins, from 1.
    """

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledEvent(_OfJob):
    """A job's worker vanished or died.

    Attributes:
        count: How often that happened to the job.
        action: ``recovered``: it is queued again; ``failed``: it happened too often.
    """

    count: int
    action: Literal["recovered", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelledEvent(_OfJob):
    """A job was cancelled.

    Attributes:
        reason: Why; None when nobody said.
    """

    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredEvent(_OfJob):
    """A job's time to live ended before a worker took it."""


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
