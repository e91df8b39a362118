"""One description of an operation, run either way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
R = TypeVar("R")


class Call(Protocol[T_co]):
    """An operation that has been described but not run.

    Run it as often as wanted; each run performs it anew. Both forms raise ``AdapterError`` when the server cannot be
    reached or refuses.
    """

    def run(self) -> T_co:
        """Perform it and block until it is done. Not for use on an event loop."""
        ...

    async def run_async(self) -> T_co:
        """Perform it on the running event loop."""
        ...


class Mapped(Generic[T, R]):
    """A call whose result is passed through a function."""

    __slots__ = ("_call", "_convert")

    def __init__(self, call: Call[T], convert: Callable[[T], R]) -> None:
        self._call = call
        self._convert = convert

    def run(self) -> R:
        """Perform the call and convert its result."""
        return self._convert(self._call.run())

    async def run_async(self) -> R:
        """Perform the call and convert its result."""
        return self._convert(await self._call.run_async())


class Gathered(Generic[T]):
    """Several calls as one; on an event loop they run at the same time."""

    __slots__ = ("_calls",)

    def __init__(self, calls: Sequence[Call[T]]) -> None:
        self._calls = calls

    def run(self) -> list[T]:
        """Perform all, one after another, and return their results in order."""
        return [call.run() for call in self._calls]

    async def run_async(self) -> list[T]:
        """Perform all and return their results in order."""
        return list(await asyncio.gather(*(call.run_async() for call in self._calls)))


def on_running_loop() -> bool:
    """Tell whether the calling thread is running an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def refuse_on_loop(name: str) -> None:
    """Refuse a blocking method on a running event loop.

    Raises:
        RuntimeError: The calling thread runs a loop; the message names the method to await.
    """
    if on_running_loop():
        raise RuntimeError(f"{name}() would block the running event loop; use: await {name}_async()")
