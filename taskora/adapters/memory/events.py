"""Following in memory what happens to jobs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from itertools import islice

from taskora.adapters.event_store import EventBatch, StoredEvent, Wanted
from taskora.adapters.memory.bells import Bell
from taskora.adapters.memory.store import Event, Queue, Store


class MemoryEvents:
    """See ``EventStore``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def feed(self, wanted: Wanted) -> MemoryFeed:
        """See ``EventStore``."""
        return MemoryFeed(self._store, wanted)


class MemoryFeed:
    """See ``EventFeed``."""

    def __init__(self, store: Store, wanted: Wanted) -> None:
        self._store = store
        self._wanted = wanted
        self._read_up_to: dict[str, int] = {}
        self._bell: Bell | None = None

    async def follow(self, tasks: Collection[str]) -> None:
        """See ``EventFeed``."""
        await asyncio.sleep(0)
        with self._store.lock:
            for task in tasks:
                self._read_up_to.setdefault(task, self._store.queue(task).event_count)
        self._interrupt()

    def leave(self, tasks: Collection[str]) -> None:
        """See ``EventFeed``."""
        for task in tasks:
            self._read_up_to.pop(task, None)
        self._interrupt()

    async def read(self, block_ms: int) -> EventBatch:
        """See ``EventFeed``."""
        bell = self._bell = Bell()
        await asyncio.sleep(0)
        with self._store.lock:
            queues = [self._store.queue(task) for task in self._read_up_to]
            for queue in queues:
                queue.ears.add(bell)
            batch = self._take(queues)
        try:
            if batch.events or not block_ms:
                return batch
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(block_ms / 1000):
                    await bell.wait()
            with self._store.lock:
                return self._take(queues)
        finally:
            self._bell = None
            with self._store.lock:
                for queue in queues:
                    queue.ears.discard(bell)

    async def close(self) -> None:
        """See ``EventFeed``. There is no connection."""

    def _interrupt(self) -> None:
        if self._bell is not None:
            self._bell.ring()

    def _take(self, queues: list[Queue]) -> EventBatch:
        found: list[StoredEvent] = []
        gap = False
        for queue in queues:
            seen = self._read_up_to.get(queue.task)
            if seen is None:
                continue
            new = max(0, queue.event_count - max(seen, queue.event_count - len(queue.events)))
            gap = gap or new < queue.event_count - seen
            self._read_up_to[queue.task] = queue.event_count
            latest = [*islice(reversed(queue.events), new)]
            found += [_stored(queue, each) for each in latest[::-1] if self._wanted(queue.task, each.name, each.job_id)]
        return EventBatch(found, gap)


def _stored(queue: Queue, event: Event) -> StoredEvent:
    fields = {name: value.encode() for name, value in event.fields}
    job = queue.jobs.get(event.job_id)
    if event.name == "completed" and job is not None and job.result is not None:
        fields["result"] = job.result
    return StoredEvent(queue.task, event.name, event.job_id, fields)
