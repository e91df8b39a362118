"""Producing, following and cancelling jobs in Redis."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from taskora.adapters.redis import records
from taskora.adapters.redis.link import Link
from taskora.adapters.redis.owed import pay
from taskora.adapters.redis.past import read_past
from taskora.adapters.redis.searching import found_page
from taskora.adapters.redis.sent import PER_CALL, in_numbered_calls
from taskora.adapters.redis.workflow_records import read_before
from taskora.call import Call
from taskora.connection.request import Arg, Command, Producer, ScriptCall, Steps
from taskora.lua import load
from taskora.model import (
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

_CANCEL_OUTCOMES: tuple[CancelOutcome, ...] = ("not_cancellable", "cancelled", "flagged")


class RedisJobs:
    """See ``JobStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._keys = link.keys

    def enqueue(self, task: str, spec: EnqueueSpec, jobs: Sequence[NewJob]) -> Call[list[bool]]:
        """See ``JobStore``."""
        base = self._keys.task(task)

        def call(producer: str, number: int, chunk: Sequence[NewJob]) -> ScriptCall:
            return _enqueue_call(base, producer, number, spec, chunk)

        return self._link.call(in_numbered_calls(jobs, call, _flags))

    def enqueue_occurrence(self, task: str, spec: EnqueueSpec, job: NewJob, at: Occurrence) -> Call[bool]:
        """See ``JobStore``."""
        args: tuple[Arg, ...] = (
            at.schedule, at.at_ms, spec.version, spec.max_attempts, job.job_id, job.data, job.ttl_ms,
            told_index(job.indexed),
        )  # fmt: skip

        def steps(_: Producer) -> Steps[bool]:
            (reply,) = yield [ScriptCall(load("enqueue_occurrence"), (self._keys.task(task),), args)]
            return bool(reply == 1)

        return self._link.call(steps)

    def outcome(self, task: str, job_id: str) -> Call[Outcome | None]:
        """See ``JobStore``."""

        def steps(_: Producer) -> Steps[Outcome | None]:
            (row,) = yield [records.outcome_command(self._keys.job(task, job_id))]
            return records.read_outcome(row)

        return self._link.call(steps)

    def job(self, task: str, job_id: str) -> Call[JobInfo | None]:
        """See ``JobStore``."""

        def steps(_: Producer) -> Steps[JobInfo | None]:
            job = self._keys.job(task, job_id)
            row, logs, lock, past = yield [
                records.job_command(job),
                ("LRANGE", f"{job}:logs", 0, -1),
                ("GET", f"{job}:lock"),
                ("HGET", job, "past"),
            ]
            return records.read_job(task, job_id, row, logs, lock, read_past(past))

        return self._link.call(steps)

    def origin(self, task: str, job_id: str) -> Call[Origin]:
        """See ``JobStore``."""

        def steps(_: Producer) -> Steps[Origin]:
            job = self._keys.job(task, job_id)
            (row,) = yield [("HMGET", job, "traceContext", "delay", "_wf", "_wfNode", "spanContext")]
            context, delay, workflow, node, last_run = row
            workflow_id = records.text(workflow) or ""
            before: tuple[str, ...] = ()
            if workflow_id and context is None:
                flow, index = self._keys.workflow(workflow_id), records.number(node)
                ((context, listed),) = yield [("HMGET", flow, "traceContext", f"b:{index}")]
                before = yield from self._before(listed)
            delay_ms = 0 if delay is None else records.number(delay)
            return Origin(records.text(context) or "", delay_ms, workflow_id, records.text(last_run) or "", before)

        return self._link.call(steps)

    def _before(self, listed: bytes | None) -> Steps[tuple[str, ...]]:
        """Read what was kept of the runs of the jobs that a node waited for."""
        jobs = [self._keys.job(task, job_id) for task, job_id in read_before(listed)]
        kept = (yield [("HGET", job, "spanContext") for job in jobs]) if jobs else []
        return tuple(records.text(context) or "" for context in kept if context)

    def progress(self, task: str, job_id: str) -> Call[object]:
        """See ``JobStore``."""

        def steps(_: Producer) -> Steps[object]:
            (value,) = yield [("HGET", self._keys.job(task, job_id), "progress")]
            return records.read_json(value)

        return self._link.call(steps)

    def logs(self, task: str, job_id: str) -> Call[list[LogEntry]]:
        """See ``JobStore``."""

        def steps(_: Producer) -> Steps[list[LogEntry]]:
            (entries,) = yield [("LRANGE", f"{self._keys.job(task, job_id)}:logs", 0, -1)]
            return records.read_logs(entries)

        return self._link.call(steps)

    def cancel(self, task: str, job_id: str, reason: str) -> Call[CancelOutcome]:
        """See ``JobStore``."""
        begun: set[Producer] = set()

        def steps(producer: Producer) -> Steps[CancelOutcome]:
            call = ScriptCall(load("cancel"), (self._keys.task(task),), (self._keys.root, job_id, reason))
            repeated = producer in begun
            begun.add(producer)
            ((code, owed),) = yield [call]
            yield from pay(self._keys, owed, task)
            if code == 0 and repeated:
                # It may have been cancelled by our own first try, whose answer was lost.
                (state,) = yield [("HGET", self._keys.job(task, job_id), "state")]
                code = 1 if state == b"cancelled" else 0
            return _CANCEL_OUTCOMES[int(code)]

        return self._link.call(steps)

    def stats(self, task: str) -> Call[QueueStats]:
        """See ``JobStore``."""

        def steps(_: Producer) -> Steps[QueueStats]:
            base = self._keys.task(task)
            ended = [f"{base}:{state}" for state in ("completed", "failed", "expired", "cancelled")]
            commands: list[Command] = [
                ("LLEN", f"{base}:wait"), ("ZCARD", f"{base}:prioritized"), ("LLEN", f"{base}:active"),
                ("ZCARD", f"{base}:delayed"), ("ZCARD", f"{base}:blocked"), *(("ZCARD", key) for key in ended),
            ]  # fmt: skip
            listed, prioritized, active, delayed, blocked, *rest = yield commands
            retrying = 0
            # Retries share the set of the delayed: they are counted among the next thousand of it.
            for chunk in (yield [("ZRANGE", f"{base}:delayed", 0, 999)]) if delayed else ():
                states = yield [("HGET", f"{base}:".encode() + job_id, "state") for job_id in chunk]
                retrying = sum(state == b"retrying" for state in states)
            return QueueStats(listed + prioritized + blocked, active, delayed, retrying, *rest)

        return self._link.call(steps)

    def jobs(self, task: str, state: State, offset: int, limit: int) -> Call[list[JobInfo]]:
        """See ``JobStore``."""

        def steps(_: Producer) -> Steps[list[JobInfo]]:
            ids = yield from self._ids(self._keys.task(task), state, offset, limit)
            rows = (yield [records.job_command(self._keys.job(task, job_id)) for job_id in ids]) if ids else []
            found = [records.read_job(task, job_id, row) for job_id, row in zip(ids, rows, strict=True)]
            return [job for job in found if job is not None and (state not in _SHARED or job.state == state)]

        return self._link.call(steps)

    def search(self, task: str, entry: str, limit: int, cursor: str = "") -> Call[Page]:
        """See ``JobStore``."""
        return self._link.call(lambda _: found_page(self._keys, task, entry, limit, cursor))

    @staticmethod
    def _ids(base: str, state: State, offset: int, limit: int) -> Steps[list[str]]:
        last = offset + limit - 1
        if limit <= 0:
            return []
        if state is State.WAITING:
            # The next to run stands at the list's tail.
            high, count = yield [("ZRANGE", f"{base}:prioritized", offset, last), ("ZCARD", f"{base}:prioritized")]
            ids: list[bytes] = list(high)
            if len(ids) < limit:
                first = max(0, offset - count)
                (low,) = yield [("LRANGE", f"{base}:wait", -(first + limit - len(ids)), -(first + 1))]
                ids += reversed(low)
            if len(ids) < limit:
                # Those whose concurrency key is full come after all that may run.
                (listed,) = yield [("LLEN", f"{base}:wait")]
                first = max(0, offset - count - listed)
                (blocked,) = yield [("ZRANGE", f"{base}:blocked", first, first + limit - len(ids) - 1)]
                ids += blocked
        elif state is State.ACTIVE:
            (found,) = yield [("LRANGE", f"{base}:active", -(last + 1), -(offset + 1))]
            ids = list(reversed(found))
        elif state in _SHARED:
            ids = yield from RedisJobs._ids_of_shared(base, state, offset + limit)
            ids = ids[offset:]
        else:
            (ids,) = yield [("ZRANGE", f"{base}:{state.value}", offset, last, "REV")]
        return records.names(ids)

    @staticmethod
    def _ids_of_shared(base: str, state: State, count: int) -> Steps[list[bytes]]:
        """Find the first ids in a state that shares its set with another."""
        found: list[bytes] = []
        first, wanted = 0, state.value.encode()
        # A million of the other state must not be read for a page of this one.
        while len(found) < count and first < count + records.LOOKED_AT:
            (ids,) = yield [("ZRANGE", f"{base}:delayed", first, first + PER_CALL - 1)]
            if not ids:
                break
            states = yield [("HGET", f"{base}:".encode() + job_id, "state") for job_id in ids]
            found += [job_id for job_id, its in zip(ids, states, strict=True) if its == wanted]
            first += PER_CALL
        return found[:count]


