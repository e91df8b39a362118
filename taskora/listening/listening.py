"""The process's listening: its listeners, told on the event loop on which it was started, and followers of jobs."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Protocol

from taskora.adapters.event_store import EventStore
from taskora.call import Call
from taskora.errors import AdapterError
from taskora.events import JobEvent, ends
from taskora.listening.listeners import Function, Listener, Listeners
from taskora.listening.reader import EventReader, JobQueue
from taskora.listening.telling import Decode, told_of_end
from taskora.model import JobInfo, Outcome

log: logging.Logger = logging.getLogger("taskora.events")
_LAST_EVENTS_S = 5.0
_LOOK_AGAIN_S = 5.0
_PAUSE_S = 0.5


class FollowedJob(Protocol):
    """What following a job needs of its task."""

    @property
    def name(self) -> str: ...

    def decode_result(self, raw: bytes, /) -> object:
        """Read a stored result."""
        ...

    def read(self, job_id: str) -> Call[JobInfo]:
        """Read all of a job."""
        ...

    def read_outcome(self, job_id: str) -> Call[Outcome]:
        """Read how a job stands."""
        ...


class Listening:
    """Connections are made when there is something to listen for.

    Args:
        store: Where the events are.
        tasks: Returns the names of all tasks of the application.
        decoder: Returns what reads the results of a task.
    """

    def __init__(self, store: EventStore, tasks: Callable[[], Iterable[str]], decoder: Callable[[str], Decode]) -> None:
        self._store = store
        self._tasks = tasks
        self._decoder = decoder
        self._listeners = Listeners()
        self._readers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, EventReader] = weakref.WeakKeyDictionary()
        self._home: asyncio.AbstractEventLoop | None = None
        self._changing: asyncio.Task[None] | None = None

    def moved_to(self, store: EventStore) -> Listening:
        """Make the same listening at another place; listeners are those of both."""
        twin = Listening(store, self._tasks, self._decoder)
        twin._listeners = self._listeners
        return twin

    def on(self, event: str, task: str | None, function: Function) -> Callable[[], None]:
        """Add a listener; see ``Listeners.add``. Returns a function that removes it."""
        listener = self._listeners.add(event, task, function)
        self._changed()

        def remove() -> None:
            self._listeners.remove(listener)
            self._changed(listener)

        return remove

    def tells_of_failures(self, task: str) -> bool:
        """Tell whether somebody listens for failures of a task."""
        return bool(self._listeners.of("failed", task))

    async def start(self) -> None:
        """Tell listeners of what happens from the return on, on the running loop.

        Raises:
            AdapterError: The server cannot be reached or refuses.
        """
        self._home = asyncio.get_running_loop()
        await self._reader().listen(self._listeners.tasks(self._tasks()))

    async def stop(self) -> None:
        """Tell listeners of what has happened until now, and then of nothing more."""
        if self._home is not asyncio.get_running_loop():
            return
        self._home = None
        if self._changing is not None:
            self._changing.cancel()
            await asyncio.gather(self._changing, return_exceptions=True)
        await self._reader().stop(_LAST_EVENTS_S)

    async def close_async(self) -> None:
        """Close what is open on the running loop."""
        await self.stop()
        reader = self._readers.pop(asyncio.get_running_loop(), None)
        if reader is not None:
            await reader.close()

    def tell(self, event: str, *arguments: object) -> None:
        """Tell listeners of an event of the worker, whose loop is the running one."""
        for listener in self._listeners.of(event, None):
            self._reader().deliver(listener, *arguments)

    async def follow(
        self, job: FollowedJob, job_id: str, stored: Callable[[], Awaitable[str]]
    ) -> AsyncGenerator[JobEvent, None]:
        """Yield what happens to a job from now on; its end is always the last, unless this is closed before.

        Args:
            job: Its task.
            job_id: Its id.
            stored: Awaited once nothing can be missed any more: ends when the job is stored, with the id of the one to
                follow, which is another's for a duplicate.

        Raises:
            JobNotFoundError: There is no such job.
            AdapterError: The server cannot be reached or refuses.
        """
        reader, queue = self._reader(), JobQueue()
        try:
            await reader.follow_job(job.name, job_id, queue)
            if (other := await stored()) != job_id:
                reader.leave_job(job.name, job_id, queue)
                job_id = other
                await reader.follow_job(job.name, job_id, queue)
            event: JobEvent | None = None
            while event is None or not ends(event):
                if event is None and (end := await self._end(job, job_id)) is not None:
                    for earlier in _rest(queue):
                        yield earlier
                    yield end
                    return
                event = await _next(queue)
                if event is not None:
                    yield event
                elif reader.closed:
                    return
        finally:
            reader.leave_job(job.name, job_id, queue)

    async def _end(self, job: FollowedJob, job_id: str) -> JobEvent | None:
        """Return the last event of a job that has ended; None while it has not."""
        outcome = await job.read_outcome(job_id).run_async()
        if not outcome.state.terminal:
            return None
        return told_of_end(job.name, await job.read(job_id).run_async(), outcome, job.decode_result)

    def _reader(self) -> EventReader:
        loop = asyncio.get_running_loop()
        reader = self._readers.get(loop)
        if reader is None:
            reader = self._readers[loop] = EventReader(self._store, self._listeners, self._decoder)
        return reader

    def _changed(self, removed: Listener | None = None) -> None:
        """Have the reader learn that there are other listeners now."""
        home = self._home
        if home is not None and not home.is_closed():
            home.call_soon_threadsafe(self._learn, removed)

    def _learn(self, removed: Listener | None) -> None:
        if self._home is None:
            return
        if removed is not None:
            self._reader().forget(removed)
        if self._changing is not None:
            self._changing.cancel()
        self._changing = asyncio.create_task(self._listen_anew(), name="taskora-listen")

    async def _listen_anew(self) -> None:
        while True:
            try:
                await self._reader().listen(self._listeners.tasks(self._tasks()))
            except AdapterError as error:
                log.warning("a new listener is not told of anything yet: %s", error, extra={"action": "events"})
                await asyncio.sleep(_PAUSE_S)
            else:
                return


async def _next(queue: JobQueue) -> JobEvent | None:
    """Wait for a job's next event; None when somebody has to look whether it has ended."""
    try:
        async with asyncio.timeout(_LOOK_AGAIN_S):
            return await queue.get()
    except TimeoutError:
        return None


def _rest(queue: JobQueue) -> Iterable[JobEvent]:
    """Take what a queue still has before a job's end."""
    while not queue.empty():
        event = queue.get_nowait()
        if event is not None and not ends(event):
            yield event
