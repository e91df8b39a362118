"""Which jobs a worker may still claim: one owner for each free slot."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Literal

from taskora.model import Claimed, Want
from taskora.protocols import Runnable


def counted(jobs: Iterable[Claimed]) -> dict[str, int]:
    """Count jobs by task."""
    counts: dict[str, int] = {}
    for job in jobs:
        counts[job.task] = counts.get(job.task, 0) + 1
    return counts


class Slots:
    """Counts of each task's slots. Two connections claim; what one has reserved the other leaves alone."""

    def __init__(self, tasks: Mapping[str, Runnable]) -> None:
        self._singletons = {name for name, task in tasks.items() if task.options.singleton}
        self._capacity = {
            name: 1 if name in self._singletons else task.options.concurrency for name, task in tasks.items()
        }
        self._on_expire: dict[str, Literal["fail", "discard"]] = {
            name: task.options.ttl.on_expire for name, task in tasks.items() if task.options.ttl
        }
        self._used = dict.fromkeys(tasks, 0)
        self._freed = asyncio.Event()
        self.open: bool = True

    def reserve(self) -> list[Want]:
        """Reserve every free slot for a claim."""
        self._freed.clear()
        return self._reserve(self._capacity)

    def exchange(self, ended: Mapping[str, int]) -> list[Want]:
        """Give back the slots of runs that ended, and reserve what is free of their tasks, in one go."""
        for task, count in ended.items():
            self._used[task] -= count
        return self._reserve(ended)

    def free(self, task: str, count: int = 1) -> None:
        """Give slots back to whoever reserves next."""
        self._used[task] -= count
        self._freed.set()

    def answer(self, wants: list[Want], brought: Mapping[str, int]) -> set[str]:
        """Turn a claim's reservations into used slots, once: the list is empty after it.

        Returns:
            The tasks that had less to do than was asked for.
        """
        spare: set[str] = set()
        for want in wants:
            unused = want.slots - brought.get(want.task, 0)
            if unused:
                self.free(want.task, unused)
                spare.add(want.task)
        wants.clear()
        return spare

    def close(self) -> None:
        """Reserve nothing more."""
        self.open = False
        self._freed.set()

    async def wait_for_free(self) -> None:
        """Wait until a slot was given back since the last reservation, or all are closed."""
        await self._freed.wait()

    def _reserve(self, tasks: Iterable[str]) -> list[Want]:
        if not self.open:
            return []
        wants: list[Want] = []
        for task in tasks:
            free = self._capacity[task] - self._used[task]
            if free > 0:
                self._used[task] += free
                wants.append(Want(task, free, self._on_expire.get(task, "fail"), task in self._singletons))
        return wants
