"""Producing, following and cancelling jobs in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from taskora.adapters.memory.ending import cancel_job
from taskora.adapters.memory.flows import settle_debts
from taskora.adapters.memory.limits import parked
from taskora.adapters.memory.queueing import id_taken, store_job
from taskora.adapters.memory.searching import found_places
from taskora.adapters.memory.store import Flow, Job, Owed, Queue, Store
from taskora.adapters.redis.records import read_json, read_logs
from taskora.call import Call
from taskora.clock import from_ms
from taskora.model import (
    MOST_LINKED,
    CancelOutcome,
    EnqueueSpec,
    JobInfo,
    LogEntry,
    NewJob,
    Occurrence,
    Origin,
    Outcome,
    Page,
    QueueStats,
    State,
)


class MemoryJobs:
    """See ``JobStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def enqueue(self, task: str, spec: EnqueueSpec, jobs: Sequence[NewJob]) -> Call[list[bool]]:
        """See ``JobStore``."""
        store = self._store

        def act(now_ms: int) -> list[bool]:
            queue = store.queue(task)
            stored: list[bool] = []
            for new in jobs:
                free = not (new.given and id_taken(queue, new.job_id, now_ms))
                if free:
                    store_job(store, queue, now_ms, spec, new)
                stored.append(free)
            return stored

        return store.call(act)

    def enqueue_occurrence(self, task: str, spec: EnqueueSpec, job: NewJob, at: Occurrence) -> Call[bool]:
        """See ``JobStore``."""
        store = self._store

        def act(now_ms: int) -> bool:
            queue = store.queue(task)
            last_ms = queue.fires.get(at.schedule)
            if last_ms is not None and last_ms >= at.at_ms:
                return False
            queue.fires[at.schedule] = at.at_ms
            store_job(store, queue, now_ms, spec, job._replace(delay_ms=0, priority=0, given=False))
            return True

        return store.call(act)

    def outcome(self, task: str, job_id: str) -> Call[Outcome | None]:
        """See ``JobStore``."""
        return self._store.call(lambda _: outcome_of(self._store.queue(task).jobs.get(job_id)))

    def job(self, task: str, job_id: str) -> Call[JobInfo | None]:
        """See ``JobStore``."""

        def act(now_ms: int) -> JobInfo | None:
            job = self._store.queue(task).jobs.get(job_id)
            if job is None:
                return None
            return replace(_info(task, job), owner=_owner(job.token(now_ms)), past_attempts=job.past)

        return self._store.call(act)

    def origin(self, task: str, job_id: str) -> Call[Origin]:
        """See ``JobStore``."""

        def act(_: int) -> Origin:
            job = self._store.queue(task).jobs.get(job_id)
            if job is None:
                return Origin()
            workflow_id = job.workflow_id or ""
            flow = self._store.flows.by_id.get(workflow_id)
            inherited = "" if flow is None else flow.plan.trace_context
            before = () if flow is None or job.node is None else self._before(flow, job.node)
            return Origin(job.trace_context or inherited, job.delay_ms, workflow_id, job.span_context, before)

        return self._store.call(act)

    def _before(self, flow: Flow, index: int) -> tuple[str, ...]:
        if not flow.plan.trace_context:
            return ()
        nodes = [flow.plan.nodes[dep] for dep in flow.plan.nodes[index].deps[:MOST_LINKED]]
        jobs = [self._store.queue(node.task).jobs.get(node.job_id) for node in nodes]
        return tuple(job.span_context for job in jobs if job is not None and job.span_context)

    def progress(self, task: str, job_id: str) -> Call[object]:
        """See ``JobStore``."""

        def act(_: int) -> object:
            job = self._store.queue(task).jobs.get(job_id)
            return None if job is None else read_json(job.progress)

        return self._store.call(act)

    def logs(self, task: str, job_id: str) -> Call[list[LogEntry]]:
        """See ``JobStore``."""

        def act(_: int) -> list[LogEntry]:
            job = self._store.queue(task).jobs.get(job_id)
            return [] if job is None else read_logs(job.logs)

        return self._store.call(act)

    def cancel(self, task: str, job_id: str, reason: str) -> Call[CancelOutcome]:
        """See ``JobStore``."""
        store = self._store

        def act(now_ms: int) -> CancelOutcome:
            owed: Owed = {}
            outcome = cancel_job(store, store.queue(task), job_id, reason, now_ms, owed)
            settle_debts(store, owed, now_ms)
            return outcome

        return store.call(act)

    def stats(self, task: str) -> Call[QueueStats]:
        """See ``JobStore``."""

        def act(_: int) -> QueueStats:
            queue = self._store.queue(task)
            retrying = sum(queue.jobs[job_id].state is State.RETRYING for job_id in queue.delayed)
            return QueueStats(
                waiting=len(queue.waiting) + len(queue.prioritized) + len(parked(queue)),
                active=len(queue.active),
                delayed=len(queue.delayed),
                retrying=retrying,
                completed=len(queue.ended[State.COMPLETED]),
                failed=len(queue.ended[State.FAILED]),
                expired=len(queue.ended[State.EXPIRED]),
                cancelled=len(queue.ended[State.CANCELLED]),
            )

        return self._store.call(act)

    def jobs(self, task: str, state: State, offset: int, limit: int) -> Call[list[JobInfo]]:
        """See ``JobStore``."""

        def act(_: int) -> list[JobInfo]:
            queue = self._store.queue(task)
            page = islice(_ids(queue, state), offset, offset + max(0, limit))
            return [replace(_info(task, queue.jobs[job_id]), logs=[]) for job_id in page]

        return self._store.call(act)

    def search(self, task: str, entry: str, limit: int, cursor: str = "") -> Call[Page]:
        """See ``JobStore``."""

        def act(_: int) -> Page:
            queue = self._store.queue(task)
            places, more = found_places(queue, entry, limit, cursor)
            jobs = [replace(_info(task, queue.jobs[job_id]), logs=[]) for _, job_id in places]
            return Page(jobs, f"{places[-1][0]}-{places[-1][1]}" if more else None)

        return self._store.call(act)


