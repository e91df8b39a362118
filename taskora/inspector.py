"""Looking at jobs, workflows and workers, from any process, and removing jobs that ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar, overload

from taskora.adapters.dead_letter_store import PER_CALL
from taskora.adapters.protocol import Adapter
from taskora.adapters.vitals_store import KeyFacts, ServerFacts, Throughput
from taskora.call import Call, CallSteps, Composed, Gathered, ask, mapped, refuse_on_loop
from taskora.clock import to_epoch_ms
from taskora.config import TaskOptions, check_count, check_instance
from taskora.duration import Duration, to_seconds
from taskora.errors import ConfigError
from taskora.housekeeping.cards import read_card
from taskora.keys import check_job_id, check_task_name, check_workflow_id
from taskora.listing import ENDED, check_page, check_task, check_workflow_state, moment_of
from taskora.migration import MigrationStatus
from taskora.model import JobInfo, QueueStats, State, WorkerRecord, WorkflowRecord, WorkflowState, WorkflowSummary
from taskora.payloads import shown
from taskora.quoting import quoted
from taskora.serializer import JSON, Serializer

__all__ = ["Inspector", "KeyFacts", "ServerFacts", "Throughput"]

_T = TypeVar("_T")
Jobs: TypeAlias = list[JobInfo]
_DAY_MINUTES = 24 * 60
_VERSIONS_LOOKED_AT = 10_000


class Known(Protocol):
    """What is asked of a task that is known here."""

    @property
    def options(self) -> TaskOptions: ...


class Inspector:
    """Reads what is stored; only ``clean`` changes something. Made by ``Taskora.inspect``.

    Every method comes in a pair: ``x()`` for plain code, ``await x_async()`` on an event loop. All raise
    ``AdapterError`` when the server cannot be reached or refuses.

    The lists take ``task=None`` for all tasks: those known here and those that any worker has published. Of one task,
    jobs come as they are stored: those to run next first, ended ones newest first. Those of several are merged by
    time; ``limit`` and ``offset`` count over all. Lists leave the logs of jobs out; ``find`` reads them.

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
        self._known: Mapping[str, Known] = {} if known_tasks is None else known_tasks
        self._show = shown(serializer)

    # Jobs

    def waiting(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that a worker may take now."""
        return self._run("waiting", self._jobs(State.WAITING, task, limit, offset))

    async def waiting_async(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``waiting``."""
        return await self._jobs(State.WAITING, task, limit, offset).run_async()

    def active(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that run."""
        return self._run("active", self._jobs(State.ACTIVE, task, limit, offset))

    async def active_async(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``active``."""
        return await self._jobs(State.ACTIVE, task, limit, offset).run_async()

    def delayed(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that are not due yet, without those that wait for another attempt."""
        return self._run("delayed", self._jobs(State.DELAYED, task, limit, offset))

    async def delayed_async(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``delayed``."""
        return await self._jobs(State.DELAYED, task, limit, offset).run_async()

    def retrying(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that failed and wait for another attempt."""
        return self._run("retrying", self._jobs(State.RETRYING, task, limit, offset))

    async def retrying_async(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``retrying``."""
        return await self._jobs(State.RETRYING, task, limit, offset).run_async()

    def completed(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that ended well and are still kept."""
        return self._run("completed", self._jobs(State.COMPLETED, task, limit, offset))

    async def completed_async(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``completed``."""
        return await self._jobs(State.COMPLETED, task, limit, offset).run_async()

    def failed(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that failed for good and are still kept."""
        return self._run("failed", self._jobs(State.FAILED, task, limit, offset))

    async def failed_async(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``failed``."""
        return await self._jobs(State.FAILED, task, limit, offset).run_async()

    def expired(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that no worker took in time and that are still kept."""
        return self._run("expired", self._jobs(State.EXPIRED, task, limit, offset))

    async def expired_async(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``expired``."""
        return await self._jobs(State.EXPIRED, task, limit, offset).run_async()

    def cancelled(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List jobs that were cancelled and are still kept."""
        return self._run("cancelled", self._jobs(State.CANCELLED, task, limit, offset))

    async def cancelled_async(self, task: str | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``cancelled``."""
        return await self._jobs(State.CANCELLED, task, limit, offset).run_async()

    @overload
    def find(self, job_id: str, /) -> JobInfo | None: ...
    @overload
    def find(self, task: str, job_id: str, /) -> JobInfo | None: ...
    def find(self, first: str, second: str | None = None, /) -> JobInfo | None:
        """Read all of a job: ``find(job_id)`` looks in all tasks, ``find(task, job_id)`` in one; None for none."""
        return self._run("find", self._find(first, second))

    @overload
    async def find_async(self, job_id: str, /) -> JobInfo | None: ...
    @overload
    async def find_async(self, task: str, job_id: str, /) -> JobInfo | None: ...
    async def find_async(self, first: str, second: str | None = None, /) -> JobInfo | None:
        """See ``find``."""
        return await self._find(first, second).run_async()

    # Tasks

    def tasks(self) -> list[str]:
        """List the names of all tasks: those known here and those that any worker has published."""
        return self._run("tasks", self.task_names())

    async def tasks_async(self) -> list[str]:
        """See ``tasks``."""
        return await self.task_names().run_async()

    def task_names(self) -> Call[list[str]]:
        """Describe ``tasks`` as a call, to be run either way."""
        return Composed(self._names)

    def stats(self, task: str | None = None) -> QueueStats:
        """Count jobs by state, of a task or of all."""
        return self._run("stats", mapped(self._stats(task), _total))

    async def stats_async(self, task: str | None = None) -> QueueStats:
        """See ``stats``."""
        return await mapped(self._stats(task), _total).run_async()

    def stats_by_task(self) -> dict[str, QueueStats]:
        """Count jobs by task and state."""
        return self._run("stats_by_task", self._stats(None))

    async def stats_by_task_async(self) -> dict[str, QueueStats]:
        """See ``stats_by_task``."""
        return await self._stats(None).run_async()

    def throughput(self, task: str | None = None, *, bucket: Duration = 60, count: int = 60) -> list[Throughput]:
        """Count the jobs that ended, of a task or of all, over the last ``count`` stretches, the oldest first.

        The last one has only begun. Counters are kept by the minute, for a day.

        Args:
            task: The task; None for all.
            bucket: Length of a stretch: whole minutes. Defaults to one.
            count: Number of stretches, together at most a day. Defaults to 60.

        Raises:
            ConfigError: The bucket is not of whole minutes, or more than a day is asked for.
        """
        return self._run("throughput", self._throughput(task, bucket, count))

    async def throughput_async(
        self, task: str | None = None, *, bucket: Duration = 60, count: int = 60
    ) -> list[Throughput]:
        """See ``throughput``."""
        return await self._throughput(task, bucket, count).run_async()

    def migrations(self, task: str) -> MigrationStatus:
        """Count the payload versions of a task's jobs, to know whether older ones can be given up.

        At most 10,000 jobs of each state are looked at, those that run next; ``complete`` says whether that was all.

        Raises:
            ConfigError: No process has published the task, and it is not defined here.
        """
        return self._run("migrations", self._migrations(task))

    async def migrations_async(self, task: str) -> MigrationStatus:
        """See ``migrations``."""
        return await self._migrations(task).run_async()

    # Workflows, workers, the server

    def workflows(
        self, *, state: WorkflowState | None = None, limit: int = 20, offset: int = 0
    ) -> list[WorkflowSummary]:
        """List workflows, in a state or in all, the newest first."""
        return self._run("workflows", self._workflows(state, limit, offset))

    async def workflows_async(
        self, *, state: WorkflowState | None = None, limit: int = 20, offset: int = 0
    ) -> list[WorkflowSummary]:
        """See ``workflows``."""
        return await self._workflows(state, limit, offset).run_async()

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

    def server(self) -> ServerFacts:
        """Read the condition of the server."""
        return self._run("server", self._adapter.vitals.server())

    async def server_async(self) -> ServerFacts:
        """See ``server``."""
        return await self._adapter.vitals.server().run_async()

    def keys(self, task: str) -> list[KeyFacts]:
        """Count the entries of each key that a task has beside its jobs, and the memory that each takes."""
        return self._run("keys", self._adapter.vitals.keys(check_task_name(task, "task")))

    async def keys_async(self, task: str) -> list[KeyFacts]:
        """See ``keys``."""
        return await self._adapter.vitals.keys(check_task_name(task, "task")).run_async()

    # Removing

    def clean(self, task: str, state: State | str, before: datetime, limit: int = 1000) -> int:
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
        return self._run("clean", self._clean(task, state, before, limit))

    async def clean_async(self, task: str, state: State | str, before: datetime, limit: int = 1000) -> int:
        """See ``clean``."""
        return await self._clean(task, state, before, limit).run_async()

    # The calls

    @staticmethod
    def _run(name: str, call: Call[_T]) -> _T:
        refuse_on_loop(name)
        return call.run()

    def _names(self) -> CallSteps[list[str]]:
        published = yield from ask(self._adapter.house.tasks())
        return sorted({*self._known, *published})

    def _chosen(self, task: str | None) -> CallSteps[list[str]]:
        return (yield from self._names()) if task is None else [task]

    def _jobs(self, state: State, task: str | None, limit: int, offset: int) -> Call[Jobs]:
        check_page(limit, offset)
        if check_task(task) is not None:
            return mapped(self._adapter.jobs.jobs(task, state, offset, limit), self._shown)

        def steps() -> CallSteps[Jobs]:
            tasks = yield from self._names()
            # What stands before the page in the merged list may come from any of them.
            calls = [self._adapter.jobs.jobs(name, state, 0, offset + limit) for name in tasks]
            found = [job for jobs in (yield from ask(Gathered(calls))) for job in jobs]
            found.sort(key=moment_of(state), reverse=state in ENDED)
            return self._shown(found[offset : offset + limit])

        return Composed(steps)

    def _workflows(self, state: WorkflowState | None, limit: int, offset: int) -> Call[list[WorkflowSummary]]:
        check_page(limit, offset)
        check_workflow_state(state)
        return self._adapter.workflows.list_workflows(state, offset, limit)

    def _shown(self, jobs: Jobs) -> Jobs:
        return [self._show(job) for job in jobs]

    def _find(self, first: str, second: str | None) -> Call[JobInfo | None]:
        if second is not None:
            task, job_id = check_task_name(first, "task"), check_job_id(second)
            return mapped(self._adapter.jobs.job(task, job_id), lambda job: job and self._show(job))
        check_job_id(first)

        def steps() -> CallSteps[JobInfo | None]:
            tasks = yield from self._names()
            found = yield from ask(Gathered([self._adapter.jobs.job(name, first) for name in tasks]))
            return next((self._show(job) for job in found if job is not None), None)

        return Composed(steps)

    def _stats(self, task: str | None) -> Call[dict[str, QueueStats]]:
        check_task(task)

        def steps() -> CallSteps[dict[str, QueueStats]]:
            tasks = yield from self._chosen(task)
            counts = yield from ask(Gathered([self._adapter.jobs.stats(name) for name in tasks]))
            return dict(zip(tasks, counts, strict=True))

        return Composed(steps)

    def _migrations(self, task: str) -> Call[MigrationStatus]:
        check_task_name(task, "task")

        def steps() -> CallSteps[MigrationStatus]:
            known = self._known.get(task)
            if known is not None:
                options = known.options
            else:
                card = (yield from ask(self._adapter.house.tasks())).get(task)
                if card is None:
                    raise ConfigError(f"migrations: no worker ever published a task {task!r}, and none is defined here")
                options = read_card(card)
            counts = yield from ask(self._adapter.vitals.versions(task, _VERSIONS_LOOKED_AT))
            return MigrationStatus(task, options.version, options.since, *counts)

        return Composed(steps)

    def _clean(self, task: str, state: State | str, before: datetime, limit: int) -> Call[int]:
        check_task_name(task, "task")
        ended = [one for one in ENDED if one == state]
        if not ended:
            raise ConfigError(f"state: a job that has ended is {', '.join(ENDED)}; got {quoted(state)}")
        if check_instance(before, datetime, "before").tzinfo is None:
            raise ConfigError(f"before: {before!r} has no time zone; take datetime.now(UTC), for example")
        check_count(limit, "limit")
        clean, until_ms = self._adapter.dead_letters.clean, to_epoch_ms(before)

        def steps() -> CallSteps[int]:
            removed, last = 0, PER_CALL
            while last == PER_CALL and removed < limit:
                last = yield from ask(clean(task, ended[0], until_ms, min(PER_CALL, limit - removed)))
                removed += last
            return removed

        return Composed(steps)

    def _throughput(self, task: str | None, bucket: Duration, count: int) -> Call[list[Throughput]]:
        check_task(task)
        minutes = to_seconds(bucket, "bucket") / 60
        check_count(count, "count")
        if minutes < 1 or not minutes.is_integer():
            raise ConfigError(
                f"bucket: expected whole minutes, as the counters are kept by the minute; got {quoted(bucket)}"
            )
        if minutes * count > _DAY_MINUTES:
            raise ConfigError(f"count: {count} stretches of {bucket!r} are over a day, and counters are kept for a day")

        def steps() -> CallSteps[list[Throughput]]:
            tasks = yield from self._chosen(task)
            return (yield from ask(self._adapter.vitals.throughput(tasks, int(minutes), count)))

        return Composed(steps)


def _total(counts: dict[str, QueueStats]) -> QueueStats:
    names: Sequence[str] = [field.name for field in fields(QueueStats)]
    return QueueStats(**{name: sum(getattr(count, name) for count in counts.values()) for name in names})
