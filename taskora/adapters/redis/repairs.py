"""Finding and mending in Redis what workers of other implementations left undone."""

from __future__ import annotations

from collections.abc import Collection

from taskora.adapters.redis.link import Link
from taskora.adapters.redis.owed import pay
from taskora.adapters.redis.records import names
from taskora.call import Call
from taskora.connection.request import Producer, ScriptCall, Steps
from taskora.lua import load

_NODES = 200  # nodes of one script run: about 1 ms of the server's time


class RedisRepairs:
    """See ``RepairStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._keys = link.keys

    def running_workflows(self, cursor: int, count: int) -> Call[tuple[int, list[str]]]:
        """See ``RepairStore``."""
        before, after = self._keys.workflow("\0").split("\0")
        pattern = f"{before}*{after}"

        def steps(_: Producer) -> Steps[tuple[int, list[str]]]:
            ((following, found),) = yield [("SCAN", cursor, "MATCH", pattern, "COUNT", count, "TYPE", "hash")]
            keys = names(found)
            states = (yield [("HGET", key, "state") for key in keys]) if keys else []
            running = [key for key, state in zip(keys, states, strict=True) if state == b"running"]
            return int(following), [key[len(before) : -len(after)] for key in running]

        return self._link.call(steps)

    def broken_nodes(self, workflow_id: str) -> Call[frozenset[str]]:
        """See ``RepairStore``."""

        def steps(_: Producer) -> Steps[frozenset[str]]:
            first, broken = 0, set[str]()
            while first >= 0:
                args = (self._keys.root, first, _NODES)
                ((first, found),) = yield [ScriptCall(load("broken_nodes"), (self._keys.workflow(workflow_id),), args)]
                broken.update(names(found))
            return frozenset(broken)

        return self._link.call(steps)

    def mend_nodes(self, workflow_id: str, nodes: Collection[str]) -> Call[int]:
        """See ``RepairStore``."""

        def steps(_: Producer) -> Steps[int]:
            count = 0
            for mark in sorted(nodes):
                index, kind = mark.split(":")
                args = (self._keys.root, workflow_id, index, kind)
                call = ScriptCall(load("mend_node"), (self._keys.workflow(workflow_id),), args)
                ((mended, owed),) = yield [call]
                count += mended
                yield from pay(self._keys, owed)
            return count

        return self._link.call(steps)

    def trim_registry(self, limit: int) -> Call[int]:
        """See ``RepairStore``."""

        def steps(_: Producer) -> Steps[int]:
            args = (self._keys.root, limit)
            (count,) = yield [ScriptCall(load("trim_registry"), (self._keys.own("workers"),), args)]
            return int(count)

        return self._link.call(steps)
