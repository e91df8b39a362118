"""Waiting for a condition, never for a time; and what stands for work that does not end by itself."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

_FIRST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.02
_FOREVER_S = 3600.0  # no test lasts so long


def _gave_up(condition: object, timeout_s: float, message: str, last: object) -> AssertionError:
    what = message or f"{getattr(condition, '__qualname__', condition)!s} never became true"
    return AssertionError(f"{what} (waited {timeout_s:g} s, last value {last!r})")


def wait_until(condition: Callable[[], T], timeout: float = 5.0, message: str = "") -> T:
    """Calls ``condition`` until it returns something true, and returns that.

    Args:
        condition: Asked first at once, then with growing pauses of 1 to 20 ms.
        timeout: In seconds.
        message: What did not happen, for the failure.

    Raises:
        AssertionError: The condition was not true in time; names the last value that it gave.
    """
    deadline_s = time.monotonic() + timeout
    pause_s = _FIRST_PAUSE_S
    while not (value := condition()):
        if time.monotonic() >= deadline_s:
            raise _gave_up(condition, timeout, message, value)
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
    return value


@overload
async def wait_until_async(condition: Callable[[], Awaitable[T]], timeout: float = ..., message: str = ...) -> T: ...
@overload
async def wait_until_async(condition: Callable[[], T], timeout: float = ..., message: str = ...) -> T: ...
async def wait_until_async(condition: Callable[[], object], timeout: float = 5.0, message: str = "") -> object:
    """Like `wait_until` on an event loop; ``condition`` may be a plain or an async function."""
    deadline_s = time.monotonic() + timeout
    pause_s = _FIRST_PAUSE_S
    while not (value := await _settled(condition())):
        if time.monotonic() >= deadline_s:
            raise _gave_up(condition, timeout, message, value)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
    return value


async def forever() -> None:
    """Stands for work that a test cancels, or whose time runs out. By itself it never ends."""
    await asyncio.sleep(_FOREVER_S)
    raise AssertionError("nobody ended this")


def block_forever() -> None:
    """The same for a process. It stays in C code, where no interruption reaches a thread."""
    time.sleep(_FOREVER_S)
    raise AssertionError("nobody ended this")


async def _settled(given: object) -> object:
    return await given if inspect.isawaitable(given) else given
