"""What an adapter must do, so that the engine can run on it.

An adapter's methods return calls: nothing happens until one is run. Everything that changes a job's state is atomic
and may run twice with the effect of once. Times in arguments are milliseconds and relative; the adapter's own clock
turns them into what is stored.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from taskora.adapters.audit_store import AuditStore
from taskora.adapters.control_store import ControlStore
from taskora.adapters.dead_letter_store import DeadLetterStore
from taskora.adapters.duration_store import DurationStore
from taskora.adapters.event_store import EventStore
from taskora.adapters.lane import Answered, HeldIds, Lane
from taskora.adapters.request_store import RequestStore
from taskora.adapters.rule_store import RuleStore
from taskora.adapters.schedule_store import RepairStore, ScheduleStore
from taskora.adapters.vitals_store import VitalsStore
from taskora.call import Call
from taskora.config import Keep
from taskora.keys import Keys
from taskora.model import (
    CancelOutcome,
    EnqueueSpec,
    Held,
    JobInfo,
    LogEntry,
    NewJob,
    Occurrence,
    Origin,
    Outcome,
    Page,
    QueueStats,
    State,
    WorkerRecord,
)
from taskora.workflow_model import Plan, WorkflowOutcome, WorkflowRecord, WorkflowState, WorkflowSummary


class JobStore(Protocol):
    """Producing, following and cancelling jobs."""

    def enqueue(self, task: str, spec: EnqueueSpec, jobs: Sequence[NewJob]) -> Call[list[bool]]:
        """Store jobs of one task, in order. False for a job whose id exists: nothing was written for it.

        A run that is repeated after a lost reply answers as the first one did.
        """
        ...

    def enqueue_occurrence(self, task: str, spec: EnqueueSpec, job: NewJob, at: Occurrence) -> Call[bool]:
        """Store a scheduled job, unless this occurrence or a later one of its schedule was stored before."""
        ...

    def outcome(self, task: str, job_id: str) -> Call[Outcome | None]:
        """Read the state of a job and, once it ended, how; None when there is no such job."""
        ...

    def job(self, task: str, job_id: str) -> Call[JobInfo | None]:
        """Read all of a job, its logs included."""
        ...

    def origin(self, task: str, job_id: str) -> Call[Origin]:
        """Read where a job comes from, as far as that is known; an empty origin when there is no such job."""
        ...

    def progress(self, task: str, job_id: str) -> Call[object]:
        """Read what the handler last reported; None for nothing."""
        ...

    def logs(self, task: str, job_id: str) -> Call[list[LogEntry]]:
        """Read what the handler logged, oldest first."""
        ...

    def cancel(self, task: str, job_id: str, reason: str) -> Call[CancelOutcome]:
        """Cancel a queued job at once; flag a running one for its worker."""
        ...

    def stats(self, task: str) -> Call[QueueStats]:
        """Count a task's jobs by state."""
        ...

    def jobs(self, task: str, state: State, offset: int, limit: int) -> Call[list[JobInfo]]:
        """List a task's jobs in a state, without their logs: those to run next first, ended ones newest first.

        Where jobs of two states share a place, those to run next are looked at until the page is full, and at least
        10,000 beyond it.
        """
        ...

    def search(self, task: str, entry: str, limit: int, cursor: str = "") -> Call[Page]:
        """List a task's jobs that are indexed under ``PATH:VALUE``, the newest dispatch first, without their logs.

        Args:
            task: The task.
            entry: ``PATH:VALUE``.
            limit: At most so many, 1 at least.
            cursor: That of the page before; empty for the first.
        """
        ...


