"""What is kept: the jobs of each task in their queues, workflows, schedules, and who leads. No rules, only places."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar

from taskora.adapters.audit_store import AUDIT_KEPT, EntryId
from taskora.adapters.memory.bells import Bell, Bells, work_topic
from taskora.adapters.memory.clock import Clock
from taskora.adapters.memory.ranked import Ranked
from taskora.model import TERMINAL, PastAttempt, State, WorkerRecord
from taskora.workflow_model import Plan, WorkflowState

T = TypeVar("T")
Refusal: TypeAlias = Literal["", "halt", "dead"]
EVENTS_KEPT = 10_000
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
AuditRow: TypeAlias = tuple[EntryId, dict[bytes, bytes]]
Owed: TypeAlias = dict[str, None]
"""Workflows for which ``continue_workflow`` must run, each once and in order."""


class Lock(NamedTuple):
    """Says who holds a running job, and until when."""

    token: str
    until_ms: int


@dataclass(slots=True)
class Job:
    """A job. Times are epoch milliseconds; see ``JobInfo`` for what a reader gets of it.

    Attributes:
        expires_ms: When it expires; 0 for never.
        given: Whether its caller chose the id.
        cancel_flag: Whether its worker is to cancel it.
        cause: Why an owner was ended while it ran; for those that follow, until one of them settles it.
        dedup_key: The deduplication key that it may hold; empty for none.
        limit_key: Its concurrency key; empty for none.
        limit: How many jobs of the key may run at a time, as far as this one is concerned; 0 for any number.
        collect_key: The buffer of which it will be the batch; empty once it has the items, and for other jobs.
        indexed: What it can be found by.
        trace_context: What its trace goes on from; empty for nothing of its own.
        delay_ms: Time for which its producer put it off.
        span_context: The trace context of its last run; empty for nothing.
    """

    id: str
    ts_ms: int
    data: bytes
    version: int
    state: State
    priority: int = 0
    expires_ms: int = 0
    given: bool = False
    workflow_id: str | None = None
    node: int | None = None
    attempt: int = 1
    lock: Lock | None = None
    processed_ms: int | None = None
    finished_ms: int | None = None
    result: bytes | None = None
    error: str | None = None
    error_type: str | None = None
    trace: str | None = None
    progress: bytes | None = None
    logs: list[bytes] = field(default_factory=list[bytes])
    cancel_flag: bool = False
    cancel_reason: str | None = None
    stalls: int = 0
    crashes: int = 0
    crash_cause: str = ""
    beside: int = 0
    cause: str = ""
    dedup_key: str = ""
    limit_key: str = ""
    limit: int = 0
    collect_key: str = ""
    indexed: tuple[str, ...] = ()
    trace_context: str = ""
    delay_ms: int = 0
    span_context: str = ""
    past: tuple[PastAttempt, ...] = ()

    def token(self, now_ms: int) -> str | None:
        """Return the token of its lock, None when nobody holds it."""
        return self.lock.token if self.lock is not None and self.lock.until_ms > now_ms else None


@dataclass(slots=True)
class Fence:
    """Keeps a worker from claiming: its steward's word (``halt``, or ``dead`` for good), and its own."""

    halt: Refusal = ""
    draining: bool = False
    until_ms: int = 0


class Event(NamedTuple):
    """Something that happened to a job. ``number`` counts from 1 in each task."""

    number: int
    at_ms: int
    name: str
    job_id: str
    fields: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Buffer:
    """What is collected under one key for the batch that is still to be claimed. ``size`` is in bytes."""

    batch_id: str
    first_ms: int
    last_ms: int = 0
    size: int = 0
    items: list[bytes] = field(default_factory=list[bytes])


@dataclass(slots=True)
class KeyUse:
    """Who uses a concurrency key.

    Attributes:
        holders: Ids of running jobs.
        ready: Ids of jobs that are queued and whose turn has come: what room there is, is theirs.
        blocked: Ids that a claim met while the key was full, in the order of their turns.
        parked: How many there were so far.
    """

    holders: set[str] = field(default_factory=set[str])
    ready: set[str] = field(default_factory=set[str])
    blocked: Ranked[tuple[int, int]] = field(default_factory=Ranked[tuple[int, int]])
    parked: int = 0


