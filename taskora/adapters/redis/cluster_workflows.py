"""Workflows on a cluster: each lies in one of sixteen slots, its jobs in those of their tasks."""

from __future__ import annotations

from heapq import merge
from itertools import islice

from taskora.adapters.redis.cluster_owed import settle_debts
from taskora.adapters.redis.workflows import RedisWorkflows
from taskora.call import Call
from taskora.connection.request import Producer, Steps


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

    def _newest(self, first: int, count: int) -> Steps[list[bytes]]:
        """See ``RedisWorkflows``: each of the sixteen slots has a list."""
        last = first + count - 1
        shares = yield [
            ("ZRANGE", f"{root}:workflows", 0, last, "REV", "WITHSCORES") for root in self._keys.all_flows()
        ]
        ordered = merge(
            *([(-float(at), name) for name, at in zip(raw[::2], raw[1::2], strict=True)] for raw in shares),
            key=lambda row: row[0],
        )
        return [name for _, name in islice(ordered, first, first + count)]
