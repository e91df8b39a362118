"""What becomes due by time alone, and having it become due at once: for whoever moves the clock."""

from __future__ import annotations

from taskora.adapters.memory.store import Store


def next_due_ms(store: Store, now_ms: int) -> int | None:
    """Return when a job, a schedule or a workflow's deadline is due next; None when none is after now."""
    times = [queue.delayed.first_score() for queue in store.queues.values()]
    times += [next_ms for _, next_ms in store.schedules.values()]
    times.append(store.flows.deadlines.first_score())
    return min((at_ms for at_ms in times if at_ms is not None and at_ms > now_ms), default=None)


def hasten_batches(store: Store, task: str, key: str | None, now_ms: int) -> int:
    """Have the batches of a task that are still collected be due now; returns how many there were."""
    queue = store.queue(task)
    batches = [buffer.batch_id for name, buffer in queue.buffers.items() if key in (None, name)]
    for batch_id in batches:
        if queue.delayed.remove(batch_id):
            queue.delayed.put(batch_id, now_ms)
    store.wake(task)
    return len(batches)