def _ended() -> dict[State, Ranked[int]]:
    return {state: Ranked() for state in TERMINAL}


@dataclass(slots=True)
class Queue:
    """A task's jobs, and in which order they run.

    Attributes:
        waiting: Ids without a priority; the first is the next to run.
        prioritized: By priority and age.
        active: Ids of running jobs, the oldest first.
        delayed: By the time at which each is due; retrying jobs too.
        ended: For each terminal state, by the time of the end.
        stalled: Ids that were active at the last sweep.
        swept_ms: When that was; None when nothing was active.
        gone: Ids that callers gave to jobs that retention removed, and until when they stay taken.
        fires: Last occurrence of each schedule.
        fences: By worker.
        counts: Ends by state and minute.
        events: The newest ones.
        debounced: The last job of each debounce key, and until when the key holds.
        throttled: For each throttle key, dispatches in its window and the window's end.
        dedup: The job that holds each deduplication key.
        limits: By concurrency key.
        freed: Concurrency keys that were let go and are still to be given on.
        buffers: What is collected under each key.
        collected: The batch of each recent item, and until when that is known.
        replaced: What stands in the place of a job that is gone, and until when that is known.
        index: Jobs by each indexed value of their payload, and by when they were dispatched.
        ears: Who waits for the next.
    """

    task: str
    jobs: dict[str, Job] = field(default_factory=dict[str, Job])
    waiting: OrderedDict[str, None] = field(default_factory=OrderedDict[str, None])
    prioritized: Ranked[tuple[int, int]] = field(default_factory=Ranked[tuple[int, int]])
    active: dict[str, None] = field(default_factory=dict[str, None])
    delayed: Ranked[int] = field(default_factory=Ranked[int])
    ended: dict[State, Ranked[int]] = field(default_factory=_ended)
    stalled: set[str] = field(default_factory=set[str])
    swept_ms: int | None = None
    paused_ms: int | None = None
    gone: dict[str, int] = field(default_factory=dict[str, int])
    fires: dict[str, int] = field(default_factory=dict[str, int])
    fences: dict[str, Fence] = field(default_factory=dict[str, Fence])
    counts: Counter[tuple[State, int]] = field(default_factory=Counter[tuple[State, int]])
    events: deque[Event] = field(default_factory=lambda: deque[Event](maxlen=EVENTS_KEPT))
    event_count: int = 0
    debounced: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    throttled: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    dedup: dict[str, str] = field(default_factory=dict[str, str])
    limits: dict[str, KeyUse] = field(default_factory=dict[str, KeyUse])
    freed: dict[str, None] = field(default_factory=dict[str, None])
    buffers: dict[str, Buffer] = field(default_factory=dict[str, Buffer])
    collected: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    replaced: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    index: dict[str, Ranked[int]] = field(default_factory=dict[str, Ranked[int]])
    ears: set[Bell] = field(default_factory=set[Bell])


@dataclass(slots=True)
class FlowNode:
    """A node of a workflow as it stands. ``passed`` predecessors are known to be complete: it moves forward only."""

    state: str = "pending"
    result: bytes | None = None
    error: str | None = None
    passed: int = 0


class Failure(NamedTuple):
    """The node that ended a workflow."""

    node: int
    task: str
    job_id: str
    error_type: str


class Fan(NamedTuple):
    """A piece of successors that are still to be started: those of ``node`` from ``first`` on; -1 for the roots."""

    node: int
    first: int


@dataclass(slots=True)
class Flow:
    """A workflow.

    Attributes:
        successors: Indexes of what follows each node; -1 stands for the roots, as a key, and for the end, as a value.
        end_passed: As ``passed`` of a node, for the terminal nodes.
        fans: What is still to be started.
        cascade: The next node whose job is to be cancelled; None when none is.
    """

    plan: Plan
    created_ms: int
    nodes: list[FlowNode]
    successors: dict[int, list[int]]
    state: WorkflowState = "running"
    end_passed: int = 0
    fans: deque[Fan] = field(default_factory=deque[Fan])
    cascade: int | None = None
    result: bytes | None = None
    error: str | None = None
    failure: Failure | None = None


