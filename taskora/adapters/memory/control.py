"""Holding tasks back, and what does, in memory."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from taskora.adapters.memory.rules import flush_batch
from taskora.adapters.memory.store import Queue, Store
from taskora.call import Call
from taskora.clock import from_ms
from taskora.rules import (
    CollectBuffer,
    DebouncedKey,
    DeduplicatedKey,
    FlowControl,
    FlowCounts,
    LimitedKey,
    ThrottledKey,
)

_HOLDERS_SHOWN = 20


class MemoryControl:
    """See ``ControlStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pause(self, task: str) -> Call[bool]:
        """See ``ControlStore``."""

        def act(now_ms: int) -> bool:
            queue = self._store.queue(task)
            if queue.paused_ms is not None:
                return False
            queue.paused_ms = now_ms
            return True

        return self._store.call(act)

    def resume(self, task: str) -> Call[bool]:
        """See ``ControlStore``."""

        def act(_: int) -> bool:
            queue = self._store.queue(task)
            was_paused, queue.paused_ms = queue.paused_ms is not None, None
            self._store.wake(task)
            return was_paused

        return self._store.call(act)

    def paused_since(self, task: str) -> Call[datetime | None]:
        """See ``ControlStore``."""

        def act(_: int) -> datetime | None:
            queue = self._store.queues.get(task)
            return None if queue is None or queue.paused_ms is None else from_ms(queue.paused_ms)

        return self._store.call(act)

    def flow(self, task: str, limit: int, offset: int) -> Call[FlowControl]:
        """See ``ControlStore``."""

        def act(now_ms: int) -> FlowControl:
            queue = self._store.queue(task)
            limited, buffers = _limited(queue), _buffers(queue)
            debounced, throttled = _debounced(queue, now_ms), _throttled(queue, now_ms)
            deduplicated, page = _deduplicated(queue), slice(offset, offset + limit)
            counts = FlowCounts(len(limited), len(buffers), len(debounced), len(throttled), len(deduplicated))
            return FlowControl(
                task, counts, limited[page], buffers[page], debounced[page], throttled[page], deduplicated[page]
            )

        return self._store.call(act)

    def peek(self, task: str, key: str, limit: int) -> Call[list[bytes]]:
        """See ``ControlStore``."""

        def act(_: int) -> list[bytes]:
            buffer = self._store.queue(task).buffers.get(key)
            return [] if buffer is None else list(islice(buffer.items, limit))

        return self._store.call(act)

    def flush(self, task: str, key: str) -> Call[int]:
        """See ``ControlStore``."""

        def act(now_ms: int) -> int:
            queue = self._store.queue(task)
            buffer = queue.buffers.get(key)
            if buffer is None:
                return 0
            flush_batch(queue, now_ms, queue.jobs[buffer.batch_id])
            self._store.wake(task)
            return len(buffer.items)

        return self._store.call(act)


def _limited(queue: Queue) -> list[LimitedKey]:
    found: list[LimitedKey] = []
    for key, use in queue.limits.items():
        example = next(iter((*use.holders, *use.blocked)), None)
        room = None if example is None else queue.jobs[example].limit
        holders = tuple(sorted(islice(use.holders, _HOLDERS_SHOWN)))
        found.append(LimitedKey(key, room, len(use.holders), len(use.blocked) + len(use.ready), holders))
    return found


def _buffers(queue: Queue) -> list[CollectBuffer]:
    found: list[CollectBuffer] = []
    for key, buffer in queue.buffers.items():
        due_ms = queue.delayed.score(buffer.batch_id)
        due_at = None if due_ms is None else from_ms(due_ms)
        first, last = from_ms(buffer.first_ms), from_ms(buffer.last_ms)
        found.append(CollectBuffer(key, len(buffer.items), buffer.size, first, last, due_at, buffer.batch_id))
    return found


def _debounced(queue: Queue, now_ms: int) -> list[DebouncedKey]:
    used = sorted((until_ms, key, job_id) for key, (job_id, until_ms) in queue.debounced.items() if until_ms > now_ms)
    due = ((key, job_id, queue.delayed.score(job_id)) for _, key, job_id in used)
    return [DebouncedKey(key, job_id, None if at_ms is None else from_ms(at_ms)) for key, job_id, at_ms in due]


def _throttled(queue: Queue, now_ms: int) -> list[ThrottledKey]:
    used = sorted((until_ms, key, count) for key, (count, until_ms) in queue.throttled.items() if until_ms > now_ms)
    return [ThrottledKey(key, count, from_ms(until_ms)) for until_ms, key, count in used]


def _deduplicated(queue: Queue) -> list[DeduplicatedKey]:
    return [
        DeduplicatedKey(key, job_id, queue.jobs[job_id].state.value)
        for key, job_id in queue.dedup.items()
        if job_id in queue.jobs
    ]
