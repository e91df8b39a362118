"""Looking at jobs, workflows and workers, from any process, and removing jobs that ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TypeVar, overload

from taskora.adapters.audit_store import AuditEntry
from taskora.adapters.protocol import Adapter
from taskora.adapters.vitals_store import KeyFacts, ServerFacts, Throughput
from taskora.call import Call, mapped, refuse_on_loop
from taskora.duration import Duration
from taskora.fleets import SupervisorInfo, read_supervisors
from taskora.keys import check_workflow_id
from taskora.latency import Latency
from taskora.listing import TaskOrName, name_of
from taskora.looking import Jobs, Known, Looking
from taskora.migration import MigrationStatus
from taskora.model import JobInfo, Page, QueueStats, State, WorkerRecord
from taskora.rules import FlowControl
from taskora.serializer import JSON, Serializer
from taskora.workflow_model import WorkflowRecord, WorkflowState, WorkflowSummary

__all__ = ["AuditEntry", "Inspector", "KeyFacts", "ServerFacts", "Throughput"]

_T = TypeVar("_T")


class Inspector:
    """Reads what is stored; made by ``Taskora.inspect``.

    Only ``pause``, ``resume``, ``flush_collect`` and ``clean`` change something.

    Every method comes in a pair: ``x()`` for plain code, ``await x_async()`` on an event loop. All raise
    ``AdapterError`` when the server cannot be reached or refuses.

    Tasks are given by name or as they are. The lists take ``task=None`` for all: those known here and those that any
    worker has published. Of one task, jobs come as they are stored: those to run next first, ended ones newest first.
    Those of several are merged by time; ``limit`` and ``offset`` count over all. Lists leave the logs of jobs out;
    ``find`` reads them.

    No call reads the whole of something that grows with the number of jobs. Delayed jobs and those that retry share a
    place, as workflows of all states do: about 10,000 of the others are passed over in search of a page, no more.

    Args:
        adapter: Where the jobs are.
        known_tasks: Tasks by name that are looked at although nobody has published them.
        serializer: Reads their payloads and results. Defaults to JSON.
    """

    def __init__(
        self, adapter: Adapter, known_tasks: Mapping[str, Known] | None = None, serializer: Serializer = JSON
    ) -> None:
        self._adapter = adapter
        self._looking = Looking(adapter, {} if known_tasks is None else known_tasks, serializer)

    # Jobs

    def waiting(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that a worker may take now."""
        return self._run("waiting", self._looking.jobs(State.WAITING, task, limit, offset))

    async def waiting_async(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``waiting``."""
        return await self._looking.jobs(State.WAITING, task, limit, offset).run_async()

    def active(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that run."""
        return self._run("active", self._looking.jobs(State.ACTIVE, task, limit, offset))

    async def active_async(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``active``."""
        return await self._looking.jobs(State.ACTIVE, task, limit, offset).run_async()

    def delayed(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that are not due yet, without those that wait for another attempt."""
        return self._run("delayed", self._looking.jobs(State.DELAYED, task, limit, offset))

    async def delayed_async(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``delayed``."""
        return await self._looking.jobs(State.DELAYED, task, limit, offset).run_async()

    def retrying(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that failed and wait for another attempt."""
        return self._run("retrying", self._looking.jobs(State.RETRYING, task, limit, offset))

    async def retrying_async(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``retrying``."""
        return await self._looking.jobs(State.RETRYING, task, limit, offset).run_async()

    def completed(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that ended well and are still kept."""
        return self._run("completed", self._looking.jobs(State.COMPLETED, task, limit, offset))

    async def completed_async(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``completed``."""
        return await self._looking.jobs(State.COMPLETED, task, limit, offset).run_async()

    def failed(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that failed for good and are still kept."""
        return self._run("failed", self._looking.jobs(State.FAILED, task, limit, offset))

    async def failed_async(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``failed``."""
        return await self._looking.jobs(State.FAILED, task, limit, offset).run_async()

    def expired(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that no worker took in time and that are still kept."""
        return self._run("expired", self._looking.jobs(State.EXPIRED, task, limit, offset))

    async def expired_async(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``expired``."""
        return await self._looking.jobs(State.EXPIRED, task, limit, offset).run_async()

    def cancelled(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that were cancelled and are still kept."""
        return self._run("cancelled", self._looking.jobs(State.CANCELLED, task, limit, offset))

    async def cancelled_async(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``cancelled``."""
        return await self._looking.jobs(State.CANCELLED, task, limit, offset).run_async()

    @overload
    def find(self, job_id: str, /) -> JobInfo | None: ...
    @overload
    def find(self, task: TaskOrName, job_id: str, /) -> JobInfo | None: ...
    def find(self, first: TaskOrName, second: str | None = None, /) -> JobInfo | None:
        """Read all of a job: ``find(job_id)`` looks in all tasks, ``find(task, job_id)`` in one; None for none."""
        return self._run("find", self._looking.find(first, second))

    @overload
    async def find_async(self, job_id: str, /) -> JobInfo | None: ...
    @overload
    async def find_async(self, task: TaskOrName, job_id: str, /) -> JobInfo | None: ...
    async def find_async(self, first: TaskOrName, second: str | None = None, /) -> JobInfo | None:
        """See ``find``."""
        return await self._looking.find(first, second).run_async()

    def search(self, task: TaskOrName, path: str, value: object, *, limit: int = 20, cursor: str | None = None) -> Page:
        """List a task's jobs with a value at a path of their payload, the newest dispatch first.

        The task must index the path (``index=``); jobs that were dispatched by processes that did not know so are not
        found, nor are batches and nodes of workflows that got their payload from others.

        Args:
            task: The task.
            path: One of the paths that it indexes.
            value: A text, number, boolean or UUID; what is written alike is equal: 42 and "42", True and "true".
            limit: At most so many. Defaults to 20.
            cursor: That of the page before; None for the first.

        Raises:
            ConfigError: The task does not index the path, or an argument is wrong.
        """
        return self._run("search", self._looking.search(task, path, value, limit, cursor))

    async def search_async(
        self, task: TaskOrName, path: str, value: object, *, limit: int = 20, cursor: str | None = None
    ) -> Page:
        """See ``search``."""
        return await self._looking.search(task, path, value, limit, cursor).run_async()

    # Tasks

    def tasks(self) -> list[str]:
        """List the names of all tasks: those known here and those that any worker has published."""
        return self._run("tasks", self.task_names())

    async def tasks_async(self) -> list[str]:
        """See ``tasks``."""
        return await self.task_names().run_async()

    def task_names(self) -> Call[list[str]]:
        """Describe ``tasks`` as a call, to be run either way."""
        return self._looking.names()

    def stats(self, task: TaskOrName | None = None) -> QueueStats:
        """Count jobs by state, of a task or of all."""
        return self._run("stats", mapped(self._looking.stats(task), _total))

    async def stats_async(self, task: TaskOrName | None = None) -> QueueStats:
        """See ``stats``."""
        return await mapped(self._looking.stats(task), _total).run_async()

    def stats_by_task(self) -> dict[str, QueueStats]:
        """Count jobs by task and state."""
        return self._run("stats_by_task", self._looking.stats(None))

    async def stats_by_task_async(self) -> dict[str, QueueStats]:
        """See ``stats_by_task``."""
        return await self._looking.stats(None).run_async()

    def throughput(self, task: TaskOrName | None = None, *, bucket: Duration = 60, count: int = 60) -> list[Throughput]:
        """Count the jobs that ended, by how, of a task or of all, over the last ``count`` stretches, the oldest first.

        The last one has only begun. Counters are kept by the minute, for a day.

        Args:
            task: The task; None for all.
            bucket: Length of a stretch: whole minutes. Defaults to one.
            count: Number of stretches, together at most a day. Defaults to 60.

        Raises:
            ConfigError: The bucket is not of whole minutes, or more than a day is asked for.
        """
        return self._run("throughput", self._looking.throughput(task, bucket, count))

    async def throughput_async(
        self, task: TaskOrName | None = None, *, bucket: Duration = 60, count: int = 60
    ) -> list[Throughput]:
        """See ``throughput``."""
        return await self._looking.throughput(task, bucket, count).run_async()

    def latency(self, task: TaskOrName | None = None, *, bucket: Duration = 900, count: int = 96) -> list[Latency]:
        """Estimate how long jobs waited and ran over the last ``count`` stretches, the oldest first.

        Workers count, and store that about every ten seconds; those of other implementations do not. The last stretch
        has only begun.

        Args:
            task: The task; None for all together.
            bucket: Length of a stretch: whole quarters of an hour. Defaults to one.
            count: Number of stretches, together at most a day. Defaults to 96.

        Raises:
            ConfigError: The bucket is not of whole quarters, or more than a day is asked for.
        """
        return self._run("latency", self._looking.latency(task, bucket, count))

    async def latency_async(
        self, task: TaskOrName | None = None, *, bucket: Duration = 900, count: int = 96
    ) -> list[Latency]:
        """See ``latency``."""
        return await self._looking.latency(task, bucket, count).run_async()

    def migrations(self, task: TaskOrName) -> MigrationStatus:
        """Count the payload versions of a task's jobs, to know whether older ones can be given up.

        At most 10,000 jobs of each state are looked at, those that run next; ``complete`` says whether that was all.

        Raises:
            ConfigError: No process has published the task, and it is not defined here.
        """
        return self._run("migrations", self._looking.migrations(task))

    async def migrations_async(self, task: TaskOrName) -> MigrationStatus:
        """See ``migrations``."""
        return await self._looking.migrations(task).run_async()

    # Holding back

    def pause(self, task: TaskOrName) -> bool:
        """Have no worker claim jobs of a task until it is resumed, whatever is restarted meanwhile.

        Jobs that run go on to their end. Dispatches, delayed jobs, retries and schedules go on too; their jobs wait.
        Those that expire do so once the task is resumed. Workers of other implementations know nothing of pauses.

        Returns:
            False when it was paused already.
        """
        return self._run("pause", self._adapter.control.pause(name_of(task)))

    async def pause_async(self, task: TaskOrName) -> bool:
        """See ``pause``."""
        return await self._adapter.control.pause(name_of(task)).run_async()

    def resume(self, task: TaskOrName) -> bool:
        """Let workers claim jobs of a paused task again; idle ones begin at once.

        Returns:
            False when it was not paused.
        """
        return self._run("resume", self._adapter.control.resume(name_of(task)))

    async def resume_async(self, task: TaskOrName) -> bool:
        """See ``resume``."""
        return await self._adapter.control.resume(name_of(task)).run_async()

    def paused(self) -> dict[str, datetime]:
        """Tell which tasks are paused, of those known here and those that any worker has published, and since when."""
        return self._run("paused", self._looking.paused())

    async def paused_async(self) -> dict[str, datetime]:
        """See ``paused``."""
        return await self._looking.paused().run_async()

    # Flow control

    def flow(self, task: TaskOrName, *, limit: int = 20, offset: int = 0) -> FlowControl:
        """Read a page of each kind of keys that control a task's flow, and count them.

        Keys that other implementations brought into use are left out, but for concurrency keys.
        """
        return self._run("flow", self._looking.flow(task, limit, offset))

    async def flow_async(self, task: TaskOrName, *, limit: int = 20, offset: int = 0) -> FlowControl:
        """See ``flow``."""
        return await self._looking.flow(task, limit, offset).run_async()

    def peek_collect(self, task: TaskOrName, key: str, *, limit: int = 10) -> list[object]:
        """Read the first items that are collected under a key; what cannot be read is shown as text."""
        return self._run("peek_collect", self._looking.peek_collect(task, key, limit))

    async def peek_collect_async(self, task: TaskOrName, key: str, *, limit: int = 10) -> list[object]:
        """See ``peek_collect``."""
        return await self._looking.peek_collect(task, key, limit).run_async()

    def flush_collect(self, task: TaskOrName, key: str) -> int:
        """Have what is collected under a key be a batch at once; returns the number of its items, 0 for none."""
        return self._run("flush_collect", self._looking.flush_collect(task, key))

    async def flush_collect_async(self, task: TaskOrName, key: str) -> int:
        """See ``flush_collect``."""
        return await self._looking.flush_collect(task, key).run_async()

    # Workflows, workers, the server

    def workflows(
        self, *, state: WorkflowState | None = None, limit: int = 20, offset: int = 0
    ) -> list[WorkflowSummary]:
        """List workflows, in a state or in all, the newest first."""
        return self._run("workflows", self._looking.workflows(state, limit, offset))

    async def workflows_async(
        self, *, state: WorkflowState | None = None, limit: int = 20, offset: int = 0
    ) -> list[WorkflowSummary]:
        """See ``workflows``."""
        return await self._looking.workflows(state, limit, offset).run_async()

    def workflow(self, workflow_id: str) -> WorkflowRecord | None:
        """Read a workflow with the state of each of its nodes; None when there is none."""
        return self._run("workflow", self._adapter.workflows.workflow(check_workflow_id(workflow_id)))

    async def workflow_async(self, workflow_id: str) -> WorkflowRecord | None:
        """See ``workflow``."""
        return await self._adapter.workflows.workflow(check_workflow_id(workflow_id)).run_async()

    def workers(self) -> list[WorkerRecord]:
        """List the processes that are there: workers, and the stewards of supervisors."""
        return self._run("workers", self._adapter.house.workers())

    async def workers_async(self) -> list[WorkerRecord]:
        """See ``workers``."""
        return await self._adapter.house.workers().run_async()

    def supervisors(self) -> list[SupervisorInfo]:
        """List the supervisors that are there, each with its children."""
        return self._run("supervisors", mapped(self._adapter.house.workers(), read_supervisors))

    async def supervisors_async(self) -> list[SupervisorInfo]:
        """See ``supervisors``."""
        return await mapped(self._adapter.house.workers(), read_supervisors).run_async()

    def server(self) -> ServerFacts:
        """Read the condition of the server."""
        return self._run("server", self._adapter.vitals.server())

    async def server_async(self) -> ServerFacts:
        """See ``server``."""
        return await self._adapter.vitals.server().run_async()

    def keys(self, task: TaskOrName) -> list[KeyFacts]:
        """Count the entries of each key that a task has beside its jobs, and the memory that each takes."""
        return self._run("keys", self._adapter.vitals.keys(name_of(task)))

    async def keys_async(self, task: TaskOrName) -> list[KeyFacts]:
        """See ``keys``."""
        return await self._adapter.vitals.keys(name_of(task)).run_async()

    def audit(self, *, limit: int = 50, before: str | None = None) -> list[AuditEntry]:
        """List who did what, the newest first. About 10,000 acts are kept, and as many refusals.

        Args:
            limit: At most so many. Defaults to 50.
            before: The ``id`` of an entry, to go on with those before it; None for the newest.

        Raises:
            ConfigError: The limit is no whole number from 0 on, or this is no id of an entry.
        """
        return self._run("audit", self._looking.audit(limit, before))

    async def audit_async(self, *, limit: int = 50, before: str | None = None) -> list[AuditEntry]:
        """See ``audit``."""
        return await self._looking.audit(limit, before).run_async()

    # Removing

    def clean(self, task: TaskOrName, state: State | str, before: datetime, limit: int = 1000) -> int:
        """Remove jobs that have ended, the oldest first, sooner than retention would.

        Args:
            task: Its name.
            state: ``completed``, ``failed``, ``expired`` or ``cancelled``.
            before: Those that ended at this time or earlier; with a time zone.
            limit: At most so many. Defaults to 1000.

        Returns:
            How many were removed.

        Raises:
            ConfigError: The state is not one of those, the time has no zone, or the limit is below 1.
        """
        return self._run("clean", self._looking.clean(task, state, before, limit))

    async def clean_async(self, task: TaskOrName, state: State | str, before: datetime, limit: int = 1000) -> int:
        """See ``clean``."""
        return await self._looking.clean(task, state, before, limit).run_async()

    @staticmethod
    def _run(name: str, call: Call[_T]) -> _T:
        refuse_on_loop(name)
        return call.run()


def _total(counts: dict[str, QueueStats]) -> QueueStats:
    names: Sequence[str] = [field.name for field in fields(QueueStats)]
    return QueueStats(**{name: sum(getattr(count, name) for count in counts.values()) for name in names})