class LeaseStore(Protocol):
    """What a worker does with jobs."""

    def shares(self, tasks: Sequence[str]) -> list[list[str]]:
        """Divide tasks among lanes, so that none waits for what another one needs; mostly one has all."""
        ...

    def lane(
        self,
        worker: str,
        tasks: Sequence[str],
        lock_ttl_ms: int,
        held: HeldIds,
        answered: Answered | None = None,
        place: int = 0,
    ) -> Lane:
        """Open a worker's claiming and settling; connections are made when first used.

        Args:
            worker: The worker's identity, unique to this process and boot.
            tasks: All tasks that it may claim.
            lock_ttl_ms: Lease of a claimed job.
            held: Tells which jobs of a task the worker knows to hold, whenever it is asked.
            answered: Told of each claim whose reply was read, before ``arrived`` is.
            place: Which of the worker's lanes it is, from 0: no two of them tell of claims under the same names.
        """
        ...

    def watch_cancels(self, tasks: Sequence[str]) -> Watch:
        """Subscribe to cancels of running jobs."""
        ...

    def extend(self, held: Sequence[Held], ttl_ms: int) -> Call[list[int]]:
        """Renew locks: for each 1 renewed, 0 lost, -1 renewed and to be cancelled."""
        ...

    def write_progress(self, task: str, job_id: str, token: str, value: bytes) -> Call[bool]:
        """Store a running job's progress; False when the lock is no longer ours."""
        ...

    def write_span(self, task: str, job_id: str, token: str, context: str) -> Call[bool]:
        """Keep the trace context of a job's run, for ``JobStore.origin``; False when the lock is no longer ours."""
        ...

    def write_logs(self, task: str, job_id: str, token: str, entries: Sequence[bytes]) -> Call[bool]:
        """Append log entries to a running job; False when the lock is no longer ours."""
        ...

    def recover(
        self,
        worker: str,
        tasks: Mapping[str, int],
        *,
        cause: str,
        charged: bool,
        max_crashes: int,
        suspects: Sequence[str] = (),
        answered: Mapping[str, int] | None = None,
    ) -> Call[int]:
        """Fence a dead worker for good and give its jobs of these tasks back to the front of their queues.

        Args:
            worker: Identity of the worker.
            tasks: Each task with the time in ms after which a run counts as overdue; 0 for never.
            cause: What ended the worker. With ``hung``, suspects that are overdue carry the cause ``timeout`` to their
                next owner.
            charged: Count a crash against each suspect, or each job when there is none; over ``max_crashes`` it fails.
                Suspects of a second death come back a second apart. Other jobs are charged once they were beside five
                times as many deaths as a suspect may see.
            max_crashes: Limit of charged crashes.
            suspects: Ends of the ids, eight characters each, of jobs that had its interpreter when it ended.
            answered: By connection, the last claim of which a job began to run. What a later one brought never ran, and
                is not charged; nothing is known of a connection that is not named.

        Returns:
            The number of jobs taken from the worker: given back, failed or cancelled. A run that is repeated after a
            lost reply finds none.
        """
        ...

    def fence(self, worker: str, tasks: Sequence[str], halted: bool) -> Call[None]:
        """Stop a living worker from claiming, for a day at most, or let it go on. A dead one stays fenced."""
        ...

    def extend_worker(self, worker: str, tasks: Sequence[str], ttl_ms: int) -> Call[int]:
        """Renew every lock of a living worker that cannot do it itself; returns how many."""
        ...


class Watch(Protocol):
    """A subscription to the ids of running jobs that are to be cancelled."""

    def __aiter__(self) -> AsyncIterator[tuple[str, str]]:
        """Yield ``(task, job id)``; an empty id after a gap: everything must be checked."""
        ...

    async def close(self) -> None:
        """End the subscription."""
        ...


class Waiter(Protocol):
    """Waits for the ends of many jobs and workflows on one connection."""

    async def job(self, task: str, job_id: str) -> Outcome | None:
        """Wait until the job ends; None at once when there is no such job."""
        ...

    async def workflow(self, workflow_id: str) -> WorkflowOutcome | None:
        """Wait until the workflow ends; None at once when there is no such workflow."""
        ...

    async def close(self) -> None:
        """Stop waiting; who still waits gets an ``AdapterError``."""
        ...


class WorkflowStore(Protocol):
    """Workflows: stored once, advanced where their nodes settle."""

    def create_workflow(self, plan: Plan) -> Call[None]:
        """Store a workflow and enqueue its roots; one that exists is left as it is."""
        ...

    def workflow_outcome(self, workflow_id: str) -> Call[WorkflowOutcome | None]:
        """Read how a workflow stands or ended."""
        ...

    def workflow(self, workflow_id: str) -> Call[WorkflowRecord | None]:
        """Read a workflow with its graph and the state of each node."""
        ...

    def cancel_workflow(self, workflow_id: str, reason: str) -> Call[bool]:
        """Cancel a workflow and its jobs; False when it has ended or does not exist."""
        ...

    def continue_workflow(self, workflow_id: str) -> Call[bool]:
        """Write one piece of what a workflow is owed; True while more is."""
        ...

    def list_workflows(self, state: WorkflowState | None, offset: int, limit: int) -> Call[list[WorkflowSummary]]:
        """List workflows, newest first. Of a state: as far as the newest are, at least 10,000 beyond the page."""
        ...


