"""Waiting for results: on an event loop, or in plain code through one background thread per process."""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Generic, TypeVar

from taskora.adapters.protocol import Adapter, Waiter
from taskora.errors import TimeoutError

T = TypeVar("T")
Wait = Callable[[Waiter], Coroutine[object, object, T]]


class Waiting:
    """The process's waiters: one for each event loop, and one on a loop in a thread for plain code."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Waiter] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._portal: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._foreign: asyncio.AbstractEventLoop | None = None

    def run(self, wait: Wait[T], timeout_s: float | None) -> T:
        """Wait in plain code.

        Raises:
            builtins.TimeoutError: It took longer.
        """
        future = self._hand_over(self._wait(wait))
        try:
            return future.result(timeout_s)
        except (concurrent.futures.TimeoutError, KeyboardInterrupt):
            future.cancel()
            raise

    async def run_async(self, wait: Wait[T], timeout_s: float | None) -> T:
        """Wait on the running loop.

        Raises:
            builtins.TimeoutError: It took longer.
        """
        async with asyncio.timeout(timeout_s):
            return await self._wait(wait)

    async def _wait(self, wait: Wait[T]) -> T:
        loop = asyncio.get_running_loop()
        waiter = self._by_loop.get(loop)
        if waiter is None:
            waiter = self._by_loop[loop] = self._adapter.waiter()
        return await wait(waiter)

    def _hand_over(self, waiting: Coroutine[object, object, T]) -> concurrent.futures.Future[T]:
        if os.getpid() != self._pid:
            # Threads do not survive a fork. The loop is kept: its sockets are the parent's, and not ours to close.
            self._foreign = self._portal
            self._lock, self._pid, self._portal, self._thread = threading.Lock(), os.getpid(), None, None
        # Whoever closes waits for the lock: no wait is handed to a loop that has ended.
        with self._lock:
            if self._portal is None:
                self._portal = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._portal.run_forever, name="taskora-waiter", daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(waiting, self._portal)

    def close(self) -> None:
        """End the background thread; who waits in plain code gets an ``AdapterError``."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            portal, thread = self._portal, self._thread
            self._portal = self._thread = None
        if portal is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._close_here(), portal).result(5)
        portal.call_soon_threadsafe(portal.stop)
        thread.join(5)
        portal.close()

    async def close_async(self) -> None:
        """End the waiter of the running loop, and the background thread."""
        await self._close_here()
        if self._portal is not None:
            await asyncio.to_thread(self.close)

    async def _close_here(self) -> None:
        loop = asyncio.get_running_loop()
        waiter = self._by_loop.pop(loop, None)
        if waiter is not None:
            await waiter.close()
        await self._adapter.close_loop()


class WaitCall(Generic[T]):
    """The wait for one end, run either way.

    Args:
        waiting: The process's waiters.
        wait: What to wait for; None as its result means that there is no such thing.
        timeout_s: How long at most; None for ever.
        what: What is waited for, for messages.
        missing: Makes the error for a thing that does not exist.
    """

    __slots__ = ("_missing", "_timeout_s", "_wait", "_waiting", "_what")

    def __init__(
        self,
        waiting: Waiting,
        wait: Wait[T | None],
        timeout_s: float | None,
        what: str,
        missing: Callable[[], Exception],
    ) -> None:
        self._waiting = waiting
        self._wait = wait
        self._timeout_s = timeout_s
        self._what = what
        self._missing = missing

    def run(self) -> T:
        """Wait and block."""
        try:
            return self._found(self._waiting.run(self._wait, self._timeout_s))
        except concurrent.futures.TimeoutError as error:
            raise self._late(error) from None

    async def run_async(self) -> T:
        """Wait on the running loop."""
        try:
            return self._found(await self._waiting.run_async(self._wait, self._timeout_s))
        except builtins.TimeoutError as error:
            raise self._late(error) from None

    def _found(self, outcome: T | None) -> T:
        if outcome is None:
            raise self._missing()
        return outcome

    def _late(self, error: builtins.TimeoutError) -> builtins.TimeoutError:
        if self._timeout_s is None:
            return error  # it is somebody else's
        return TimeoutError(
            f"{self._what} did not end within {self._timeout_s:g} s; it goes on", timeout=self._timeout_s
        )
