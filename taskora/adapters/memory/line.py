"""Where a job waits for its claim."""

from __future__ import annotations

from taskora.adapters.memory.store import Job, Queue


def to_waiting(queue: Queue, job: Job, *, front: bool) -> None:
    """Put a job where claims look for it: by priority and age, else at the front or the back."""
    if job.priority > 0:
        queue.prioritized.put(job.id, (-job.priority, job.ts_ms))
        return
    queue.waiting[job.id] = None
    queue.waiting.move_to_end(job.id, last=not front)
