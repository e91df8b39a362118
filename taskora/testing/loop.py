"""An event loop whose time is a clock that a test moves: what sleeps an hour on it takes no time."""

from __future__ import annotations

import asyncio
import math
import selectors
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar, TypeVarTuple

from taskora.adapters.memory import ManualClock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_LESS_THAN_A_MS = 0.001


class _Idleness(selectors.DefaultSelector):
    """Finds out that nothing is left to do on a loop, instead of sleeping until its next timer.

    While something outside the loop is under way, a thread or a connection, it waits for that as any loop does: then
    the timers come at the pace of real time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waiter: asyncio.Future[float | None] | None = None
        self.is_busy_outside: Callable[[], bool] = lambda: False
        self._waited_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        waiter = self.waiter
        if events or waiter is None or (timeout is not None and timeout <= 0):
            return events or super().select(timeout)
        left_s = None if timeout is None else timeout - self._waited_s
        if self.is_busy_outside() and (left_s is None or left_s > 0):
            began_s = time.monotonic()
            events = super().select(left_s)
            self._waited_s += time.monotonic() - began_s
            return events
        self._waited_s, self.waiter = 0.0, None
        if not waiter.done():
            waiter.set_result(timeout)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that lives by a ``ManualClock`` and moves it by itself never.

    Args:
        clock: Its time.
    """

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._began_ms = clock.now_ms()
        self._offloaded = 0
        self._idleness = _Idleness()
        super().__init__(self._idleness)
        # After some months a float no longer tells times apart that are as close as the real clock's resolution: a
        # timer that is due just now would never be due.
        self._clock_resolution = 1e-6
        self.slow_callback_duration: float = math.inf  # by the clock, moving it takes long
        self._own_files = len(self._idleness.get_map())

    def time(self) -> float:
        """Return the clock's time in seconds since this loop was made."""
        return (self._clock.now_ms() - self._began_ms) / 1000

    async def idle(self, outside: Callable[[], bool]) -> int | None:
        """Wait until nothing is left to do at this time.

        Args:
            outside: Tells whether something is under way that this loop cannot know of.

        Returns:
            When its next timer is due, in epoch milliseconds; None when it has none.
        """
        self._idleness.is_busy_outside = outside
        self._idleness.waiter = waiter = self.create_future()
        gap_s = await waiter
        # Rounded up, and never to nothing: a timer must be due when its time is said to have come.
        return None if gap_s is None else self._clock.now_ms() + max(1, math.ceil(gap_s * 1000 - _LESS_THAN_A_MS))

    @property
    def has_offloaded(self) -> bool:
        """Whether a call is in an executor's thread."""
        return self._offloaded > 0

    @property
    def has_files(self) -> bool:
        """Whether a connection, pipe or server is open."""
        return len(self._idleness.get_map()) > self._own_files

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """See ``asyncio.AbstractEventLoop``. Time stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._offloaded += 1
        future.add_done_callback(self._landed)
        return future

    def _landed(self, _: asyncio.Future[T]) -> None:
        self._offloaded -= 1

    def end(self) -> None:
        """Cancel what still runs on it and close it."""
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.run_until_complete(self.shutdown_asyncgens())
        self.run_until_complete(self.shutdown_default_executor())
        self.close()
