"""What an inspector asks an adapter for, described once for both of its forms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, TypeAlias

from taskora.adapters.audit_store import AuditEntry
from taskora.adapters.dead_letter_store import PER_CALL
from taskora.adapters.duration_store import QUARTER_MS
from taskora.adapters.protocol import Adapter
from taskora.adapters.vitals_store import Throughput
from taskora.call import Call, CallSteps, Composed, Gathered, ask, mapped
from taskora.clock import to_epoch_ms
from taskora.config import TaskOptions, check_count, check_instance
from taskora.duration import Duration, to_seconds
from taskora.errors import ConfigError, SerializationError
from taskora.flow_control import check_key
from taskora.housekeeping.cards import read_card
from taskora.indexing import check_path, entry_of
from taskora.keys import check_job_id
from taskora.latency import Latency, read_latencies
from taskora.listing import (
    ENDED,
    TaskOrName,
    check_cursor,
    check_entry_id,
    check_page,
    check_task,
    check_workflow_state,
    moment_of,
    name_of,
)
from taskora.migration import MigrationStatus
from taskora.model import JobInfo, Page, QueueStats, State
from taskora.payloads import load, shown
from taskora.quoting import quoted
from taskora.rules import FlowControl
from taskora.serializer import Serializer
from taskora.workflow_model import WorkflowState, WorkflowSummary

Jobs: TypeAlias = list[JobInfo]
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_VERSIONS_LOOKED_AT = 10_000


class Known(Protocol):
    """What is asked of a task that is known here."""

    @property
    def options(self) -> TaskOptions: ...


class Looking:
    """The calls of an inspector.

    Args:
        adapter: Where the jobs are.
        known_tasks: Tasks by name that are looked at although nobody has published them.
        serializer: Reads their payloads and results.
    """

    def __init__(self, adapter: Adapter, known_tasks: Mapping[str, Known], serializer: Serializer) -> None:
        self._adapter = adapter
        self._known = known_tasks
        self._show = shown(serializer)
        self._serializer = serializer

    def names(self) -> Call[list[str]]:
        """List the names of all tasks. See ``Inspector``."""
        return Composed(self._names)

    def _names(self) -> CallSteps[list[str]]:
        published = yield from ask(self._adapter.house.tasks())
        return sorted({*self._known, *published})

    def _chosen(self, task: str | None) -> CallSteps[list[str]]:
        return (yield from self._names()) if task is None else [task]

    def jobs(self, state: State, task: TaskOrName | None, limit: int, offset: int) -> Call[Jobs]:
        """List jobs in a state. See ``Inspector``."""
        check_page(limit, offset)
        name = check_task(task)
        if name is not None:
            return mapped(self._adapter.jobs.jobs(name, state, offset, limit), self._shown)

        def steps() -> CallSteps[Jobs]:
            tasks = yield from self._names()
            # What stands before the page in the merged list may come from any of them.
            calls = [self._adapter.jobs.jobs(each, state, 0, offset + limit) for each in tasks]
            found = [job for jobs in (yield from ask(Gathered(calls))) for job in jobs]
            found.sort(key=moment_of(state), reverse=state in ENDED)
            return self._shown(found[offset : offset + limit])

        return Composed(steps)

    def workflows(self, state: WorkflowState | None, limit: int, offset: int) -> Call[list[WorkflowSummary]]:
        """List workflows. See ``Inspector``."""
        check_page(limit, offset)
        check_workflow_state(state)
        return self._adapter.workflows.list_workflows(state, offset, limit)

    def _shown(self, jobs: Jobs) -> Jobs:
        return [self._show(job) for job in jobs]

    def find(self, first: TaskOrName, second: str | None) -> Call[JobInfo | None]:
        """Read all of a job: of one task when two arguments are given. See ``Inspector``."""
        if second is not None:
            one = self._adapter.jobs.job(name_of(first), check_job_id(second))
            return mapped(one, lambda job: job and self._show(job))
        job_id = check_job_id(first)

        def steps() -> CallSteps[JobInfo | None]:
            tasks = yield from self._names()
            found = yield from ask(Gathered([self._adapter.jobs.job(name, job_id) for name in tasks]))
            return next((self._show(job) for job in found if job is not None), None)

        return Composed(steps)

    def search(self, given: TaskOrName, path: str, value: object, limit: int, cursor: str | None) -> Call[Page]:
        """Find jobs by a value in their payload. See ``Inspector``."""
        task, entry = name_of(given), entry_of(check_path(path), value)
        check_count(limit, "limit")
        begin = check_cursor(cursor)

        def steps() -> CallSteps[Page]:
            known = self._known.get(task)
            if known is None or path not in known.options.index:
                card = (yield from ask(self._adapter.house.tasks())).get(task)
                indexed = () if card is None else read_card(card).index
                if path not in indexed:
                    paths = ", ".join(map(repr, indexed if known is None else known.options.index)) or "nothing"
                    raise ConfigError(
                        f"path: task {task!r} does not index {path!r}, as far as is known here: it indexes {paths}; "
                        f"define it with index=({path!r},)"
                    )
            page = yield from ask(self._adapter.jobs.search(task, entry, limit, begin))
            return Page(self._shown(page.jobs), page.cursor)

        return Composed(steps)

    def stats(self, task: TaskOrName | None) -> Call[dict[str, QueueStats]]:
        """Count jobs by task and state. See ``Inspector``."""
        name = check_task(task)

        def steps() -> CallSteps[dict[str, QueueStats]]:
            tasks = yield from self._chosen(name)
            counts = yield from ask(Gathered([self._adapter.jobs.stats(each) for each in tasks]))
            return dict(zip(tasks, counts, strict=True))

        return Composed(steps)

    def migrations(self, given: TaskOrName) -> Call[MigrationStatus]:
        """Count payload versions. See ``Inspector``."""
        task = name_of(given)

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

    def audit(self, limit: int, before: str | None) -> Call[list[AuditEntry]]:
        """List who did what. See ``Inspector``."""
        check_page(limit, 0)
        return self._adapter.audit.read(limit, check_entry_id(before, "before"))

    def paused(self) -> Call[dict[str, datetime]]:
        """Tell which tasks are paused. See ``Inspector``."""

        def steps() -> CallSteps[dict[str, datetime]]:
            tasks = yield from self._names()
            since = yield from ask(Gathered([self._adapter.control.paused_since(task) for task in tasks]))
            return {task: at for task, at in zip(tasks, since, strict=True) if at is not None}

        return Composed(steps)

    def flow(self, given: TaskOrName, limit: int, offset: int) -> Call[FlowControl]:
        """Read a page of what controls a task's flow. See ``Inspector``."""
        check_page(limit, offset)
        return self._adapter.control.flow(name_of(given), limit, offset)

    def peek_collect(self, given: TaskOrName, key: str, limit: int) -> Call[list[object]]:
        """Read the first items that are collected under a key. See ``Inspector``."""
        check_page(limit, 0)
        raw = self._adapter.control.peek(name_of(given), check_key(key, "key"), limit)
        return mapped(raw, lambda items: [self._loaded(item) for item in items])

    def _loaded(self, raw: bytes) -> object:
        try:
            return load(raw, self._serializer)
        except SerializationError:
            return raw.decode(errors="replace")

    def flush_collect(self, given: TaskOrName, key: str) -> Call[int]:
        """Have what is collected be a batch at once. See ``Inspector``."""
        return self._adapter.control.flush(name_of(given), check_key(key, "key"))

    def clean(self, given: TaskOrName, state: State | str, before: datetime, limit: int) -> Call[int]:
        """Remove jobs that have ended. See ``Inspector``."""
        task = name_of(given)
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

    def latency(self, task: TaskOrName | None, bucket: Duration, count: int) -> Call[list[Latency]]:
        """Estimate how long jobs waited and ran over stretches of time. See ``Inspector``."""
        name = check_task(task)
        quarters = _units(bucket, count, QUARTER_MS, "whole quarters of an hour, as that is what is counted by")
        found = self._adapter.durations.read(name, quarters * count)
        return mapped(found, lambda parts: read_latencies(parts, quarters))

    def throughput(self, task: TaskOrName | None, bucket: Duration, count: int) -> Call[list[Throughput]]:
        """Count the jobs that ended over stretches of time. See ``Inspector``."""
        name = check_task(task)
        minutes = _units(bucket, count, _MINUTE_MS, "whole minutes, as the counters are kept by the minute")

        def steps() -> CallSteps[list[Throughput]]:
            tasks = yield from self._chosen(name)
            return (yield from ask(self._adapter.vitals.throughput(tasks, minutes, count)))

        return Composed(steps)


def _units(bucket: Duration, count: int, unit_ms: int, expected: str) -> int:
    """Return of how many units, as counters are kept by, a stretch of time is; refuse what they cannot tell."""
    units = to_seconds(bucket, "bucket") * 1000 / unit_ms
    check_count(count, "count")
    if units < 1 or not units.is_integer():
        raise ConfigError(f"bucket: expected {expected}; got {quoted(bucket)}")
    if units * unit_ms * count > _DAY_MS:
        raise ConfigError(f"count: {count} stretches of {bucket!r} are over a day, and counters are kept for a day")
    return int(units)
