"""Workflows in Redis."""

from __future__ import annotations

from taskora.adapters.redis import workflow_records
from taskora.adapters.redis.link import Link
from taskora.adapters.redis.owed import continue_call, pay
from taskora.adapters.redis.records import LOOKED_AT, moment, names, number, text
from taskora.call import Call
from taskora.clock import from_ms
from taskora.connection.request import Producer, ScriptCall, Steps
from taskora.errors import AdapterError
from taskora.lua import load
from taskora.workflow_model import Plan, WorkflowOutcome, WorkflowRecord, WorkflowState, WorkflowSummary

_UNFINISHED_MS = 3_600_000  # fields of a workflow whose producer died before it started
_PAGE = 200


class RedisWorkflows:
    """See ``WorkflowStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._keys = link.keys

    def create_workflow(self, plan: Plan) -> Call[None]:
        """See ``WorkflowStore``."""

        def steps(_: Producer) -> Steps[None]:
            key = self._keys.workflow(plan.workflow_id)
            store, start = load("store_workflow"), load("start_workflow")
            groups = list(workflow_records.stored_fields(plan))
            fields = sum(map(len, groups)) // 2
            begin = ScriptCall(
                start, (key,), (self._keys.flows(plan.workflow_id), plan.workflow_id, plan.deadline_ms, fields)
            )
            replies = yield [*(ScriptCall(store, (key,), (_UNFINISHED_MS, *group)) for group in groups), begin]
            started, owed = replies[-1]
            if started < 0:  # the server knew this script and not the other, which it has run by now
                ((started, owed),) = yield [begin]
            if started < 0:
                raise AdapterError(f"workflow {plan.workflow_id}: the server lost a part of it before it started")
            yield from pay(self._keys, self._owed(plan.workflow_id, owed))

        return self._link.call(steps)

    def _owed(self, workflow_id: str, owed: list[bytes]) -> list[bytes]:
        """Say what is owed after a start."""
        return owed

    def workflow_outcome(self, workflow_id: str) -> Call[WorkflowOutcome | None]:
        """See ``WorkflowStore``."""

        def steps(_: Producer) -> Steps[WorkflowOutcome | None]:
            (row,) = yield [workflow_records.outcome_command(self._keys.workflow(workflow_id))]
            return workflow_records.read_outcome(row)

        return self._link.call(steps)

    def workflow(self, workflow_id: str) -> Call[WorkflowRecord | None]:
        """See ``WorkflowStore``."""

        def steps(_: Producer) -> Steps[WorkflowRecord | None]:
            (raw,) = yield [("HGETALL", self._keys.workflow(workflow_id))]
            return workflow_records.read_record(workflow_id, raw)

        return self._link.call(steps)

    def cancel_workflow(self, workflow_id: str, reason: str) -> Call[bool]:
        """See ``WorkflowStore``."""
        begun: set[Producer] = set()

        def steps(producer: Producer) -> Steps[bool]:
            key, args = self._keys.workflow(workflow_id), (self._keys.flows(workflow_id), workflow_id, reason)
            repeated = producer in begun
            begun.add(producer)
            (stopped,) = yield [ScriptCall(load("stop_workflow"), (key,), args)]
            # Also when it was stopped before, by our own first try: its answer was lost, its jobs are still owed.
            yield from pay(self._keys, [workflow_id.encode()])
            if stopped == 0 and repeated:
                (state,) = yield [("HGET", key, "state")]
                return bool(state == b"cancelled")
            return bool(stopped == 1)

        return self._link.call(steps)

    def continue_workflow(self, workflow_id: str) -> Call[bool]:
        """See ``WorkflowStore``."""

        def steps(_: Producer) -> Steps[bool]:
            (more,) = yield [continue_call(self._keys, workflow_id)]
            return bool(more == 1)

        return self._link.call(steps)

    def list_workflows(self, state: WorkflowState | None, offset: int, limit: int) -> Call[list[WorkflowSummary]]:
        """See ``WorkflowStore``."""

        def steps(_: Producer) -> Steps[list[WorkflowSummary]]:
            found: list[WorkflowSummary] = []
            first = 0
            while len(found) < offset + limit and first < offset + limit + LOOKED_AT:
                ids = yield from self._newest(first, _PAGE)
                if not ids:
                    break
                page = names(ids)
                asked = workflow_records.SUMMARY_FIELDS
                rows = (yield [("HMGET", self._keys.workflow(name), *asked) for name in page]) if page else []
                for name, row in zip(page, rows, strict=True):
                    read = _summary(name, row)
                    if read is not None and state in (None, read.state):
                        found.append(read)
                first += _PAGE
            return found[offset : offset + limit]

        return self._link.call(steps)

    def _newest(self, first: int, count: int) -> Steps[list[bytes]]:
        """Find the ids from a place on in the order of all, the newest first."""
        (ids,) = yield [("ZRANGE", self._keys.own("workflows"), first, first + count - 1, "REV")]
        return list(ids)


def _summary(workflow_id: str, row: list[bytes | None]) -> WorkflowSummary | None:
    """Read what a list shows of a workflow from its ``SUMMARY_FIELDS``; None when there is none."""
    state, created, name, count = row
    known = workflow_records.STATES.get(state or b"")
    if known is None:
        return None
    created_at = moment(number(created)) or from_ms(0)
    return WorkflowSummary(workflow_id, text(name) or "", known, created_at, number(count) or 0)