@dataclass(slots=True)
class Flows:
    """All workflows: by the time of their making, of their deadline, of their end, and since when owed something."""

    by_id: dict[str, Flow] = field(default_factory=dict[str, Flow])
    created: Ranked[int] = field(default_factory=Ranked[int])
    deadlines: Ranked[int] = field(default_factory=Ranked[int])
    completed: Ranked[int] = field(default_factory=Ranked[int])
    failed: Ranked[int] = field(default_factory=Ranked[int])
    owed: Ranked[int] = field(default_factory=Ranked[int])


class Presence(NamedTuple):
    """The record of a process, and until when it holds."""

    record: WorkerRecord
    until_ms: int


@dataclass(slots=True)
class Store:
    """Everything of one adapter. Whoever reads or writes it holds the lock, and holds it shortly.

    Attributes:
        leader: Who leads.
        audit: Who did what: the id of each entry, and its fields.
        refusals: Who was refused what, alike.
        claims: How many there were, so that the locks of each are its own.
        woken: Workers whose next wait is to end at once.
        cancels: Who is told, for each task, of running jobs that are to be cancelled.
    """

    clock: Clock
    queues: dict[str, Queue] = field(default_factory=dict[str, Queue])
    flows: Flows = field(default_factory=Flows)
    schedules: dict[str, tuple[bytes, int | None]] = field(default_factory=dict[str, tuple[bytes, int | None]])
    leader: Lock | None = None
    cards: dict[str, bytes] = field(default_factory=dict[str, bytes])
    workers: dict[str, Presence] = field(default_factory=dict[str, Presence])
    audit: deque[AuditRow] = field(default_factory=lambda: deque[AuditRow](maxlen=AUDIT_KEPT))
    refusals: deque[AuditRow] = field(default_factory=lambda: deque[AuditRow](maxlen=AUDIT_KEPT))
    bells: Bells = field(default_factory=Bells)
    claims: int = 0
    woken: set[str] = field(default_factory=set[str])
    cancels: dict[str, list[Callable[[str, str], None]]] = field(
        default_factory=dict[str, list[Callable[[str, str], None]]]
    )
    lock: threading.Lock = field(default_factory=threading.Lock)

    def queue(self, task: str) -> Queue:
        """Return a task's queue; it is made when it is first asked for."""
        found = self.queues.get(task)
        if found is None:
            found = self.queues[task] = Queue(task)
        return found

    def erase(self) -> int:
        """Forget everything but who waits; returns how many things there were."""
        count = len(self.flows.by_id) + len(self.schedules) + len(self.cards) + len(self.workers)
        count += sum(len(queue.jobs) for queue in self.queues.values())
        self.queues, self.flows, self.schedules, self.cards, self.workers = {}, Flows(), {}, {}, {}
        self.audit.clear()
        self.refusals.clear()
        self.leader = None
        return count

    def wake(self, task: str) -> None:
        """Wake who waits for work of a task: there is some, or the time of the next changed."""
        self.bells.ring(work_topic(task))

    def call(self, act: Callable[[int], T]) -> Act[T]:
        """Describe something that is done under the lock; ``act`` is given the time in ms."""
        return Act(self, act)

    def do(self, act: Callable[[int], T]) -> T:
        """Do it now."""
        with self.lock:
            return act(self.clock.now_ms())


class Act(Generic[T]):
    """A call that is run at once."""

    __slots__ = ("_act", "_store")

    def __init__(self, store: Store, act: Callable[[int], T]) -> None:
        self._store = store
        self._act = act

    def run(self) -> T:
        """See ``Call``."""
        return self._store.do(self._act)

    async def run_async(self) -> T:
        """See ``Call``. Others get their turn first, as they would on any real connection."""
        await asyncio.sleep(0)
        return self._store.do(self._act)
