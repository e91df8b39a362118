"""One description of an operation, run either way; and calls that are made of others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Generic, Protocol, TypeAlias, TypeVar, cast

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


CallSteps: TypeAlias = Generator[Call[object], object, T]
"""Yields calls, is sent their results, returns its own. It is begun anew for each run."""


def ask(call: Call[T]) -> CallSteps[T]:
    """Run one call from within steps, by way of ``yield from``."""
    return cast("T", (yield call))


class Composed(Generic[T]):
    """Steps that run calls one after another, either way."""

    __slots__ = ("_steps",)

    def __init__(self, steps: Callable[[], CallSteps[T]]) -> None:
        self._steps = steps

    def run(self) -> T:
        """Run all and block until they are done."""
        steps, result = self._steps(), None
        try:
            while True:
                result = steps.send(result).run()
        except StopIteration as end:
            return cast("T", end.value)

    async def run_async(self) -> T:
        """Run all on the running event loop."""
        steps, result = self._steps(), None
        try:
            while True:
                result = await steps.send(result).run_async()
        except StopIteration as end:
            return cast("T", end.value)


def mapped(call: Call[T], convert: Callable[[T], R]) -> Call[R]:
    """Pass a call's result through a function."""

    def steps() -> CallSteps[R]:
        return convert((yield from ask(call)))

    return Composed(steps)


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
