"""Counting what handlers do, and knowing when all of it is stored."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Final

from taskora.app import Taskora

from .stage import BenchError

PATIENCE_S: Final = 120.0
_LOOK_S: Final = 0.001


class Tally:
    """Counts calls of handlers, from coroutines and threads alike; made on the loop that waits.

    Args:
        goal: The number to wait for.
    """

    def __init__(self, goal: int) -> None:
        self.first_s: float = 0.0
        self._goal = goal
        self._numbers = itertools.count(1)  # one step of it is never shared by two threads
        self._loop = asyncio.get_running_loop()
        self._reached = asyncio.Event()

    def add(self) -> None:
        """Count one more."""
        number = next(self._numbers)
        if number == 1:
            self.first_s = time.perf_counter()
        if number == self._goal:
            self._loop.call_soon_threadsafe(self._reached.set)

    async def reached(self) -> None:
        """Wait for the goal.

        Raises:
            BenchError: It is not reached in time.
        """
        try:
            await asyncio.wait_for(self._reached.wait(), PATIENCE_S)
        except TimeoutError:
            raise BenchError(
                f"after {PATIENCE_S:.0f} s {next(self._numbers) - 1:,} of {self._goal:,} jobs had run"
            ) from None


async def settle(app: Taskora, task: str, jobs: int) -> float:
    """Wait until every outcome is stored; returns when that was, in seconds of ``perf_counter``.

    Raises:
        BenchError: Not as many jobs are completed as there were.
    """
    inspector = app.inspect()
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        stats = await inspector.stats_async(task)
        ended_s = time.perf_counter()
        left = stats.waiting + stats.active + stats.delayed
        if not left:
            break
        if time.monotonic() > deadline_s:
            raise BenchError(f"task {task!r}: {left:,} of {jobs:,} jobs are not stored after {PATIENCE_S:.0f} s")
        await asyncio.sleep(_LOOK_S)
    completed = sum(span.completed for span in await inspector.throughput_async(task))
    if completed != jobs:
        raise BenchError(f"task {task!r}: {jobs:,} jobs were dispatched, {completed:,} are completed: {stats}")
    return ended_s
