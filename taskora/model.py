"""The values that travel between the rooms: what is enqueued, claimed, settled and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias


class State(StrEnum):
    """Where a job is in its life, as the wire names it."""

    WAITING = "waiting"
    DELAYED = "delayed"
    ACTIVE = "active"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether the job has ended."""
        return self in TERMINAL


TERMINAL = frozenset({State.COMPLETED, State.FAILED, State.EXPIRED, State.CANCELLED})
CancelOutcome: TypeAlias = Literal["cancelled", "flagged", "not_cancellable"]


class NewJob(NamedTuple):
    """One job to enqueue. Times are milliseconds.

    Attributes:
        job_id: Its id.
        data: Its serialized payload.
        delay_ms: Time until it is due; 0 for now.
        priority: 0 to 900, a higher one first.
        ttl_ms: Time until it expires; 0 for never.
        given: Whether the caller chose the id; then it stays taken for a day after the job is gone.
        concurrency_key: What it shares a limit by; empty for nothing.
        concurrency_limit: How many jobs of the key may run at a time, as this one sees it; 0 for any number.
        indexed: What it can be found by: texts ``PATH:VALUE``.
        trace_context: What its trace goes on from, as ``Origin`` has it; empty for nothing.
    """

    job_id: str
    data: bytes
    delay_ms: int = 0
    priority: int = 0
    ttl_ms: int = 0
    given: bool = False
    concurrency_key: str = ""
    concurrency_limit: int = 0
    indexed: tuple[str, ...] = ()
    trace_context: str = ""


MOST_LINKED = 32
"""To how many of the jobs that it waited for a node's run is linked."""

ATTEMPTS_KEPT = 20
"""How many of a job's attempts that did not succeed are remembered: the newest."""


class Origin(NamedTuple):
    """Where a job comes from.

    Attributes:
        trace_context: What its trace goes on from, as a JSON object of texts, if nobody else wrote into it; empty for
            nothing. A node of a workflow has its workflow's.
        delay_ms: Time for which its producer put it off; None when that is not known any more.
        workflow_id: The workflow that it is a node of, empty for none.
        last_run: What was kept of its last run by ``LeaseStore.write_span``; empty for nothing.
        before: The same of each of the first 32 jobs that it waited for as a node, those with nothing left out.
    """

    trace_context: str = ""
    delay_ms: int | None = 0
    workflow_id: str = ""
    last_run: str = ""
    before: tuple[str, ...] = ()


class Occurrence(NamedTuple):
    """One planned run of a schedule: a task's slot accepts each once, in order.

    Attributes:
        schedule: Name of the schedule.
        at_ms: When it was planned.
    """

    schedule: str
    at_ms: int


class EnqueueSpec(NamedTuple):
    """What all jobs of one enqueue call share."""

    version: int = 1
    max_attempts: int = 1


class Claimed(NamedTuple):
    """A job that this worker now owns.

    Attributes:
        task: Its task.
        job_id: Its id.
        data: Its serialized payload; None when its hash has none.
        attempt: Number of this run, from 1.
        version: Version of the payload.
        ts_ms: When it was dispatched.
        token: Value of its lock.
        processed_ms: When this run began, by the server's clock.
        cause: Why the previous owner was ended while it ran this job; empty when it was not.
    """

    task: str
    job_id: str
    data: bytes | None
    attempt: int
    version: int
    ts_ms: int
    token: str
    processed_ms: int
    cause: str


class Settled(NamedTuple):
    """The outcome of a run, to be written.

    Attributes:
        job: What was claimed.
        verb: ``complete``, ``retry``, ``fail``, ``cancel``, ``return`` (back to the front, uncharged) or ``defer``
            (to the back, for another worker).
        payload: The serialized result, or the error's message.
        delay_ms: With ``retry``: time until the next attempt. With ``defer``: time until it may be claimed again.
        error_type: With ``retry`` and ``fail``: class of the error.
        trace: With ``retry`` and ``fail``: its traceback, empty for none.
    """

    job: Claimed
    verb: Literal["complete", "retry", "fail", "cancel", "return", "defer"]
    payload: bytes = b""
    delay_ms: int = 0
    error_type: str = ""
    trace: str = ""


class Want(NamedTuple):
    """How many jobs of a task a worker has room for, and what it must know to claim them.

    Attributes:
        task: The task.
        slots: How many it has room for.
        on_expire: What becomes of an expired job.
        singleton: Whether at most one job of the task may be active, over all workers.
    """

    task: str
    slots: int
    on_expire: Literal["fail", "discard"] = "fail"
    singleton: bool = False


class ClaimReply(NamedTuple):
    """What a claim brought.

    Attributes:
        jobs: The jobs, in the order in which they should start.
        next_due_ms: Milliseconds until the next delayed job of the claimed tasks is due; None when there is none.
        fenced: ``"halt"`` while the worker must not claim, ``"dead"`` once its jobs were given to others.
        lost: Ids of settled jobs whose lock was no longer ours; nothing was written for them.
        owed: Workflows of which more is to be written than one script may: ``continue_workflow`` does it.
    """

    jobs: list[Claimed]
    next_due_ms: int | None = None
    fenced: Literal["", "halt", "dead"] = ""
    lost: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()


