"""A subscription in memory to the cancels of running jobs."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence

from taskora.adapters.memory.bells import Bell
from taskora.adapters.memory.store import Store


class MemoryWatch:
    """See ``Watch`` in the protocol. It misses nothing once it has yielded for the first time."""

    def __init__(self, store: Store, tasks: Sequence[str]) -> None:
        self._store = store
        self._tasks = tuple(dict.fromkeys(tasks))
        self._told: deque[tuple[str, str]] = deque()
        self._bell: Bell | None = None
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[tuple[str, str]]:
        """See ``Watch``."""
        bell = self._bell = Bell()
        with self._store.lock:
            for task in self._tasks:
                self._store.cancels.setdefault(task, []).append(self._tell)
        try:
            # Whatever was cancelled while nobody listened has to be looked up.
            yield "", ""
            while not self._closed:
                while self._told:
                    yield self._told.popleft()
                await bell.wait()
        finally:
            self._unsubscribe()

    async def close(self) -> None:
        """See ``Watch``."""
        self._closed = True
        self._unsubscribe()
        if self._bell is not None:
            self._bell.ring()

    def _tell(self, task: str, job_id: str) -> None:
        self._told.append((task, job_id))
        if self._bell is not None:
            self._bell.ring()

    def _unsubscribe(self) -> None:
        with self._store.lock:
            for task in self._tasks:
                listeners = self._store.cancels.get(task, [])
                if self._tell in listeners:
                    listeners.remove(self._tell)