class HouseStore(Protocol):
    """What the leader does for everybody."""

    def lead(self, token: str, ttl_ms: int) -> Call[bool]:
        """Become or stay the leader; False while somebody else is."""
        ...

    def resign(self, token: str) -> Call[None]:
        """Stop being the leader at once, if the token is."""
        ...

    def sweep(self, task: str, max_stalls: int, grace_ms: int = 0) -> Call[int]:
        """Take jobs from workers that vanished: those that were active at the last sweep and have no lock now.

        Args:
            task: Name of the task.
            max_stalls: How often a job may be taken; one that is taken more often fails.
            grace_ms: How long ago the last sweep must have been; within it nothing is taken or marked, so that a sweep
                that is run twice in a row does no more than once. When it was more than ten times as long ago and a
                minute, jobs are only marked anew: the clock may have been set forward, by which all locks ran out.
        """
        ...

    def trim(self, task: str, state: State, keep: Keep, limit: int) -> Call[int]:
        """Remove up to ``limit`` ended jobs by age and count; returns how many."""
        ...

    def trim_workflows(self, completed: bool, keep: Keep, limit: int) -> Call[int]:
        """Remove up to ``limit`` ended workflows by age and count; returns how many."""
        ...

    def overdue_workflows(self, limit: int) -> Call[list[str]]:
        """List workflows whose deadline has passed."""
        ...

    def owed_workflows(self, older_ms: int, limit: int) -> Call[list[str]]:
        """List workflows that have been owed ``continue_workflow`` for longer than ``older_ms``."""
        ...

    def publish_tasks(self, cards: Mapping[str, bytes]) -> Call[None]:
        """Tell everybody of the tasks that this process knows: a JSON object for each name."""
        ...

    def tasks(self) -> Call[dict[str, bytes]]:
        """Read what was published of every task."""
        ...

    def register(self, record: WorkerRecord, ttl_ms: int) -> Call[None]:
        """Store or renew the record of a process."""
        ...

    def unregister(self, worker: str) -> Call[None]:
        """Remove the record of a process."""
        ...

    def workers(self) -> Call[list[WorkerRecord]]:
        """List the processes whose record has not run out."""
        ...


class Adapter(Protocol):
    """Everything that the engine asks of a store."""

    @property
    def keys(self) -> Keys:
        """The names of the keys, with the prefix."""
        ...

    @property
    def of_one_process(self) -> bool:
        """Whether other processes see nothing of it."""
        ...

    @property
    def jobs(self) -> JobStore: ...

    @property
    def leases(self) -> LeaseStore: ...

    @property
    def workflows(self) -> WorkflowStore: ...

    @property
    def house(self) -> HouseStore: ...

    @property
    def schedules(self) -> ScheduleStore: ...

    @property
    def repairs(self) -> RepairStore: ...

    @property
    def vitals(self) -> VitalsStore: ...

    @property
    def rules(self) -> RuleStore: ...

    @property
    def dead_letters(self) -> DeadLetterStore: ...

    @property
    def events(self) -> EventStore: ...

    @property
    def audit(self) -> AuditStore: ...

    @property
    def durations(self) -> DurationStore: ...

    @property
    def control(self) -> ControlStore: ...

    @property
    def requests(self) -> RequestStore: ...

    def connect(self) -> Call[None]:
        """Reach the server, check its version, and agree on the stored layout.

        Raises:
            AdapterError: From the call: it cannot be reached, is too old, or stores another layout.
        """
        ...

    def describe(self) -> str:
        """Say where the data is, without secrets."""
        ...

    def waiter(self) -> Waiter:
        """Open a waiter on the running event loop."""
        ...

    def close(self) -> None:
        """Close the connections of blocking calls."""
        ...

    async def close_loop(self) -> None:
        """Close the connections of the running event loop."""
        ...

    async def close_async(self) -> None:
        """Close the connections of the running event loop, and those of blocking calls."""
        ...
