"""Remembering the attempts of a job that did not succeed."""

from __future__ import annotations

from typing import Final

from taskora.adapters.memory.store import Job
from taskora.clock import from_ms
from taskora.model import ATTEMPTS_KEPT, PastAttempt, PastReason, PastSequel

_MOST_BYTES: Final = 500


def remember(
    job: Job,
    now_ms: int,
    token: str | None,
    reason: PastReason,
    followed_by: PastSequel,
    *,
    due_ms: int | None = None,
    error_type: str | None = None,
    error: str | None = None,
    cause: str | None = None,
    overdue: bool = False,
) -> None:
    """Write down an attempt that did not succeed; of a job, the newest are kept. See ``PastAttempt``.

    ``token`` is of the lock that its run had, None for one that is gone. Of an ``overdue`` run, recovery told already,
    before it was settled for its dead worker.
    """
    kept = list(job.past)
    worker = token.partition(".")[0] if token and "." in token else None
    processed = None if job.processed_ms is None else from_ms(job.processed_ms)
    if overdue and kept and kept[-1].reason == "timeout":
        told = kept.pop()
        worker, processed = told.worker, told.processed_on
    shown = None if error is None else _cut(error)
    kept.append(
        PastAttempt(
            job.attempt,
            reason,
            from_ms(now_ms),
            processed_on=processed,
            worker=worker or None,
            error_type=_cut(error_type or "") or None,
            error=shown or None,
            cut=shown != error,
            cause=_cut(cause or "") or None,
            followed_by=followed_by,
            retry_at=None if due_ms is None else from_ms(due_ms),
        )
    )
    job.past = tuple(kept[-ATTEMPTS_KEPT:])


def _cut(text: str) -> str:
    return text.encode(errors="replace")[:_MOST_BYTES].decode(errors="ignore")