_SHARED = frozenset({State.DELAYED, State.RETRYING})  # both stand in one set


def _flags(reply: bytes, count: int) -> list[bool]:
    return [flag == 49 for flag in reply] if reply else [True] * count


def told_index(indexed: Sequence[str]) -> bytes:
    """Write what a job can be found by as the scripts read it; nothing for nothing."""
    return orjson.dumps(indexed) if indexed else b""


def told_options(job: NewJob) -> str:
    """Write a job's options as the scripts read them."""
    options = f"{job.delay_ms},{job.priority},{job.ttl_ms},{1 if job.given else 0}"
    if job.indexed:
        options += f";ix {len(index := told_index(job.indexed))}:{index.decode()}"
    if job.trace_context:
        options += f";traceContext {len(job.trace_context.encode())}:{job.trace_context}"
    return f"{options},{job.concurrency_limit},{job.concurrency_key}" if job.concurrency_key else options


def _enqueue_call(base: str, producer: str, number: int, spec: EnqueueSpec, jobs: Sequence[NewJob]) -> ScriptCall:
    args: list[Arg] = [producer, number, spec.version, spec.max_attempts]
    for job in jobs:
        plain = not (
            job.delay_ms or job.priority or job.ttl_ms or job.given or job.concurrency_key or job.indexed
            or job.trace_context
        )  # fmt: skip
        args += (job.job_id, job.data, "" if plain else told_options(job))
    return ScriptCall(load("enqueue"), (base,), args)