class Held(NamedTuple):
    """A running job whose lock is to be renewed."""

    task: str
    job_id: str
    token: str
    processed_ms: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line that a handler logged."""

    level: Literal["info", "warn", "error"]
    message: str
    meta: dict[str, object] | None
    timestamp: datetime


PastReason: TypeAlias = Literal["error", "timeout", "crash", "lost", "stall", "cancel"]
PastSequel: TypeAlias = Literal["retry", "queued", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """A run of a job that did not succeed.

    Attributes:
        number: The attempt that it was. A job that is queued anew begins again at 1, and what its worker lost is not
            counted: a number may come several times.
        reason: ``error`` when the handler failed, ``timeout``, ``crash`` when it killed its process, ``lost`` when its
            process ended for another reason, ``stall`` when its worker vanished, ``cancel``.
        finished_on: When it ended, or was found to have.
        processed_on: When it began.
        worker: Who ran it; None when its lock was gone.
        error_type: Class name of the error.
        error: What it said, or the reason of a cancel: the first 500 bytes.
        cut: Whether ``error`` was longer.
        cause: What ended the process, such as ``signal:9``.
        followed_by: ``retry``, ``queued`` for one that went to the front of its queue, ``failed`` for a dead letter, or
            ``cancelled``.
        retry_at: When the retry was due.
    """

    number: int
    reason: PastReason
    finished_on: datetime
    processed_on: datetime | None = None
    worker: str | None = None
    error_type: str | None = None
    error: str | None = None
    cut: bool = False
    cause: str | None = None
    followed_by: PastSequel | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A job as it is stored. ``data`` and ``result`` are values as the serializer reads them; times are aware UTC.

    Attributes:
        logs: What its handler logged. Lists leave it empty: it is read with a single job.
        error_type: Class name of the error, if a Python worker wrote it.
        workflow_id: The workflow that the job is a node of, if any.
        timeline: States with the time at which each began, oldest first.
        expires_at: When it expires unless it has begun by then; None for never.
        stalls: How often its worker vanished.
        crashes: How many processes died while they ran it, and were charged for it.
        crash_cause: What ended the last of them, such as ``signal:9``.
        owner: The worker that holds its lock, while one does. Lists leave it out, as they do logs.
        past_attempts: The newest 20 runs that did not succeed, oldest first. Lists leave them out.
    """

    id: str
    task: str
    state: State
    data: object
    result: object
    error: str | None
    progress: object
    logs: list[LogEntry]
    attempt: int
    version: int
    timestamp: datetime
    processed_on: datetime | None
    finished_on: datetime | None
    timeline: list[tuple[str, datetime]]
    error_type: str | None = None
    traceback: str | None = None
    cancel_reason: str | None = None
    workflow_id: str | None = None
    node: int | None = None
    priority: int = 0
    expires_at: datetime | None = None
    stalls: int = 0
    crashes: int = 0
    crash_cause: str | None = None
    owner: str | None = None
    past_attempts: tuple[PastAttempt, ...] = ()
    _stored: tuple[bytes | None, bytes | None] = field(default=(None, None), repr=False, compare=False)

    def loaded(self, load: Callable[[bytes], object]) -> JobInfo:
        """Return it with its payload and result read by ``load`` instead of as JSON."""
        data, result = (load(raw) if raw else None for raw in self._stored)
        return replace(self, data=data, result=result)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list of jobs.

    Attributes:
        jobs: They, without their logs.
        cursor: What the next page is asked for with; None when there is none. It may turn out empty.
    """

    jobs: list[JobInfo]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended, as a waiter reads it."""

    state: State
    result: bytes | None = None
    error: str | None = None
    error_type: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class QueueStats:
    """How many jobs are in each state. ``delayed`` includes ``retrying``, as on the wire."""

    waiting: int = 0
    active: int = 0
    delayed: int = 0
    retrying: int = 0
    completed: int = 0
    failed: int = 0
    expired: int = 0
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A process that registered itself. ``rss`` is bytes; times are aware UTC.

    Attributes:
        role: ``worker``, ``steward`` or ``supervisor``.
    """

    id: str
    role: str
    host: str
    pid: int
    tasks: tuple[str, ...]
    active: int
    done: int
    failed: int
    rss: int
    started_at: datetime
    seen_at: datetime
    version: str
    leader: bool = False
    extra: dict[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class ScheduleInfo:
    """A schedule as it is stored. ``every`` is seconds; ``next_run`` is None while it is paused."""

    name: str
    task: str
    every: float | None
    cron: str | None
    timezone: str
    overlap: bool
    on_missed: str
    data: object
    next_run: datetime | None
    last_run: datetime | None
    last_job_id: str | None
    paused: bool
