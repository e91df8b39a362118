"""Reading events on one event loop, for listeners and for those who follow single jobs."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable

from taskora.adapters.event_store import EventBatch, EventStore
from taskora.errors import AdapterError
from taskora.events import JobEvent
from taskora.listening.delivery import Delivery
from taskora.listening.listeners import Listener, Listeners
from taskora.listening.telling import Decode, names_of, told

log: logging.Logger = logging.getLogger("taskora.events")
_BLOCK_MS = 5000
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0
JobQueue = asyncio.Queue[JobEvent | None]


class EventReader:
    """Reads as long as somebody wants to be told something; then its connection is closed.

    Attributes:
        closed: Whether it has been closed for good.

    Args:
        store: Where the events are.
        listeners: Who listens. They are told of events only after ``listen``.
        decoder: Returns what reads the results of a task.
    """

    def __init__(self, store: EventStore, listeners: Listeners, decoder: Callable[[str], Decode]) -> None:
        self._feed = store.feed(self._wanted)
        self._listeners = listeners
        self._decoder = decoder
        self._listened: frozenset[str] = frozenset()
        self._jobs: defaultdict[tuple[str, str], set[JobQueue]] = defaultdict(set)
        self._deliveries: dict[Listener, Delivery] = {}
        self._followed: set[str] = set()
        self._running: asyncio.Task[None] | None = None
        self._behind = False
        self.closed: bool = False

    async def listen(self, tasks: Iterable[str]) -> None:
        """Tell listeners of what happens to these tasks, and to no others, from the return on.

        Raises:
            AdapterError: The server cannot be reached or refuses.
        """
        self._listened = frozenset(tasks)
        await self._follow(self._listened)
        self._leave_unwanted()

    async def follow_job(self, task: str, job_id: str, queue: JobQueue) -> None:
        """Put a job's events into a queue from the return on; None where some may be missing.

        Raises:
            AdapterError: The server cannot be reached or refuses.
        """
        self._jobs[task, job_id].add(queue)
        await self._follow((task,))

    def leave_job(self, task: str, job_id: str, queue: JobQueue) -> None:
        """Follow a job no longer."""
        queues = self._jobs[task, job_id]
        queues.discard(queue)
        if not queues:
            del self._jobs[task, job_id]
        self._leave_unwanted()

    def deliver(self, listener: Listener, *arguments: object) -> None:
        """Have a listener called."""
        delivery = self._deliveries.get(listener)
        if delivery is None:
            delivery = self._deliveries[listener] = Delivery(listener)
        delivery.put(*arguments)

    def forget(self, listener: Listener) -> None:
        """Call a listener no longer, not even with what waits for it."""
        delivery = self._deliveries.pop(listener, None)
        if delivery is not None:
            delivery.forget()

    async def stop(self, timeout_s: float) -> None:
        """Tell of all that has happened until now, but not for longer than the timeout, and end."""
        await self._end_reading()
        try:
            async with asyncio.timeout(timeout_s):
                more = bool(self._listened)
                while more:
                    batch = await self._feed.read(0)
                    self._give(batch)
                    more = batch.more
                await asyncio.gather(*(delivery.finish() for delivery in self._deliveries.values()))
        except TimeoutError:
            log.warning("listeners were not told of everything: they took too long", extra={"action": "drain"})
        except AdapterError as error:
            log.warning("listeners were not told of everything: %s", error, extra={"action": "drain"})
        finally:
            self._listened = frozenset()
            for delivery in self._deliveries.values():
                delivery.forget()
            self._deliveries.clear()
            self._leave_unwanted()
            await self._feed.close()
            if self._followed:
                self._run()

    async def close(self) -> None:
        """End for good; whoever follows a job is woken and finds it closed."""
        self.closed = True
        await self._end_reading()
        await self._feed.close()
        self._mark_gap()

    async def _follow(self, tasks: Iterable[str]) -> None:
        names = list(tasks)
        if names:
            await self._feed.follow(names)
            self._followed.update(names)
            self._run()

    def _leave_unwanted(self) -> None:
        unwanted = self._followed - self._listened - {task for task, _ in self._jobs}
        if unwanted:
            self._followed -= unwanted
            self._feed.leave(unwanted)

    def _run(self) -> None:
        if self._running is None and not self.closed:
            self._running = asyncio.create_task(self._read(), name="taskora-events")

    async def _end_reading(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _read(self) -> None:
        pause_s = _PAUSE_S
        while self._followed:
            try:
                batch = await self._feed.read(_BLOCK_MS)
                if pause_s != _PAUSE_S:
                    # Where the server itself was replaced, what was awaited may be gone.
                    self._mark_gap()
                    log.info("events are read again", extra={"action": "events"})
                pause_s = _PAUSE_S
                self._give(batch)
            except AdapterError as error:
                if pause_s == _PAUSE_S:
                    log.warning("events cannot be read, trying on: %s", error, extra={"action": "events"})
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s)
            except Exception:  # of ours; the events that brought it are given up, those that follow are not
                log.exception("an event could not be told", extra={"action": "bug"})
                await asyncio.sleep(_PAUSE_S)
        # No await between the condition and this: whoever follows from now on starts anew.
        self._running = None
        await self._feed.close()

    def _wanted(self, task: str, name: str, job_id: str) -> bool:
        if (task, job_id) in self._jobs:
            return True
        return task in self._listened and any(self._listeners.of(each, task) for each in names_of(name))

    def _give(self, batch: EventBatch) -> None:
        self._tell_of_gap(batch.gap)
        for stored in batch.events:
            events = told(stored, self._decoder(stored.task))
            for queue in self._jobs.get((stored.task, stored.job_id), ()):
                for event in events:
                    queue.put_nowait(event)
            if stored.task in self._listened:
                for name, event in zip(names_of(stored.name), events, strict=False):
                    for listener in self._listeners.of(name, stored.task):
                        self.deliver(listener, event)

    def _tell_of_gap(self, gap: bool) -> None:
        if gap and not self._behind:
            log.warning("this process reads events slower than they come: some were missed", extra={"action": "behind"})
        if gap:
            self._mark_gap()
        self._behind = gap

    def _mark_gap(self) -> None:
        for queues in self._jobs.values():
            for queue in queues:
                queue.put_nowait(None)
