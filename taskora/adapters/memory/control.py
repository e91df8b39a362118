"""Holding tasks back, in memory."""

from __future__ import annotations

from datetime import datetime

from taskora.adapters.memory.store import Store
from taskora.call import Call
from taskora.clock import from_ms


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
