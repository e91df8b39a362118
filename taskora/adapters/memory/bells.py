"""Waking coroutines, on whatever event loop they wait, from whatever thread something happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable

from taskora.adapters.memory.clock import Clock


class Bell:
    """Wakes one coroutine of the loop on which it was made; a ring before the wait is not lost."""

    __slots__ = ("_event", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def ring(self) -> None:
        """End the wait under way, or the next one. From any thread."""
        if _running_loop() is self._loop:
            self._event.set()
        else:
            with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        """Wait for a ring."""
        await self._event.wait()
        self._event.clear()

    async def wait_until(self, clock: Clock, at_ms: int) -> None:
        """Wait for a ring, or for a time by a clock."""
        forget = clock.call_at(at_ms, self.ring)
        try:
            await self.wait()
        finally:
            forget()


class Bells:
    """Who is to be woken about what. Only used under the store's lock."""

    def __init__(self) -> None:
        self._by_topic: defaultdict[str, set[Bell]] = defaultdict(set)

    def __len__(self) -> int:
        return len({bell for bells in self._by_topic.values() for bell in bells})

    def ring(self, topic: str) -> None:
        """Wake all who listen to a topic."""
        for bell in self._by_topic.get(topic, ()):
            bell.ring()

    def hang(self, bell: Bell, topics: Iterable[str]) -> None:
        """Have a bell rung for these topics."""
        for topic in topics:
            self._by_topic[topic].add(bell)

    def take_down(self, bell: Bell, topics: Iterable[str]) -> None:
        """Have it rung no more."""
        for topic in topics:
            bells = self._by_topic.get(topic)
            if bells is not None:
                bells.discard(bell)
                if not bells:
                    del self._by_topic[topic]


def work_topic(task: str) -> str:
    """A task has, or will have, work to claim."""
    return f"work {task}"


def worker_topic(worker: str) -> str:
    """A worker's own wait is to end."""
    return f"worker {worker}"


def job_topic(task: str, job_id: str) -> str:
    """A job ended."""
    return f"job {task} {job_id}"


def workflow_topic(workflow_id: str) -> str:
    """A workflow ended."""
    return f"workflow {workflow_id}"


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
