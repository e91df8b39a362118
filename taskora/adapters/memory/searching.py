"""Finding jobs by what is indexed of their payload, in memory."""

from __future__ import annotations

from taskora.adapters.memory.ranked import Ranked
from taskora.adapters.memory.store import Job, Queue


def index_job(queue: Queue, job: Job) -> None:
    """List a new job under what can be searched of its payload."""
    for entry in job.indexed:
        queue.index.setdefault(entry, Ranked()).put(job.id, job.ts_ms)


def unindex_job(queue: Queue, job: Job) -> None:
    """Take a job that goes out again."""
    for entry in job.indexed:
        found = queue.index.get(entry)
        if found is not None and found.remove(job.id) and not found:
            del queue.index[entry]


def found_places(queue: Queue, entry: str, limit: int, cursor: str) -> tuple[list[tuple[int, str]], bool]:
    """Return when jobs were dispatched and which these are, the newest first, and whether there are more."""
    at_ms, _, job_id = cursor.partition("-")
    places = queue.index.get(entry, Ranked[int]()).behind((int(at_ms), job_id) if cursor else None, limit + 1)
    return places[:limit], len(places) > limit
