"""Jobs that ended badly, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from taskora.adapters.dead_letter_store import Failure, Requeued
from taskora.adapters.memory.ending import emit, forget_job
from taskora.adapters.memory.line import to_waiting
from taskora.adapters.memory.store import Queue, Store
from taskora.call import Call
from taskora.model import State

_RETRYABLE = (State.FAILED, State.CANCELLED)


class MemoryDeadLetters:
    """See ``DeadLetterStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def requeue(self, task: str, job_id: str) -> Call[bool]:
        """See ``DeadLetterStore``."""
        return self._store.call(lambda now_ms: _requeue(self._store, self._store.queue(task), now_ms, job_id))

    def requeue_failed(self, task: str, until_ms: int | None, limit: int) -> Call[Requeued]:
        """See ``DeadLetterStore``."""

        def act(now_ms: int) -> Requeued:
            queue, until = self._store.queue(task), until_ms or now_ms
            ids = queue.ended[State.FAILED].up_to(until, limit)
            count = sum(_requeue(self._store, queue, now_ms, job_id) for job_id in ids)
            return Requeued(count, len(ids) == limit, until)

        return self._store.call(act)

    def requeue_named(self, task: str, job_ids: Sequence[str]) -> Call[int]:
        """See ``DeadLetterStore``."""

        def act(now_ms: int) -> int:
            queue = self._store.queue(task)
            return sum(_requeue(self._store, queue, now_ms, job_id) for job_id in job_ids)

        return self._store.call(act)

    def failures(self, task: str, limit: int, offset: int = 0) -> Call[list[Failure]]:
        """See ``DeadLetterStore``."""

        def act(_: int) -> list[Failure]:
            queue = self._store.queue(task)
            newest = islice(reversed(queue.ended[State.FAILED]), offset, offset + limit)
            jobs = [queue.jobs[job_id] for job_id in newest]
            return [Failure(job.id, job.finished_ms or 0, job.error_type or "", job.error or "") for job in jobs]

        return self._store.call(act)

    def clean(self, task: str, state: State, until_ms: int, limit: int) -> Call[int]:
        """See ``DeadLetterStore``."""

        def act(now_ms: int) -> int:
            queue = self._store.queue(task)
            ids = queue.ended[state].up_to(until_ms, limit)
            queue.ended[state].remove_all(ids)
            for job_id in ids:
                forget_job(queue, job_id, now_ms)
            return len(ids)

        return self._store.call(act)


def _requeue(store: Store, queue: Queue, now_ms: int, job_id: str) -> bool:
    job = queue.jobs.get(job_id)
    if job is None or job.state not in _RETRYABLE:
        return False
    queue.ended[job.state].remove(job_id)
    job.state, job.attempt, job.ts_ms = State.WAITING, 1, now_ms
    job.error = job.error_type = job.trace = job.result = job.cancel_reason = None
    job.processed_ms = job.finished_ms = job.workflow_id = job.node = None
    job.stalls = job.crashes = job.beside = job.expires_ms = 0
    job.crash_cause = ""
    job.cause, job.collect_key, job.cancel_flag = "", "", False
    if job.dedup_key:
        queue.dedup.setdefault(job.dedup_key, job_id)
    to_waiting(queue, job, front=False)
    emit(queue, now_ms, "waiting", job_id)
    store.wake(queue.task)
    return True
