"""Runs operations on connections: from plain code of any thread, or on any event loop; safe across forks."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

from taskora.connection.refusals import NotNow
from taskora.connection.request import Disconnected, Operation, Producer, Steps, T
from taskora.connection.route import Route
from taskora.connection.wires import AnyBlockingWire, AnyLoopWire, blocking_wire, loop_wire
from taskora.errors import AdapterError

PATIENCE_S = 5.0
MOST_CONNECTIONS = 32  # of one pool on one event loop
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.5


@dataclass(slots=True)
class _Line:
    """A stream of calls of which each ends before the next begins."""

    name: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    number: int = 0

    def next_call(self) -> Producer:
        self.number += 1
        return Producer(self.name, self.number)


class _Patience:
    """How long a lost connection is put up with, and how the repetitions are spaced."""

    def __init__(self) -> None:
        self._until_s: float | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._told: NotNow | None = None

    def answered(self) -> None:
        """The server has answered: what is lost after this is another loss."""
        self._until_s, self._pause_s, self._told = None, _FIRST_PAUSE_S, None

    def pause_after(self, error: Disconnected) -> float:
        """Return how long to wait before the next try, or raise that there is none."""
        now_s = time.monotonic()
        self._told = error if isinstance(error, NotNow) else self._told
        self._until_s = now_s + PATIENCE_S if self._until_s is None else self._until_s
        if now_s + self._pause_s > self._until_s:
            # What the server once said tells more than that it then closed the connection.
            if (told := self._told) is not None:
                raise AdapterError(f"{told} (tried for {PATIENCE_S:.0f} s)") from told
            raise AdapterError(
                f"no answer, tried again for {PATIENCE_S:.0f} s: is the server running? last: {error}"
            ) from error
        pause_s, self._pause_s = self._pause_s, min(self._pause_s * 2, _LONGEST_PAUSE_S)
        return pause_s


class BlockingPool:
    """Connections for plain code, as many as threads use at a time. ``revive`` is called after a lost connection."""

    def __init__(self, endpoint: Route, revive: Callable[[], object]) -> None:
        self._endpoint = endpoint
        self._revive = revive
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._idle: list[tuple[AnyBlockingWire, _Line]] = []

    def run(self, operation: Operation[T]) -> T:
        """Perform an operation, again from its start after a lost connection.

        Raises:
            AdapterError: The server was not reached within 5 seconds, or refused.
        """
        wire, line = self._take()
        producer, patience = line.next_call(), _Patience()
        try:
            while True:
                try:
                    return _drive(operation(producer), wire, patience)
                except Disconnected as error:
                    time.sleep(patience.pause_after(error))
                    self._revive()
        finally:
            self._give_back(wire, line)

    def _take(self) -> tuple[AnyBlockingWire, _Line]:
        if os.getpid() != self._pid:
            # A forked child must neither use nor close its parent's sockets.
            self._lock, self._pid, self._idle = threading.Lock(), os.getpid(), []
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return blocking_wire(self._endpoint), _Line()

    def _give_back(self, wire: AnyBlockingWire, line: _Line) -> None:
        with self._lock:
            self._idle.append((wire, line))

    def close(self) -> None:
        """Close the idle connections."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            idle, self._idle = self._idle, []
        for wire, _ in idle:
            wire.close()


def _drive(steps: Steps[T], wire: AnyBlockingWire, patience: _Patience) -> T:
    try:
        request = next(steps)
        while True:
            replies = wire.exchange(request)
            patience.answered()
            request = steps.send(replies)
    except StopIteration as end:
        return cast("T", end.value)


async def _drive_async(steps: Steps[T], wire: AnyLoopWire, patience: _Patience) -> T:
    try:
        request = next(steps)
        while True:
            replies = await wire.exchange(request)
            patience.answered()
            request = steps.send(replies)
    except StopIteration as end:
        return cast("T", end.value)


class _LoopPool:
    """The connections of one event loop; who finds all in use waits for its turn."""

    def __init__(self, endpoint: Route) -> None:
        self._endpoint = endpoint
        self._idle: list[tuple[AnyLoopWire, _Line]] = []
        self._turns = asyncio.Semaphore(MOST_CONNECTIONS)
        self._closed = False

    async def take(self) -> tuple[AnyLoopWire, _Line]:
        """Take a connection out."""
        await self._turns.acquire()
        return self._idle.pop() if self._idle else (loop_wire(self._endpoint), _Line())

    async def give_back(self, wire: AnyLoopWire, line: _Line) -> None:
        """Put it back."""
        self._turns.release()
        if self._closed:
            await wire.close()
        else:
            self._idle.append((wire, line))

    async def close(self) -> None:
        """Close those that are not in use; those that are follow when they come back."""
        self._closed = True
        idle, self._idle = self._idle, []
        for wire, _ in idle:
            await wire.close()


class LoopPools:
    """Connections for event loops, each used on its own loop only. ``revive`` is called after a lost connection."""

    def __init__(self, endpoint: Route, revive: Callable[[], Awaitable[object]]) -> None:
        self._endpoint = endpoint
        self._revive = revive
        self._pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopPool] = weakref.WeakKeyDictionary()

    async def run(self, operation: Operation[T]) -> T:
        """Perform an operation on the running loop, again from its start after a lost connection.

        Raises:
            AdapterError: The server was not reached within 5 seconds, or refused.
        """
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = _LoopPool(self._endpoint)
        wire, line = await pool.take()
        producer, patience = line.next_call(), _Patience()
        try:
            while True:
                try:
                    return await _drive_async(operation(producer), wire, patience)
                except Disconnected as error:
                    await asyncio.sleep(patience.pause_after(error))
                    await self._revive()
        finally:
            await pool.give_back(wire, line)

    async def close(self) -> None:
        """Close the connections of the running loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.close()
