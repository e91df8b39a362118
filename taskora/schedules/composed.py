"""Calls that are made of several."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Generic, TypeAlias, TypeVar, cast

from taskora.call import Call

T = TypeVar("T")

Script: TypeAlias = Generator[Call[object], object, T]


def ask(call: Call[T]) -> Script[T]:
    """Run one call from within a script, by way of ``yield from``."""
    return cast("T", (yield call))


class Composed(Generic[T]):
    """A script of calls, run one after another either way."""

    __slots__ = ("_script",)

    def __init__(self, script: Callable[[], Script[T]]) -> None:
        self._script = script

    def run(self) -> T:
        """Run all and block until they are done."""
        script, result = self._script(), None
        try:
            while True:
                result = script.send(result).run()
        except StopIteration as end:
            return cast("T", end.value)

    async def run_async(self) -> T:
        """Run all on the running event loop."""
        script, result = self._script(), None
        try:
            while True:
                result = await script.send(result).run_async()
        except StopIteration as end:
            return cast("T", end.value)
