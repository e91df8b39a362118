"""Calling one listener, in order, without holding up anybody else."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable

from taskora.listening.listeners import Listener

log: logging.Logger = logging.getLogger("taskora.events")
_MOST_WAITING = 10_000
_FAILED = "%s failed"
# A sys.exit() in a listener must not end the worker, nor the cancel of something of its own what else it is to be told.
_FAILURES = (Exception, SystemExit, asyncio.CancelledError)


class Delivery:
    """The events that wait for one listener, on one event loop.

    An async listener is awaited on the loop, a plain one is called in a thread, so that it may block; either gets its
    events one after another. One that is slower than its events come loses the oldest.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._on_loop = _is_async(listener.function)
        self._waiting: deque[tuple[object, ...]] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._behind = False

    def put(self, *arguments: object) -> None:
        """Have the listener called with these."""
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft()
            if not self._behind:
                self._behind = True
                log.warning("%s is so slow that events are dropped", self._listener, extra={"action": "behind"})
        self._waiting.append(arguments)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._deliver(), name="taskora-listener")

    def forget(self) -> None:
        """Drop what waits."""
        self._waiting.clear()

    async def finish(self) -> None:
        """Wait until all that was put is delivered; when cancelled, the rest is dropped."""
        try:
            if self._pump is not None:
                await asyncio.wait((self._pump,))
        finally:
            self.forget()
            if self._pump is not None and not self._pump.done():
                self._pump.cancel()
                await asyncio.gather(self._pump, return_exceptions=True)

    async def _deliver(self) -> None:
        while self._waiting:
            if self._on_loop:
                await self._await(self._call(self._waiting.popleft()))
                continue
            # What came meanwhile shares a change of threads.
            batch = list(self._waiting)
            self._waiting.clear()
            for pending in await asyncio.to_thread(self._call_all, batch):
                await self._await(pending)
        self._behind = False

    def _call_all(self, batch: list[tuple[object, ...]]) -> list[object]:
        return [self._call(arguments) for arguments in batch]

    def _call(self, arguments: tuple[object, ...]) -> object:
        try:
            return self._listener.function(*arguments)
        except _FAILURES:
            log.exception(_FAILED, self._listener, extra={"action": "listener"})
        return None

    async def _await(self, value: object) -> None:
        # A plain function may return a coroutine: a lambda does.
        if isinstance(value, Awaitable):
            try:
                await value
            except _FAILURES:
                if _is_being_cancelled():
                    raise
                log.exception(_FAILED, self._listener, extra={"action": "listener"})


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - whether that is a coroutine function, not whether it exists
