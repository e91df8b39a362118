"""Every error that taskora raises, in one tree.

TaskoraError
├── ConfigError (also ValueError)          a wrong option, name, duration or URL
├── ValidationError                        a payload or result of the wrong shape
├── SerializationError                     a value that cannot be written or read
├── AdapterError                           the server is unreachable or refuses
│   └── SchemaVersionMismatchError         the stored layout is of another version
├── RetryError                             raised by a handler to be run again
├── TimeoutError (also builtins.TimeoutError)
├── CancelledError
├── ExpiredError
├── StalledError
├── ThrottledError
├── DuplicateJobError
├── JobNotFoundError (also LookupError)
├── ScheduleNotFoundError (also LookupError)
├── SupervisorNotFoundError (also LookupError)
└── JobFailedError
└── WorkflowFailedError
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta


class TaskoraError(Exception):
    """Base of every error that taskora raises."""


class ConfigError(TaskoraError, ValueError):
    """An option, name, duration or URL is wrong. The message starts with the field's name."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with a payload.

    Attributes:
        path: Keys and indexes from the top of the payload to the wrong value; empty for the payload itself.
        message: What was expected and what was given.
    """

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")
        return f"{where}: {self.message}" if where else self.message


class ValidationError(TaskoraError):
    """A payload or a result does not have its declared shape. Never retried.

    Attributes:
        issues: What is wrong, each with its path.
        task: Name of the task, where known.
    """

    def __init__(self, message: str, issues: Sequence[Issue] = (), *, task: str | None = None) -> None:
        details = "; ".join(str(issue) for issue in issues)
        super().__init__(f"{message}: {details}" if details else message)
        self.issues: list[Issue] = list(issues)
        self.task = task


class MigrationError(ValidationError):
    """A step of a task's ``migrate`` raised, which is its cause: the payload stays in its old form. Never retried."""


class SerializationError(TaskoraError):
    """A value cannot be written as, or read from, the wire format."""


class AdapterError(TaskoraError):
    """The server is unreachable, too old, or refuses the operation."""


class SchemaVersionMismatchError(AdapterError):
    """The stored layout is of a version that this library cannot read.

    Attributes:
        code: ``theirs_too_old``, ``theirs_too_new`` or ``invalid_meta``.
        ours: The layout record of this library.
        theirs: The stored record.
    """

    def __init__(self, message: str, *, code: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> None:
        super().__init__(message)
        self.code = code
        self.ours: dict[str, str] = dict(ours)
        self.theirs: dict[str, str] = dict(theirs)


class RetryError(TaskoraError):
    """Raise it in a handler (``raise ctx.retry(...)``) to run the job again while attempts remain.

    Args:
        reason: Text for the log and the job's error.
        delay: Time until the next attempt (a duration); None takes the task's back-off.
        retry: False makes the failure final whatever attempts remain.
    """

    def __init__(
        self, reason: str = "retry requested", *, delay: int | float | str | timedelta | None = None, retry: bool = True
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.delay = delay
        self.retry = retry


class TimeoutError(TaskoraError, builtins.TimeoutError):
    """A job ran longer than its timeout, or a wait ran out.

    Attributes:
        timeout: The limit in seconds, where known.
        job_id: The job, where known.
        task: Its task, where known.
    """

    def __init__(
        self, message: str, *, timeout: float | None = None, job_id: str | None = None, task: str | None = None
    ) -> None:
        super().__init__(message)
        self.timeout = timeout
        self.job_id = job_id
        self.task = task


class CancelledError(TaskoraError):
    """The job or workflow was cancelled.

    Attributes:
        reason: The reason that the canceller gave, if any.
        job_id: The job, or the workflow's id.
        task: The task, where there is one.
    """

    def __init__(self, message: str, *, job_id: str, task: str | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.task = task
        self.reason = reason


class ExpiredError(TaskoraError):
    """The job's time to live ended before a worker took it.

    Attributes:
        job_id: The job.
        task: Its task.
    """

    def __init__(self, message: str, *, job_id: str, task: str | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.task = task


class StalledError(TaskoraError):
    """The job's worker vanished more often than the task allows."""


class ThrottledError(TaskoraError):
    """A dispatch was refused because its throttle key has used up its window.

    Attributes:
        key: The throttle key.
        job_id: The id that the refused job would have had.
        task: Its task.
    """

    def __init__(self, message: str, *, key: str, job_id: str, task: str) -> None:
        super().__init__(message)
        self.key = key
        self.job_id = job_id
        self.task = task


class DuplicateJobError(TaskoraError):
    """A dispatch was refused because another job holds its key.

    Attributes:
        key: The deduplication key.
        existing_id: The job that holds it.
        job_id: The id that the refused job would have had.
        task: Its task.
    """

    def __init__(self, message: str, *, key: str, existing_id: str, job_id: str, task: str) -> None:
        super().__init__(message)
        self.key = key
        self.existing_id = existing_id
        self.job_id = job_id
        self.task = task


class JobNotFoundError(TaskoraError, LookupError):
    """No job or workflow has this id: it never existed, or retention removed it.

    Attributes:
        job_id: The id that was asked for.
        task: The task that was searched, where known.
    """

    def __init__(self, message: str, *, job_id: str, task: str | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.task = task


class ScheduleNotFoundError(TaskoraError, LookupError):
    """There is no schedule of this name.

    Attributes:
        name: The name that was asked for.
    """

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class SupervisorNotFoundError(TaskoraError, LookupError):
    """There is no supervisor of this id: it has ended, or never was.

    Attributes:
        supervisor_id: The id that was asked for.
    """

    def __init__(self, message: str, *, supervisor_id: str) -> None:
        super().__init__(message)
        self.supervisor_id = supervisor_id


class JobFailedError(TaskoraError):
    """The job failed for good. The message is the handler's.

    Attributes:
        job_id: The job.
        task: Its task.
        error_type: Class name of the handler's exception, if a Python worker ran it.
    """

    def __init__(self, message: str, *, job_id: str, task: str, error_type: str | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.task = task
        self.error_type = error_type


class WorkflowFailedError(JobFailedError):
    """A node of the workflow failed, and with it the workflow.

    Attributes:
        workflow_id: The workflow.
        node: Index of the node that failed, or None when it is not known.
        job_id: The node's job.
        task: The node's task.
    """

    def __init__(
        self,
        message: str,
        *,
        workflow_id: str,
        node: int | None,
        job_id: str,
        task: str,
        error_type: str | None = None,
    ) -> None:
        super().__init__(message, job_id=job_id, task=task, error_type=error_type)
        self.workflow_id = workflow_id
        self.node = node
