"""What a producer holds of a job that it dispatched, or found again by its id."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Generic, Protocol, Self, TypeVar

from taskora.call import Call, mapped, refuse_on_loop
from taskora.duration import Duration, to_seconds
from taskora.errors import (
    AdapterError,
    CancelledError,
    DuplicateJobError,
    ExpiredError,
    JobFailedError,
    JobNotFoundError,
    TaskoraError,
    ThrottledError,
)
from taskora.events import JobEvent
from taskora.keys import reason_text
from taskora.model import CancelOutcome, JobInfo, LogEntry, Outcome, State
from taskora.outbox import Parcel
from taskora.rules import Rule, Verdict

Out = TypeVar("Out")
Out_co = TypeVar("Out_co", covariant=True)


class JobSource(Protocol[Out_co]):
    """What a handle needs of its task."""

    @property
    def name(self) -> str: ...

    def decode_result(self, raw: bytes, /) -> Out_co:
        """Read a stored result."""
        ...

    def wait(self, job_id: str, timeout_s: float | None) -> Call[Outcome]:
        """Wait until a job ends."""
        ...

    def read(self, job_id: str) -> Call[JobInfo]:
        """Read all of a job."""
        ...

    def read_outcome(self, job_id: str) -> Call[Outcome]:
        """Read how a job stands."""
        ...

    def read_progress(self, job_id: str) -> Call[object]:
        """Read a job's progress."""
        ...

    def read_logs(self, job_id: str) -> Call[list[LogEntry]]:
        """Read a job's log."""
        ...

    def follow_job(self, job_id: str, stored: Callable[[], Awaitable[str]]) -> AsyncGenerator[JobEvent, None]:
        """Follow what happens to a job, or to that which ``stored`` names once it is known."""
        ...

    def cancel_job(self, job_id: str, reason: str) -> Call[CancelOutcome]:
        """Cancel a job."""
        ...


