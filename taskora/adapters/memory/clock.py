"""The time of a memory adapter: the system's, or one that a test moves by hand."""

from __future__ import annotations

import asyncio
import threading
import time
from bisect import insort
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

Forget: TypeAlias = Callable[[], None]


class Clock(Protocol):
    """Tells the time and wakes at one. Everything that an adapter does by time, it does by its clock."""

    def now_ms(self) -> int:
        """Return the time in epoch milliseconds; it never goes back."""
        ...

    def call_at(self, at_ms: int, wake: Callable[[], None]) -> Forget:
        """Have ``wake`` called once the time is ``at_ms``, at once if it is; call what is returned to forget it.

        Called on an event loop. ``wake`` may be called on another thread.
        """
        ...


class SystemClock:
    """The system's time as it was when this was made, moved on by its monotonic clock."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ms(self) -> int:
        """See ``Clock``."""
        return (self._offset_ns + time.monotonic_ns()) // 1_000_000

    def call_at(self, at_ms: int, wake: Callable[[], None]) -> Forget:
        """See ``Clock``."""
        left_s = max(0, at_ms - self.now_ms()) / 1000
        return asyncio.get_running_loop().call_later(left_s, wake).cancel


class _Alarm(NamedTuple):
    at_ms: int
    number: int
    wake: Callable[[], None]


class ManualClock:
    """A clock that stands still until it is moved. It may be moved from any thread.

    Args:
        now_ms: Where it begins, in epoch milliseconds. Defaults to the system's time.
    """

    def __init__(self, now_ms: int | None = None) -> None:
        self._now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        self._alarms: list[_Alarm] = []
        self._set = 0
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        """See ``Clock``."""
        return self._now_ms

    def call_at(self, at_ms: int, wake: Callable[[], None]) -> Forget:
        """See ``Clock``."""
        with self._lock:
            self._set += 1
            alarm = _Alarm(at_ms, self._set, wake)
            waits = at_ms > self._now_ms
            if waits:
                insort(self._alarms, alarm)
        if not waits:
            wake()
        return lambda: self._forget(alarm)

    def advance(self, ms: int) -> None:
        """Move on, and wake on the way whoever waits for a time that is reached, the earliest first.

        Args:
            ms: Milliseconds; 0 or more.

        Raises:
            ValueError: ``ms`` is negative.
        """
        if ms < 0:
            raise ValueError(f"ms: a clock does not go back, but {ms} was given")
        target_ms = self._now_ms + ms
        while (alarm := self._next(target_ms)) is not None:
            alarm.wake()

    @property
    def next_alarm_ms(self) -> int | None:
        """The earliest time that somebody waits for, in epoch milliseconds; None while nobody does."""
        with self._lock:
            return self._alarms[0].at_ms if self._alarms else None

    def _next(self, target_ms: int) -> _Alarm | None:
        with self._lock:
            if self._alarms and self._alarms[0].at_ms <= target_ms:
                alarm = self._alarms.pop(0)
                self._now_ms = max(self._now_ms, alarm.at_ms)
                return alarm
            self._now_ms = max(self._now_ms, target_ms)
            return None

    def _forget(self, alarm: _Alarm) -> None:
        with self._lock:
            if alarm in self._alarms:
                self._alarms.remove(alarm)


async def sleep_ms(clock: Clock, ms: int) -> None:
    """Sleep by a clock on the running event loop."""
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(woken.set)

    forget = clock.call_at(clock.now_ms() + ms, wake)
    try:
        await woken.wait()
    finally:
        forget()