def outcome_of(job: Job | None) -> Outcome | None:
    """Read how a job stands; None when there is none."""
    if job is None:
        return None
    if not job.state.terminal:
        return Outcome(job.state)
    return Outcome(job.state, job.result, job.error or None, job.error_type or None, job.cancel_reason)


def _ids(queue: Queue, state: State) -> Iterator[str]:
    if state is State.WAITING:
        yield from queue.prioritized
        yield from queue.waiting
        yield from parked(queue)
    elif state is State.ACTIVE:
        yield from queue.active
    elif state.terminal:
        yield from reversed(queue.ended[state])
    else:
        yield from (job_id for job_id in queue.delayed if queue.jobs[job_id].state is state)


def _info(task: str, job: Job) -> JobInfo:
    created, processed, finished = from_ms(job.ts_ms), _moment(job.processed_ms), _moment(job.finished_ms)
    steps = (("waiting", created), ("active", processed), (job.state.value, finished))
    return JobInfo(
        id=job.id,
        task=task,
        state=job.state,
        data=read_json(job.data),
        result=read_json(job.result),
        error=job.error or None,
        progress=read_json(job.progress),
        logs=read_logs(job.logs),
        attempt=job.attempt,
        version=job.version,
        timestamp=created,
        processed_on=processed,
        finished_on=finished,
        timeline=[(name, at) for name, at in steps if at is not None],
        error_type=job.error_type or None,
        traceback=job.trace or None,
        cancel_reason=job.cancel_reason,
        workflow_id=job.workflow_id,
        node=job.node,
        priority=job.priority,
        expires_at=_moment(job.expires_ms or None),
        stalls=job.stalls,
        crashes=job.crashes,
        crash_cause=job.crash_cause or None,
        _stored=(job.data, job.result),
    )


def _owner(token: str | None) -> str | None:
    return token.partition(".")[0] if token else None


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