class ResultHandle(Generic[Out_co]):
    """A job: wait for it, look at it, cancel it.

    ``await handle`` returns the handle once the job is stored, or raises why it could not be. All that reads or waits
    is a pair: ``result()`` blocks, ``result_async()`` is for an event loop, where the first form refuses.
    """

    __slots__ = ("_at", "_id", "_parcel", "_raises", "_rule", "_source", "_stored", "_verdict")

    def __init__(
        self,
        source: JobSource[Out_co],
        job_id: str,
        *,
        stored: bool | None,
        parcel: Parcel | None = None,
        at: int = 0,
        rule: Rule | None = None,
        raises: bool = False,
        verdict: Verdict | None = None,
    ) -> None:
        self._source = source
        self._id = job_id
        self._stored = stored
        self._parcel = parcel
        self._at = at
        self._rule = rule
        self._raises = raises
        self._verdict = verdict

    @property
    def id(self) -> str:
        """The job's id, known at once; it never changes."""
        return self._id

    @property
    def task(self) -> str:
        """Name of the job's task."""
        return self._source.name

    @property
    def enqueued(self) -> bool | None:
        """Whether this dispatch stored something; None while that is not known.

        False when its id was taken, or when it was throttled or deduplicated.
        """
        if self._stored is None and self._parcel is not None and self._parcel.stored is not None:
            self._stored = self._parcel.stored[self._at]
        return self._stored

    @property
    def existing_id(self) -> str | None:
        """The job that was there before, when this dispatch stored none."""
        if self.enqueued is not False:
            return None
        verdict = self._ruling()
        return self._id if verdict is None else verdict.job_id or None

    @property
    def batch_id(self) -> str | None:
        """The job that has this item in its batch; None while that is not known, and for what is not collected."""
        verdict = self._ruling()
        return verdict.job_id or None if verdict is not None and verdict.stored else None

    def __await__(self) -> Generator[object, None, Self]:
        if self._parcel is not None:
            yield from self._parcel.__await__()
        self.raise_if_refused()
        return self

    def __repr__(self) -> str:
        return f"<ResultHandle {self._source.name} {self._id}>"

    def raise_if_refused(self) -> None:
        """Raise for a refusal, if the dispatch was to raise, or if it was none of its key's.

        Raises:
            ThrottledError: Its key has used up its window.
            DuplicateJobError: Another job holds its key.
            AdapterError: The server could not decide, since what is stored for its key is damaged.
        """
        error = self._refusal()
        if error is not None and (self._raises or isinstance(error, AdapterError)):
            raise error

    def result(self, timeout: Duration | None = None) -> Out_co:
        """Wait for the job's end and return its result.

        Args:
            timeout: How long to wait at most; None for ever. The job itself is left alone when it runs out.

        Raises:
            JobFailedError: It failed for good.
            CancelledError: It was cancelled.
            ExpiredError: Its time to live ended first.
            JobNotFoundError: There is no such job.
            ThrottledError: The dispatch was throttled: there is nothing to wait for.
            TimeoutError: It did not end in time.
        """
        refuse_on_loop("handle.result")
        self._confirm()
        return self._result(timeout).run()

    async def result_async(self, timeout: Duration | None = None) -> Out_co:
        """See ``result``."""
        await self._confirmed()
        return await self._result(timeout).run_async()

    def state(self) -> State:
        """Read where the job is in its life.

        Raises:
            JobNotFoundError: There is no such job.
        """
        refuse_on_loop("handle.state")
        self._confirm()
        return mapped(self._source.read_outcome(self._job), _state).run()

    async def state_async(self) -> State:
        """See ``state``."""
        await self._confirmed()
        return await mapped(self._source.read_outcome(self._job), _state).run_async()

    def progress(self) -> object:
        """Read what the handler last reported; None for nothing.

        Raises:
            JobNotFoundError: There is no such job.
        """
        refuse_on_loop("handle.progress")
        self._confirm()
        return self._source.read_progress(self._job).run()

    async def progress_async(self) -> object:
        """See ``progress``."""
        await self._confirmed()
        return await self._source.read_progress(self._job).run_async()

    def logs(self) -> list[LogEntry]:
        """Read what the handler logged, oldest first.

        Raises:
            JobNotFoundError: There is no such job.
        """
        refuse_on_loop("handle.logs")
        self._confirm()
        return self._source.read_logs(self._job).run()

    async def logs_async(self) -> list[LogEntry]:
        """See ``logs``."""
        await self._confirmed()
        return await self._source.read_logs(self._job).run_async()

    def info(self) -> JobInfo:
        """Read all of the job.

        Raises:
            JobNotFoundError: There is no such job.
        """
        refuse_on_loop("handle.info")
        self._confirm()
        return self._source.read(self._job).run()

    async def info_async(self) -> JobInfo:
        """See ``info``."""
        await self._confirmed()
        return await self._source.read(self._job).run_async()

    def cancel(self, reason: str | None = None) -> CancelOutcome:
        """Cancel the job.

        Returns:
            ``"cancelled"`` when it was queued, ``"flagged"`` when its worker was told to stop it, and
            ``"not_cancellable"`` when it has ended or does not exist, and for an item of a batch, which cannot be
            taken out of it: ``task.handle(handle.batch_id).cancel()`` cancels the batch.

        Raises:
            ConfigError: The reason is no text of at most 10,000 characters.
        """
        refuse_on_loop("handle.cancel")
        self._confirm()
        return self._source.cancel_job(self._cancellable, reason_text(reason)).run()

    async def cancel_async(self, reason: str | None = None) -> CancelOutcome:
        """See ``cancel``."""
        why = reason_text(reason)
        await self._confirmed()
        return await self._source.cancel_job(self._cancellable, why).run_async()

    def events(self) -> AsyncGenerator[JobEvent, None]:
        """Follow the job, on an event loop: ``async for event in handle.events()`` ends with the job.

        It yields what happens after the first step; for a job that has ended, only how. Closing the application ends
        it too. Whoever stops early should close it: ``async with contextlib.aclosing(handle.events()) as events``.

        Raises:
            JobNotFoundError: From the loop: there is no such job, or no longer.
            ThrottledError: From the loop: the dispatch was refused.
            AdapterError: From the loop: the server cannot be reached or refuses.
        """
        return self._source.follow_job(self._id, self._followed)

    async def _followed(self) -> str:
        await self._confirmed()
        if isinstance(error := self._refusal(), ThrottledError | AdapterError):
            raise error
        return self._job

    def _confirm(self) -> None:
        if self._parcel is not None:
            self._parcel.wait()

    async def _confirmed(self) -> None:
        if self._parcel is not None:
            await self._parcel

    def _ruling(self) -> Verdict | None:
        if self._verdict is None and self._parcel is not None and self._parcel.verdicts:
            self._verdict = self._parcel.verdicts[self._at]
        return self._verdict

    @property
    def _job(self) -> str:
        """The job that is looked at: another than its own when this dispatch is a part or a duplicate of that."""
        verdict = self._ruling()
        return verdict.job_id or self._id if verdict is not None else self._id

    @property
    def _cancellable(self) -> str:
        """What ``cancel`` is for: an item must not end the batch of the others."""
        return self._id if self.batch_id is not None else self._job

    def _refusal(self) -> ThrottledError | DuplicateJobError | AdapterError | None:
        verdict = self._ruling()
        if verdict is None or verdict.stored or self._rule is None:
            return None
        task, key = self._source.name, self._rule.key
        if verdict.damage:
            return AdapterError(
                f"task {task!r}: job {self._id} is not stored, since what is stored for its key {key!r} is damaged: "
                f"{verdict.damage}; delete that key"
            )
        if not verdict.job_id:
            return ThrottledError(
                f"task {task!r}: the dispatch was refused, the throttle key {key!r} has used up its window; dispatch "
                "again later",
                key=key, job_id=self._id, task=task,
            )  # fmt: skip
        return DuplicateJobError(
            f"task {task!r}: the dispatch was refused, job {verdict.job_id} holds the key {key!r}",
            key=key, existing_id=verdict.job_id, job_id=self._id, task=task,
        )  # fmt: skip

    def _result(self, timeout: Duration | None) -> Call[Out_co]:
        timeout_s = None if timeout is None else to_seconds(timeout, "timeout")
        if isinstance(error := self._refusal(), ThrottledError | AdapterError):
            raise error
        return mapped(self._source.wait(self._job, timeout_s), self._value)

    def _value(self, outcome: Outcome) -> Out_co:
        if outcome.state is State.COMPLETED:
            return self._source.decode_result(outcome.result or b"")
        raise _ending_error(outcome, self._source.name, self._job)


class Handles(list[ResultHandle[Out]], Generic[Out]):
    """The handles of jobs that were dispatched together; ``await`` it until all are stored."""

    def __await__(self) -> Generator[object, None, Self]:
        for handle in self:
            _ = yield from handle.__await__()
        return self


def _state(outcome: Outcome) -> State:
    return outcome.state


def not_found(task: str, job_id: str) -> JobNotFoundError:
    """Make the error for an unknown job."""
    return JobNotFoundError(
        f"task {task!r} has no job {job_id}: it never existed, or retention removed it; keep more with Retention(...)",
        job_id=job_id,
        task=task,
    )


def _ending_error(outcome: Outcome, task: str, job_id: str) -> TaskoraError:
    where = f"job {job_id} of task {task!r}"
    if outcome.state is State.CANCELLED:
        why = f": {outcome.reason}" if outcome.reason else ""
        return CancelledError(f"{where} was cancelled{why}", job_id=job_id, task=task, reason=outcome.reason)
    if outcome.state is State.EXPIRED:
        return ExpiredError(f"{where} expired before a worker took it", job_id=job_id, task=task)
    return JobFailedError(outcome.error or "Unknown error", job_id=job_id, task=task, error_type=outcome.error_type)
