"""Events of jobs for programs that listen: one reader of the streams for all that are connected to this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Generator, Iterator
from typing import Final

from taskora.adapters.event_store import EventFeed, StoredEvent
from taskora.board.desk import Desk
from taskora.errors import AdapterError

_log = logging.getLogger("taskora.board")

_KEPT: Final = 500
_BLOCK_MS: Final = 1000
_PAUSE_S: Final = 1.0


class Listener:
    """Somebody who listens. Who is slow keeps the newest 500 events.

    Args:
        tasks: Whose events are wanted.
    """

    def __init__(self, tasks: frozenset[str]) -> None:
        self.tasks = tasks
        self.bell: asyncio.Event = asyncio.Event()
        self._events: deque[StoredEvent] = deque(maxlen=_KEPT)

    def put(self, event: StoredEvent) -> None:
        """Keep an event, and let go of the oldest if there are too many."""
        self._events.append(event)
        self.bell.set()

    def take(self) -> Iterator[StoredEvent]:
        """Return what is kept, once."""
        self.bell.clear()
        while self._events:
            yield self._events.popleft()


class Relay:
    """Reads events while anybody listens.

    Args:
        desk: Knows the store.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._listeners: set[Listener] = set()
        self._wanted: set[str] = set()  # asked for each event
        self._reading: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def listening(self, tasks: frozenset[str]) -> Generator[Listener]:
        """Have the events of tasks kept for a listener, from now on."""
        listener = Listener(tasks)
        self._listeners.add(listener)
        self._wanted = self._wanted | tasks
        if self._reading is None or self._reading.done() or self._reading.get_loop() is not asyncio.get_running_loop():
            self._reading = asyncio.create_task(self._read(), name="taskora-board-events")
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._wanted = {task for one in self._listeners for task in one.tasks}
            self._rest()

    def _rest(self) -> None:
        if self._reading is not None and not self._listeners:
            self._reading.cancel()
            self._reading = None

    async def _read(self) -> None:
        feed = self._desk.app.adapter.events.feed(lambda task, _name, _job_id: task in self._wanted)
        followed: set[str] = set()
        try:
            while True:
                try:
                    followed = await self._follow(feed, followed)
                    batch = await feed.read(_BLOCK_MS)
                except AdapterError as error:
                    _log.debug("cannot read events: %s", error)
                    await asyncio.sleep(_PAUSE_S)
                    continue
                for event in batch.events:
                    for listener in self._listeners:
                        if event.task in listener.tasks:
                            listener.put(event)
        finally:
            await feed.close()

    async def _follow(self, feed: EventFeed, followed: set[str]) -> set[str]:
        wanted = self._wanted
        if gone := followed - wanted:
            feed.leave(gone)
        if fresh := wanted - followed:
            await feed.follow(fresh)
        return wanted
