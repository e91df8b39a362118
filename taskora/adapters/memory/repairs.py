"""Finding and mending in memory what was left undone.

Nothing leaves it so, except a node whose job's id belonged to somebody else's job.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from taskora.adapters.memory.flows import breakage, mend_node, settle_debts
from taskora.adapters.memory.store import Owed, Store
from taskora.call import Call


class MemoryRepairs:
    """See ``RepairStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def running_workflows(self, cursor: int, count: int) -> Call[tuple[int, list[str]]]:
        """See ``RepairStore``."""

        def act(_: int) -> tuple[int, list[str]]:
            flows = self._store.flows.by_id
            page = list(islice(flows, cursor, cursor + count))
            running = [workflow_id for workflow_id in page if flows[workflow_id].state == "running"]
            return cursor + count if cursor + count < len(flows) else 0, running

        return self._store.call(act)

    def broken_nodes(self, workflow_id: str) -> Call[frozenset[str]]:
        """See ``RepairStore``."""

        def act(_: int) -> frozenset[str]:
            flow = self._store.flows.by_id.get(workflow_id)
            if flow is None or flow.state != "running":
                return frozenset()
            kinds = ((index, breakage(self._store, flow, index)) for index in range(len(flow.nodes)))
            return frozenset(f"{index}:{kind}" for index, kind in kinds if kind is not None)

        return self._store.call(act)

    def mend_nodes(self, workflow_id: str, nodes: Collection[str]) -> Call[int]:
        """See ``RepairStore``."""

        def act(now_ms: int) -> int:
            owed: Owed = {}
            count = 0
            for mark in sorted(nodes):
                index, kind = mark.split(":")
                count += mend_node(self._store, workflow_id, int(index), kind, now_ms, owed)
            settle_debts(self._store, owed, now_ms)
            return count

        return self._store.call(act)

    def trim_registry(self, limit: int) -> Call[int]:
        """See ``RepairStore``."""

        def act(now_ms: int) -> int:
            workers = self._store.workers
            oldest = sorted(workers, key=lambda name: (workers[name].record.seen_at, name))[:limit]
            gone = [name for name in oldest if workers[name].until_ms <= now_ms]
            for name in gone:
                del workers[name]
            return len(gone)

        return self._store.call(act)
