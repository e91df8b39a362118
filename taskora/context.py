"""What a handler is told about its job, and what it can tell of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from taskora.clock import from_ms
from taskora.duration import Duration, to_seconds
from taskora.errors import CancelledError, RetryError, TaskoraError, TimeoutError
from taskora.model import Claimed

AbortReason: TypeAlias = Literal["cancelled", "timeout", "shutdown", "lost"]


class Interrupted(BaseException):
    """Raised in the thread of a sync handler whose time is over. Not an ``Exception``: handlers must not swallow it."""


class Reporter(Protocol):
    """Takes what a handler reports, from its event loop or its thread."""

    def progress(self, value: object) -> None:
        """Store the progress."""
        ...

    def log(self, level: Literal["info", "warn", "error"], message: str, meta: dict[str, object]) -> None:
        """Store a log entry."""
        ...

    def heartbeat(self) -> None:
        """Renew the lock at once."""
        ...


class Signal:
    """Fires when the job should stop: it was cancelled, its time is over, its worker stops, or its lock was lost.

    It fires a moment before the handler is interrupted, so that a handler that watches it can end by itself.
    """

    __slots__ = ("_job", "_loop", "_waiters", "reason")

    def __init__(self, job: Claimed, loop: asyncio.AbstractEventLoop) -> None:
        self._job = job
        self._loop = loop
        self._waiters: list[asyncio.Future[None]] = []
        self.reason: AbortReason | None = None

    @property
    def aborted(self) -> bool:
        """Whether it has fired."""
        return self.reason is not None

    def raise_if_aborted(self) -> None:
        """Raise what the reason calls for.

        Raises:
            CancelledError: The job was cancelled.
            TimeoutError: Its timeout is over.
            TaskoraError: The worker stops, or no longer owns the job.
        """
        job = self._job
        if self.reason == "cancelled":
            raise CancelledError(
                f"job {job.job_id} of task {job.task!r} was cancelled", job_id=job.job_id, task=job.task
            )
        if self.reason == "timeout":
            raise TimeoutError(
                f"job {job.job_id} of task {job.task!r} is over its timeout", job_id=job.job_id, task=job.task
            )
        if self.reason is not None:
            raise TaskoraError(f"job {job.job_id} of task {job.task!r} must stop: {self.reason}")

    async def wait(self) -> None:
        """Wait, in an async handler, until it fires."""
        if self.reason is None:
            future: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(future)
            await future

    def fire(self, reason: AbortReason) -> None:
        """Fire it. For the worker, on its event loop; the first reason stays."""
        if self.reason is None:
            self.reason = reason
            for future in self._waiters:
                if not future.done():
                    future.set_result(None)


class ContextLog:
    """Log lines that are kept with the job, the newest 10,000."""

    __slots__ = ("_report",)

    def __init__(self, report: Callable[[Literal["info", "warn", "error"], str, dict[str, object]], None]) -> None:
        self._report = report

    def info(self, message: str, **meta: object) -> None:
        """Log what happened. ``meta`` is JSON values."""
        self._report("info", message, meta)

    def warn(self, message: str, **meta: object) -> None:
        """Log what should be looked at. ``meta`` is JSON values."""
        self._report("warn", message, meta)

    def error(self, message: str, **meta: object) -> None:
        """Log what went wrong. ``meta`` is JSON values."""
        self._report("error", message, meta)


class Context:
    """A running job, as its handler sees it. All of it works on the event loop and in a thread.

    Attributes:
        id: The job's id.
        task: Name of its task.
        attempt: Number of this run, from 1.
        max_attempts: Runs in all that the task allows.
        signal: Fires when the job should stop.
    """

    __slots__ = ("_job", "_log", "_reporter", "attempt", "id", "max_attempts", "signal", "task")

    def __init__(self, job: Claimed, max_attempts: int, signal: Signal, reporter: Reporter) -> None:
        self.id: str = job.job_id
        self.task: str = job.task
        self.attempt: int = job.attempt
        self.max_attempts: int = max_attempts
        self.signal: Signal = signal
        self._job = job
        self._reporter = reporter
        self._log: ContextLog | None = None

    @property
    def timestamp(self) -> datetime:
        """When the job was dispatched: aware UTC."""
        return from_ms(self._job.ts_ms)

    @property
    def log(self) -> ContextLog:
        """Log lines that are kept with the job."""
        if self._log is None:
            self._log = ContextLog(self._reporter.log)
        return self._log

    def progress(self, value: object) -> None:
        """Report how far the job is: a number or any JSON value.

        Does not wait; of values in quick succession the
        last is stored, and always before the job ends.

        Raises:
            SerializationError: It is no JSON value, or larger than the application's ``max_payload``.
        """
        self._reporter.progress(value)

    def heartbeat(self) -> None:
        """Renew the job's lock now. The worker does it by itself; this is for code about to block the process."""
        self._reporter.heartbeat()

    def retry(self, *, delay: Duration | None = None, reason: str = "retry requested") -> RetryError:
        """Make the error that has the job run again: ``raise ctx.retry(delay="5s")``.

        Args:
            delay: Time until the next attempt; None takes the task's back-off.
            reason: Text for the log.

        Raises:
            ConfigError: The delay is no duration.
        """
        if delay is not None:
            to_seconds(delay, f"delay: ctx.retry in job {self.id} of task {self.task!r}")
        return RetryError(reason, delay=delay)
