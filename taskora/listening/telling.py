"""From what is stored of an event to what listeners are told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from taskora.adapters.event_store import StoredEvent
from taskora.clock import from_ms
from taskora.errors import TaskoraError
from taskora.events import (
    ActiveEvent,
    CancelledEvent,
    CompletedEvent,
    ExpiredEvent,
    FailedEvent,
    JobEvent,
    ProgressEvent,
    RetryingEvent,
    StalledEvent,
)
from taskora.model import JobInfo, Outcome, State
from taskora.serializer import JSON

log: logging.Logger = logging.getLogger("taskora.events")
Decode: TypeAlias = Callable[[bytes], object]
_UNKNOWN = "Unknown error"  # what the shared layout says of a failure without a text


def names_of(stored: str) -> tuple[str, ...]:
    """Return the names under which listeners know a stored event: a retry is a failure too."""
    return ("failed", "retrying") if stored == "retrying" else (stored,)


def told(event: StoredEvent, decode: Decode) -> list[JobEvent]:
    """Make what listeners are told of a stored event.

    Args:
        event: It.
        decode: Reads a result of its task.
    """
    task, job_id, fields = event.task, event.job_id, event.fields
    attempt = max(1, _number(fields, "attempt"))
    match event.name:
        case "completed":
            result = _result(event, decode)
            duration = max(0, _number(fields, "duration")) / 1000
            return [CompletedEvent(task=task, id=job_id, result=result, duration=duration, attempt=attempt)]
        case "failed":
            error = _text(fields, "error") or _UNKNOWN
            return [FailedEvent(task=task, id=job_id, error=error, attempt=attempt, will_retry=False)]
        case "retrying":
            error, before = _text(fields, "error") or _UNKNOWN, max(1, attempt - 1)
            at = _moment(_number(fields, "nextAttemptAt"))
            return [
                FailedEvent(task=task, id=job_id, error=error, attempt=before, will_retry=True),
                RetryingEvent(
                    task=task, id=job_id, attempt=before, next_attempt=attempt, next_attempt_at=at, error=error
                ),
            ]
        case "progress":
            return [ProgressEvent(task=task, id=job_id, progress=_json(fields.get("value", b"")))]
        case "active":
            return [ActiveEvent(task=task, id=job_id, attempt=attempt)]
        case "stalled":
            failed = _text(fields, "action") == "failed"
            count = _number(fields, "count")
            return [StalledEvent(task=task, id=job_id, count=count, action="failed" if failed else "recovered")]
        case "cancelled":
            return [CancelledEvent(task=task, id=job_id, reason=_text(fields, "reason"))]
        case "expired":
            return [ExpiredEvent(task=task, id=job_id)]
        case _:
            return []


def told_of_end(task: str, info: JobInfo, outcome: Outcome, decode: Decode) -> JobEvent | None:
    """Make the last event of a job from how it stands; None while it has not ended."""
    match outcome.state:
        case State.COMPLETED:
            began, ended = info.processed_on, info.finished_on
            duration = b"%d" % ((ended - began).total_seconds() * 1000) if began and ended else b"0"
            fields = {"attempt": b"%d" % info.attempt, "duration": duration, "result": outcome.result or b""}
            return told(StoredEvent(task, "completed", info.id, fields), decode)[0]
        case State.FAILED:
            error = outcome.error or _UNKNOWN
            return FailedEvent(task=task, id=info.id, error=error, attempt=info.attempt, will_retry=False)
        case State.CANCELLED:
            return CancelledEvent(task=task, id=info.id, reason=outcome.reason)
        case State.EXPIRED:
            return ExpiredEvent(task=task, id=info.id)
        case _:
            return None


def _result(event: StoredEvent, decode: Decode) -> object:
    raw = event.fields.get("result")
    if raw is None:
        return None
    try:
        return decode(raw)
    except TaskoraError as error:
        log.warning("task %r job %s: its result cannot be read: %s", event.task, event.job_id, error)
        return None


def _json(raw: bytes) -> object:
    try:
        return JSON.loads(raw)
    except TaskoraError:
        return None


def _number(fields: Mapping[str, bytes], name: str) -> int:
    """Read a number that anybody may have written; 0 for what is none."""
    try:
        return int(float(fields.get(name, b"0")))
    except (ValueError, OverflowError):
        return 0


def _text(fields: Mapping[str, bytes], name: str) -> str | None:
    return fields.get(name, b"").decode(errors="replace") or None


def _moment(ms: int) -> datetime:
    try:
        return from_ms(ms)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
