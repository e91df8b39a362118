"""How many jobs of a concurrency key run at a time. Those that find it full are parked, and brought in their turn."""

from __future__ import annotations

from taskora.adapters.memory.line import to_waiting
from taskora.adapters.memory.store import Job, KeyUse, Queue, Store

_BEFORE_ALL = -1_000_000  # before every priority


def take_key(store: Store, queue: Queue, job: Job) -> bool:
    """Take a key for a job that is about to run; parks the job when the key is full or others have their turn first."""
    if job.limit <= 0:
        return True
    use = queue.limits.setdefault(job.limit_key, KeyUse())
    ready = job.id in use.ready
    use.ready.discard(job.id)
    taken = len(use.holders) + (0 if ready else len(use.ready))
    others = not ready and len(use.blocked) > 0
    if taken >= job.limit or others:
        _park(use, job, first=ready)
        if others:
            bring(store, queue, job.limit_key)
        return False
    use.holders.add(job.id)
    return True


def drop_key(queue: Queue, job: Job) -> None:
    """Let go of the key of a job that ran; ``bring_freed`` gives it on."""
    use = queue.limits.get(job.limit_key)
    if use is not None:
        use.holders.discard(job.id)
        queue.freed[job.limit_key] = None


def keep_turn(queue: Queue, job: Job) -> None:
    """Have a job that is given back be the next to hold the key that it let go."""
    if job.limit > 0:
        queue.limits.setdefault(job.limit_key, KeyUse()).ready.add(job.id)


def give_up_turn(store: Store, queue: Queue, job: Job) -> None:
    """Take a job that waits off its key, and give its turn on."""
    use = queue.limits.get(job.limit_key)
    if use is not None:
        use.ready.discard(job.id)
        use.blocked.remove(job.id)
        bring(store, queue, job.limit_key)


def bring_freed(store: Store, queue: Queue) -> None:
    """Give on what was let go. At the end: so one that went back to the front keeps its key."""
    for key in queue.freed:
        bring(store, queue, key)
    queue.freed.clear()


def bring(store: Store, queue: Queue, key: str) -> None:
    """Queue as many parked jobs of a key as there is room for, at the front and in their order."""
    use = queue.limits.get(key)
    if use is None:
        return
    brought: list[Job] = []
    for job_id in use.blocked:
        job = queue.jobs[job_id]
        if len(use.holders) + len(use.ready) + len(brought) >= job.limit:
            break
        brought.append(job)
    use.blocked.remove_first(len(brought))
    for job in reversed(brought):
        use.ready.add(job.id)
        to_waiting(queue, job, front=True)
    if brought:
        store.wake(queue.task)
    elif not (use.holders or use.ready or use.blocked):
        del queue.limits[key]


def bring_expired(store: Store, queue: Queue, now_ms: int) -> None:
    """Queue the parked jobs that expired: the next claim ends them."""
    for use in queue.limits.values():
        for job in [queue.jobs[job_id] for job_id in use.blocked]:
            if 0 < job.expires_ms <= now_ms:
                use.blocked.remove(job.id)
                to_waiting(queue, job, front=True)
                store.wake(queue.task)


def parked(queue: Queue) -> list[str]:
    """Return the ids of all parked jobs, those that expire first in front."""
    ids = [job_id for use in queue.limits.values() for job_id in use.blocked]
    return sorted(ids, key=lambda job_id: (queue.jobs[job_id].expires_ms or float("inf"), job_id))


def _park(use: KeyUse, job: Job, *, first: bool) -> None:
    use.parked += 1
    if first:
        use.blocked.put(job.id, (_BEFORE_ALL, -use.parked))
    elif job.priority > 0:
        use.blocked.put(job.id, (-job.priority, job.ts_ms))
    else:
        use.blocked.put(job.id, (0, use.parked))
