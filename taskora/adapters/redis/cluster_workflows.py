"""Workflows on a cluster: each lies in one of sixteen slots, its jobs in those of their tasks."""

from __future__ import annotations

from heapq import merge
from itertools import islice

from taskora.adapters.redis import workflow_records
from taskora.adapters.redis.cluster_owed import settle_debts
from taskora.adapters.redis.records import LOOKED_AT
from taskora.adapters.redis.workflows import RedisWorkflows, summary
from taskora.call import Call
from taskora.connection.request import Producer, Steps
from taskora.model import WorkflowState, WorkflowSummary

_PAGE = 200


class ClusterWorkflows(RedisWorkflows):
    """See ``WorkflowStore`` in the protocol."""

    def _owed(self, workflow_id: str, owed: list[bytes]) -> list[bytes]:
        """See ``RedisWorkflows``: the roots are to be stored in the slots of their tasks."""
        return [workflow_id.encode()]

    def continue_workflow(self, workflow_id: str) -> Call[bool]:
        """See ``WorkflowStore``. What is owed may be noted beside a task: ``TASK:WORKFLOW``."""
        task, _, name = workflow_id.rpartition(":")

        def steps(_: Producer) -> Steps[bool]:
            yield from settle_debts(self._keys, task, name)
            return False

        return self._link.call(steps)

    def list_workflows(self, state: WorkflowState | None, offset: int, limit: int) -> Call[list[WorkflowSummary]]:
        """See ``WorkflowStore``."""

        def steps(_: Producer) -> Steps[list[WorkflowSummary]]:
            found: list[WorkflowSummary] = []
            first = 0
            while len(found) < offset + limit and first < offset + limit + LOOKED_AT:
                names = yield from self._newest(first, _PAGE)
                if not names:
                    break
                rows = yield [("HMGET", self._keys.workflow(name), *workflow_records.SUMMARY_FIELDS) for name in names]
                for name, row in zip(names, rows, strict=True):
                    read = summary(name, row)
                    if read is not None and state in (None, read.state):
                        found.append(read)
                first += _PAGE
            return found[offset : offset + limit]

        return self._link.call(steps)

    def _newest(self, first: int, count: int) -> Steps[list[str]]:
        """Find the ids from a place on in the order of all, the newest first."""
        last = first + count - 1
        shares = yield [
            ("ZRANGE", f"{root}:workflows", 0, last, "REV", "WITHSCORES") for root in self._keys.all_flows()
        ]
        ordered = merge(
            *([(-float(at), name) for name, at in zip(raw[::2], raw[1::2], strict=True)] for raw in shares),
            key=lambda row: row[0],
        )
        return [name.decode() for _, name in islice(ordered, first, first + count)]
