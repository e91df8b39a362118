"""What becomes of jobs whose worker died or vanished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from taskora.adapters.memory.ending import conclude, emit
from taskora.adapters.memory.limits import bring_expired, bring_freed
from taskora.adapters.memory.past import remember
from taskora.adapters.memory.queueing import give_back, release
from taskora.adapters.memory.store import Job, Owed, Queue, Store
from taskora.model import State


class Recovery(NamedTuple):
    """Why jobs are taken from a worker, and what it costs them. See ``LeaseStore.recover``."""

    cause: str
    charged: bool
    max_crashes: int
    overdue_ms: int
    suspects: Sequence[str]


def recover_job(store: Store, queue: Queue, now_ms: int, job: Job, token: str, recovery: Recovery, owed: Owed) -> None:
    """Give a released job of a dead worker back, or end it."""
    ran_ms = now_ms - (job.processed_ms or now_ms)
    cause = recovery.cause
    if job.cancel_flag:
        remember(job, now_ms, token, "cancel", "cancelled", error=job.cancel_reason, cause=cause)
        conclude(store, queue, now_ms, job, State.CANCELLED, job.cancel_reason or "", "", owed)
    elif recovery.cause == "hung" and job.id[-8:] in recovery.suspects and 0 < recovery.overdue_ms <= ran_ms:
        job.cause = "timeout"
        remember(job, now_ms, token, "timeout", "queued", cause=cause)
        give_back(store, queue, now_ms, job, "waiting")
    elif not recovery.charged or _was_beside(job, recovery):
        remember(job, now_ms, token, "lost", "queued", cause=cause)
        give_back(store, queue, now_ms, job, "waiting")
    else:
        _charge(store, queue, now_ms, job, token, recovery, owed)


def _was_beside(job: Job, recovery: Recovery) -> bool:
    """Whether a job only waited while others had the interpreter, and did not do so at too many deaths."""
    if not recovery.suspects or job.id[-8:] in recovery.suspects:
        return False
    job.beside += 1
    return job.beside <= 5 * (recovery.max_crashes + 1)


def _charge(store: Store, queue: Queue, now_ms: int, job: Job, token: str, recovery: Recovery, owed: Owed) -> None:
    job.crashes += 1
    job.crash_cause = recovery.cause
    told = {"count": job.crashes, "cause": recovery.cause}
    if job.crashes <= recovery.max_crashes:
        due_ms = _bring_back(store, queue, now_ms, job, recovery, told)
        followed: Literal["queued", "retry"] = "queued" if due_ms is None else "retry"
        remember(job, now_ms, token, "crash", followed, due_ms=due_ms, cause=recovery.cause)
        return
    remember(job, now_ms, token, "crash", "failed", cause=recovery.cause)
    emit(queue, now_ms, "stalled", job.id, **told, action="failed")
    message = f"the worker process died {job.crashes} times while it ran this job; last cause: {recovery.cause}"
    conclude(store, queue, now_ms, job, State.FAILED, message, "StalledError", owed)


def _bring_back(
    store: Store, queue: Queue, now_ms: int, job: Job, recovery: Recovery, told: Mapping[str, object]
) -> int | None:
    """Queue a job anew; returns when it is due, None for at once."""
    mark = job.id[-8:]
    place = recovery.suspects.index(mark) if mark in recovery.suspects else 0
    if job.crashes == 1 or place == 0:
        give_back(store, queue, now_ms, job, "stalled", **told, action="recovered")
        return None
    # Jobs that saw two deaths together come back one by one, so that they part.
    job.state = State.RETRYING
    due_ms = now_ms + place * 1000
    queue.delayed.put(job.id, due_ms)
    emit(queue, now_ms, "stalled", job.id, **told, action="recovered")
    store.wake(queue.task)
    return due_ms


def sweep(store: Store, queue: Queue, now_ms: int, max_stalls: int, grace_ms: int, owed: Owed) -> int:
    """Take jobs from workers that vanished: what was active at the last sweep and has no lock now."""
    vanished: list[Job] = []
    if queue.swept_ms is None or now_ms - queue.swept_ms >= grace_ms:
        stale = queue.swept_ms is not None and grace_ms > 0 and now_ms - queue.swept_ms > 10 * grace_ms + 60_000
        vanished = [] if stale else _vanished(queue, now_ms)
        _take(store, queue, now_ms, vanished, max_stalls, owed)
        queue.stalled = set(queue.active)
        queue.swept_ms = now_ms if queue.active else None
    bring_expired(store, queue, now_ms)
    return len(vanished)


def _vanished(queue: Queue, now_ms: int) -> list[Job]:
    """Return the running jobs that were so at the last sweep and that nobody holds."""
    jobs = (queue.jobs[job_id] for job_id in queue.active if job_id in queue.stalled)
    return [job for job in jobs if job.token(now_ms) is None]


def _take(store: Store, queue: Queue, now_ms: int, vanished: list[Job], max_stalls: int, owed: Owed) -> None:
    # From the newest to the oldest: the oldest goes to the front last and runs first.
    for job in reversed(vanished):
        release(store, queue, job)
        if job.cancel_flag:
            remember(job, now_ms, None, "cancel", "cancelled", error=job.cancel_reason)
            conclude(store, queue, now_ms, job, State.CANCELLED, job.cancel_reason or "", "", owed)
        else:
            _stall(store, queue, now_ms, job, max_stalls, owed)
    bring_freed(store, queue)


def _stall(store: Store, queue: Queue, now_ms: int, job: Job, max_stalls: int, owed: Owed) -> None:
    job.stalls += 1
    remember(job, now_ms, None, "stall", "queued" if job.stalls <= max_stalls else "failed")
    if job.stalls <= max_stalls:
        give_back(store, queue, now_ms, job, "stalled", count=job.stalls, action="recovered")
        return
    emit(queue, now_ms, "stalled", job.id, count=job.stalls, action="failed")
    message = f"the worker vanished {job.stalls} times while it ran this job"
    conclude(store, queue, now_ms, job, State.FAILED, message, "StalledError", owed)
