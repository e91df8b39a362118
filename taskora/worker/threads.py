"""Threads for sync handlers, each of which can be interrupted at its handler's next bytecode."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import ctypes
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from taskora.context import Interrupted

log: logging.Logger = logging.getLogger("taskora.worker")
_AGAIN_S = 1.0


class _Returns:
    """What threads give back to an event loop. All that comes before its next turn wakes it once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._lock = threading.Lock()
        self._ended: list[tuple[asyncio.Future[object], object, BaseException | None]] = []

    def add(self, done: asyncio.Future[object], value: object, error: BaseException | None) -> None:
        """A call has ended, in the calling thread."""
        with self._lock:
            first = not self._ended
            self._ended.append((done, value, error))
        if first:
            with contextlib.suppress(RuntimeError):  # the loop may be closed, when its process ends
                self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            ended, self._ended = self._ended, []
        for done, value, error in ended:
            _deliver(done, value, error)


@dataclass(slots=True, eq=False)
class Work:
    """One call for a thread.

    Attributes:
        call: What to call, in the caller's context variables.
        done: Gets the call's value or error, on its event loop.
        returns: The way there.
    """

    call: Callable[[], object]
    context: contextvars.Context
    done: asyncio.Future[object]
    returns: _Returns
    thread: _Thread | None = None


@dataclass(eq=False)
class _Thread:
    """One thread of the pool and what it works on."""

    pool: ThreadPool
    lock: threading.Lock = field(default_factory=threading.Lock)
    work: Work | None = None
    abandoned: bool = False

    def start(self, name: str) -> None:
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    def interrupt(self, work: Work) -> None:
        """Raise ``Interrupted`` in the thread, if it still works on this."""
        with self.lock:
            if self.work is work and self._thread.ident is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._thread.ident), ctypes.py_object(Interrupted)
                )

    def _live(self) -> None:
        while not self.abandoned:
            work = self.pool.next_work()
            if work is None:
                self.pool.close()  # pass it on
                return
            value: object = None
            error: BaseException | None = None
            if not work.done.done():  # or it was given up before its turn came
                value, error = self._perform(work)
            self.pool.thread_is_free(self)
            work.returns.add(work.done, value, error)
            # Nothing of a job may stay alive until this thread's next one.
            del work, value, error

    def _perform(self, work: Work) -> tuple[object, BaseException | None]:
        value: object = None
        error: BaseException | None = None
        try:
            with self.lock:
                self.work = work
                work.thread = self
            try:
                value = work.context.run(work.call)
            except BaseException as raised:  # noqa: BLE001 - it is the job's outcome
                error = raised
        except Interrupted as late:
            error = error or late
        finally:
            self._leave()
        return value, error

    def _leave(self) -> None:
        # An interruption that was asked for in time may still arrive here; after this none is pending.
        while True:
            try:
                with self.lock:
                    self.work = None
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threading.get_ident()), None)
            except Interrupted:
                continue
            return


class ThreadPool:
    """As many threads as sync handlers may run at a time, started when needed."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._threads: list[_Thread] = []
        self._returns: _Returns | None = None
        self._unfinished = 0
        self._refused = False
        self._lock = threading.Lock()

    def submit(self, call: Callable[[], object]) -> Work:
        """Have a thread call something, on the running loop, with the caller's context variables."""
        loop = asyncio.get_running_loop()
        if self._returns is None or self._returns.loop is not loop:
            self._returns = _Returns(loop)
        work = Work(call, contextvars.copy_context(), loop.create_future(), self._returns)
        with self._lock:
            self._unfinished += 1
        self._queue.put(work)
        self._grow(loop)
        return work

    def interrupt(self, work: Work) -> None:
        """Raise in the thread that works on this at its next bytecode; nothing when none does."""
        if work.thread is not None:
            work.thread.interrupt(work)

    def abandon(self, work: Work) -> None:
        """Count the thread that works on this as lost: another may take its place."""
        thread = work.thread
        if thread is None:
            return
        with self._lock, thread.lock:
            if thread.work is work and not thread.abandoned:
                thread.abandoned = True
                self._threads.remove(thread)
                self._unfinished -= 1

    def close(self) -> None:
        """End the threads once they have nothing to do. Does not wait for them."""
        self._queue.put(None)

    def next_work(self) -> Work | None:
        """Wait for work; for the pool's threads."""
        return self._queue.get()

    def _grow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start a thread if there is work for one more."""
        with self._lock:
            if self._refused or len(self._threads) >= min(self._size, self._unfinished):
                return
            thread = _Thread(self)
            try:
                thread.start(f"taskora-handler-{len(self._threads) + 1}")
            except RuntimeError as error:
                # Not the job's fault, so it must not fail for it: it waits for another thread, or for the machine.
                self._refused = True
                loop.call_later(_AGAIN_S, self._grow_again, loop)
                log.warning(
                    "no thread for a sync handler now (%s); %d run, its job waits for one of them or for room",
                    error, len(self._threads), extra={"action": "threads"},
                )  # fmt: skip
            else:
                self._threads.append(thread)

    def _grow_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._refused = False
        self._grow(loop)

    def thread_is_free(self, thread: _Thread) -> None:
        """A thread has ended its work; for the pool's threads."""
        with self._lock:
            if not thread.abandoned:
                self._unfinished -= 1


def _deliver(done: asyncio.Future[object], value: object, error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(value)
        return
    if isinstance(error, StopIteration | GeneratorExit):
        # These mean something to whoever awaits: the coroutine would be ended by them.
        told = RuntimeError(f"the handler raised {type(error).__name__}")
        told.__cause__ = error
        error = told
    done.set_exception(error)
