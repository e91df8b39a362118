"""What a worker does with running jobs in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from taskora.adapters.lane import Answered, HeldIds, Lane
from taskora.adapters.memory.claiming import owns, set_fence
from taskora.adapters.memory.ending import emit
from taskora.adapters.memory.flows import settle_debts
from taskora.adapters.memory.lane import MemoryLane
from taskora.adapters.memory.limits import bring_freed
from taskora.adapters.memory.queueing import release
from taskora.adapters.memory.reclaiming import Recovery, recover_job
from taskora.adapters.memory.store import DAY_MS, HOUR_MS, Job, Lock, Owed, Queue, Store
from taskora.adapters.memory.watch import MemoryWatch
from taskora.adapters.protocol import Watch
from taskora.call import Call
from taskora.model import Held

_LOGS_KEPT = 10_000


class MemoryLeases:
    """See ``LeaseStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def shares(self, tasks: Sequence[str]) -> list[list[str]]:
        """See ``LeaseStore``."""
        return [list(tasks)]

    def lane(
        self,
        worker: str,
        tasks: Sequence[str],
        lock_ttl_ms: int,
        held: HeldIds,
        answered: Answered | None = None,
        place: int = 0,
    ) -> Lane:
        """See ``LeaseStore``. ``held`` is not asked, ``answered`` not told: no claim can be lost on its way."""
        return MemoryLane(self._store, worker, tasks, lock_ttl_ms)

    def watch_cancels(self, tasks: Sequence[str]) -> Watch:
        """See ``LeaseStore``."""
        return MemoryWatch(self._store, tasks)

    def extend(self, held: Sequence[Held], ttl_ms: int) -> Call[list[int]]:
        """See ``LeaseStore``."""

        def renew(one: Held, now_ms: int) -> int:
            queue = self._store.queue(one.task)
            job = queue.jobs.get(one.job_id)
            if job is None or not owns(job, one.token, one.processed_ms, now_ms):
                return 0
            job.lock = Lock(one.token, now_ms + ttl_ms)
            queue.stalled.discard(job.id)
            return -1 if job.cancel_flag else 1

        return self._store.call(lambda now_ms: [renew(one, now_ms) for one in held])

    def write_progress(self, task: str, job_id: str, token: str, value: bytes) -> Call[bool]:
        """See ``LeaseStore``."""

        def act(now_ms: int) -> bool:
            queue = self._store.queue(task)
            job = _held(queue, job_id, token, now_ms)
            if job is None:
                return False
            job.progress = value
            emit(queue, now_ms, "progress", job_id, value=value.decode(errors="replace"))
            return True

        return self._store.call(act)

    def write_span(self, task: str, job_id: str, token: str, context: str) -> Call[bool]:
        """See ``LeaseStore``."""

        def act(now_ms: int) -> bool:
            job = _held(self._store.queue(task), job_id, token, now_ms)
            if job is None:
                return False
            job.span_context = context
            return True

        return self._store.call(act)

    def write_logs(self, task: str, job_id: str, token: str, entries: Sequence[bytes]) -> Call[bool]:
        """See ``LeaseStore``."""

        def act(now_ms: int) -> bool:
            job = _held(self._store.queue(task), job_id, token, now_ms)
            if job is None:
                return False
            job.logs += entries
            del job.logs[:-_LOGS_KEPT]
            return True

        return self._store.call(act)

    def recover(
        self,
        worker: str,
        tasks: Mapping[str, int],
        *,
        cause: str,
        charged: bool,
        max_crashes: int,
        suspects: Sequence[str] = (),
        answered: Mapping[str, int] | None = None,
    ) -> Call[int]:
        """See ``LeaseStore``. Every claim was answered."""
        store = self._store

        def act(now_ms: int) -> int:
            owed: Owed = {}
            count = 0
            for task, overdue_ms in tasks.items():
                queue = store.queue(task)
                set_fence(queue, worker, now_ms, HOUR_MS).halt = "dead"
                recovery = Recovery(cause, charged, max_crashes, overdue_ms, suspects)
                # From the newest to the oldest: the oldest goes to the front last and runs first.
                for job in reversed(_held_by(queue, worker, now_ms)):
                    token = job.token(now_ms) or ""
                    release(store, queue, job)
                    recover_job(store, queue, now_ms, job, token, recovery, owed)
                    count += 1
                bring_freed(store, queue)
            settle_debts(store, owed, now_ms)
            return count

        return store.call(act)

    def fence(self, worker: str, tasks: Sequence[str], halted: bool) -> Call[None]:
        """See ``LeaseStore``."""

        def act(now_ms: int) -> None:
            for task in tasks:
                queue = self._store.queue(task)
                fence = queue.fences.get(worker)
                if fence is not None and fence.halt == "dead" and fence.until_ms > now_ms:
                    continue
                if halted:
                    set_fence(queue, worker, now_ms, DAY_MS).halt = "halt"
                elif fence is not None:
                    fence.halt = ""

        return self._store.call(act)

    def extend_worker(self, worker: str, tasks: Sequence[str], ttl_ms: int) -> Call[int]:
        """See ``LeaseStore``."""

        def act(now_ms: int) -> int:
            count = 0
            for task in tasks:
                queue = self._store.queue(task)
                for job in _held_by(queue, worker, now_ms):
                    if job.lock is not None:
                        job.lock = Lock(job.lock.token, now_ms + ttl_ms)
                    queue.stalled.discard(job.id)
                    count += 1
            return count

        return self._store.call(act)


def _held(queue: Queue, job_id: str, token: str, now_ms: int) -> Job | None:
    job = queue.jobs.get(job_id)
    return job if job is not None and job.token(now_ms) == token else None


def _held_by(queue: Queue, worker: str, now_ms: int) -> list[Job]:
    """Return the running jobs whose locks are a worker's, the oldest first."""
    jobs = (queue.jobs[job_id] for job_id in queue.active)
    return [job for job in jobs if (job.token(now_ms) or "").startswith(f"{worker}.")]
