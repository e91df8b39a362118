"""Values that many browsers ask for at once, and that are read once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Fresh(Generic[T]):
    """A value that is read anew when it is asked for and older than so much; whoever asks meanwhile waits with it.

    Args:
        read: Reads it.
        max_age_s: How old it may be.
    """

    def __init__(self, read: Callable[[], Awaitable[T]], max_age_s: float) -> None:
        self._read = read
        self._max_age_s = max_age_s
        self._reading: asyncio.Task[T] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._since_s = 0.0

    async def get(self) -> T:
        """Return the value; raises what reading it raises."""
        reading = self._reading
        if reading is None or self._loop is not asyncio.get_running_loop() or self._is_spent(reading):
            self._loop = asyncio.get_running_loop()
            self._since_s = time.monotonic()
            reading = self._reading = asyncio.create_task(self._value(), name="taskora-board-read")
            # Whoever asked may have failed by something else before: then nobody looks at why this failed.
            reading.add_done_callback(lambda read: read.cancelled() or read.exception())
        # One browser that goes away must not take the value from the others.
        return await asyncio.shield(reading)

    async def get_soon(self, patience_s: float) -> T | None:
        """Return the value; None when reading it takes longer, which goes on."""
        try:
            async with asyncio.timeout(patience_s):
                return await self.get()
        except TimeoutError:
            return None

    def forget(self) -> None:
        """Read the value anew when it is next asked for."""
        self._reading = None

    def _is_spent(self, reading: asyncio.Task[T]) -> bool:
        if not reading.done():
            return False
        old = time.monotonic() - self._since_s >= self._max_age_s
        return old or reading.cancelled() or reading.exception() is not None

    async def _value(self) -> T:
        return await self._read()
