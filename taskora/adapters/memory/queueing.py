"""How jobs come into a task's queues: new ones, due ones, and those that are given back."""

from __future__ import annotations

from taskora.adapters.memory.ending import emit, expire
from taskora.adapters.memory.limits import drop_key, keep_turn
from taskora.adapters.memory.line import to_waiting
from taskora.adapters.memory.searching import index_job
from taskora.adapters.memory.store import Job, Owed, Queue, Store
from taskora.model import EnqueueSpec, NewJob, State

_PER_PROMOTION = 100


def id_taken(queue: Queue, job_id: str, now_ms: int) -> bool:
    """Tell whether an id is taken: by a job, or by one that its caller named and that retention removed."""
    return job_id in queue.jobs or queue.gone.get(job_id, 0) > now_ms


def store_job(store: Store, queue: Queue, now_ms: int, spec: EnqueueSpec, new: NewJob) -> Job:
    """Write a new job and queue it."""
    delayed = new.delay_ms > 0
    job = Job(
        new.job_id, now_ms, new.data, spec.version, State.DELAYED if delayed else State.WAITING, new.priority,
        expires_ms=now_ms + new.ttl_ms if new.ttl_ms > 0 else 0, given=new.given,
        limit_key=new.concurrency_key, limit=new.concurrency_limit, indexed=new.indexed,
        trace_context=new.trace_context, delay_ms=new.delay_ms,
    )  # fmt: skip
    queue.jobs[job.id] = job
    index_job(queue, job)
    if delayed:
        queue.delayed.put(job.id, now_ms + new.delay_ms)
    else:
        to_waiting(queue, job, front=False)
    emit(queue, now_ms, job.state.value, job.id)
    store.wake(queue.task)
    return job


def next_due_ms(queue: Queue, now_ms: int) -> int | None:
    """Return the time until the next delayed job is due; None when there is none."""
    score = queue.delayed.first_score()
    return None if score is None else max(0, score - now_ms)


def promote(store: Store, queue: Queue, now_ms: int, discard: bool, owed: Owed) -> int | None:
    """Move due jobs to their queue, the earliest first; returns ms until the next is due, None for none."""
    due = queue.delayed.up_to(now_ms, _PER_PROMOTION)
    if not due:
        return next_due_ms(queue, now_ms)
    queue.delayed.remove_first(len(due))
    for job_id in due:
        job = queue.jobs[job_id]
        if 0 < job.expires_ms <= now_ms:
            expire(store, queue, now_ms, job, discard, owed)
        else:
            job.state = State.WAITING
            to_waiting(queue, job, front=False)
            emit(queue, now_ms, "promoted", job_id)
    store.wake(queue.task)
    return next_due_ms(queue, now_ms)


def release(store: Store, queue: Queue, job: Job) -> None:
    """Take a job out of its owner's hands. What its key frees is to be given on by ``bring_freed``."""
    job.lock = None
    queue.stalled.discard(job.id)
    queue.active.pop(job.id, None)
    drop_key(queue, job)
    # Workers of a singleton task sleep until nothing of it is active.
    if not queue.active:
        store.wake(queue.task)


def give_back(store: Store, queue: Queue, now_ms: int, job: Job, event: str, **fields: object) -> None:
    """Put a released job back to the front: it waited longest."""
    keep_turn(queue, job)
    job.state = State.WAITING
    to_waiting(queue, job, front=True)
    emit(queue, now_ms, event, job.id, **fields)
    store.wake(queue.task)
