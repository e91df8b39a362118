"""What the leader does for everybody on a cluster, where it differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import orjson

from taskora.adapters.redis.cluster_owed import End, settle_debts, tell_call
from taskora.adapters.redis.house import RedisHouse, told_keep
from taskora.adapters.redis.records import names, number, read_time_ms
from taskora.adapters.redis.repairs import RedisRepairs
from taskora.call import Call
from taskora.config import Keep
from taskora.connection.request import Command, Producer, ScriptCall, Steps
from taskora.lua import load

_NODES = 200  # of one request for each slot that they are in
_SHARE = 1_000_000_000  # cursors of one share of the workflows


class ClusterHouse(RedisHouse):
    """See ``HouseStore`` in the protocol."""

    def trim_workflows(self, completed: bool, keep: Keep, limit: int) -> Call[int]:
        """See ``HouseStore``. The oldest of all go, wherever they are."""
        name = "workflows:completed" if completed else "workflows:failed"
        roots = self._keys.all_flows()
        age_ms, _, young_ms = told_keep(keep)
        most = keep.max_items

        def steps(_: Producer) -> Steps[int]:
            kept = (
                (yield from self._kept([f"{root}:{name}" for root in roots], most, limit)) if most is not None else {}
            )
            counts = yield [
                ScriptCall(
                    load("trim_workflows"), (f"{root}:{name}",),
                    (root, age_ms, kept.get(f"{root}:{name}", -1), young_ms, limit),
                )
                for root in roots
            ]  # fmt: skip
            return sum(counts)

        return self._link.call(steps)

    @staticmethod
    def _kept(sets: Sequence[str], most: int, limit: int) -> Steps[dict[str, int]]:
        """Say how many each set may keep so that all of them together keep the newest."""
        sizes = dict(zip(sets, (yield [("ZCARD", name) for name in sets]), strict=True))
        excess = min(sum(sizes.values()) - most, limit)
        if excess <= 0:
            return {}
        oldest = yield [("ZRANGE", name, 0, excess - 1, "WITHSCORES") for name in sets]
        rows = sorted((float(at), name) for name, raw in zip(sets, oldest, strict=True) for at in raw[1::2])
        gone = Counter(name for _, name in rows[:excess])
        return {name: sizes[name] - gone[name] for name in gone}

    def _older(self, name: str, age_ms: int, limit: int) -> Call[list[str]]:
        """Find the first of a list that is spread over all shares."""

        def steps(_: Producer) -> Steps[list[str]]:
            (time,) = yield [("TIME",)]
            bounds = ("-inf", read_time_ms(time) - age_ms, "BYSCORE", "LIMIT", 0, limit, "WITHSCORES")
            found = yield [("ZRANGE", f"{root}:{name}", *bounds) for root in self._keys.all_flows()]
            rows = sorted((float(at), wf) for raw in found for wf, at in zip(raw[::2], raw[1::2], strict=True))
            return names(wf for _, wf in rows[:limit])

        return self._link.call(steps)

    def owed_workflows(self, older_ms: int, limit: int) -> Call[list[str]]:
        """See ``HouseStore``. What is noted beside a task is named ``TASK:WORKFLOW``."""

        def steps(_: Producer) -> Steps[list[str]]:
            time, tasks = yield [("TIME",), ("HKEYS", self._keys.own("tasks"))]
            bounds = ("-inf", read_time_ms(time) - older_ms, "BYSCORE", "LIMIT", 0, limit)
            places = [("", f"{root}:workflows:owed") for root in self._keys.all_flows()]
            places += [(f"{task}:", f"{self._keys.task(task)}:owed") for task in names(tasks)]
            found = yield [("ZRANGE", key, *bounds) for _, key in places]
            owed = [head + name for (head, _), ids in zip(places, found, strict=True) for name in names(ids)]
            return owed[:limit]

        return self._link.call(steps)


class IndexedRepairs(RedisRepairs):
    """See ``RepairStore`` in the protocol. A search of the keyspace would have to ask every node."""

    def running_workflows(self, cursor: int, count: int) -> Call[tuple[int, list[str]]]:
        """See ``RepairStore``. Those that taskora itself began are listed in an index."""

        def steps(_: Producer) -> Steps[tuple[int, list[str]]]:
            roots = self._keys.all_flows()
            share, first = divmod(cursor, _SHARE)
            (ids,) = yield [("ZRANGE", f"{roots[share]}:workflows", first, first + count - 1)]
            page = names(ids)
            states = (yield [("HGET", self._keys.workflow(name), "state") for name in page]) if page else []
            running = [name for name, state in zip(page, states, strict=True) if state == b"running"]
            if len(ids) == count:
                return cursor + count, running
            return (0 if share + 1 == len(roots) else (share + 1) * _SHARE), running

        return self._link.call(steps)


class ClusterRepairs(IndexedRepairs):
    """See ``RepairStore`` in the protocol. A node and its job are read one after the other."""

    def broken_nodes(self, workflow_id: str) -> Call[frozenset[str]]:
        """See ``RepairStore``."""

        def steps(_: Producer) -> Steps[frozenset[str]]:
            key = self._keys.workflow(workflow_id)
            (state, raw_count), unsent = yield [("HMGET", key, "state", "count"), ("ZRANGE", f"{key}:out", 0, -1)]
            if state != b"running":
                return frozenset()
            broken: list[str] = []
            count = number(raw_count) or 0
            for first in range(0, count, _NODES):
                nodes = range(first, min(first + _NODES, count))
                specs = yield from self._unended(workflow_id, [node for node in nodes if b"%d" % node not in unsent])
                broken += [f"{node}:{kind}" for node, kind in (yield from self._compared(workflow_id, specs))]
            return frozenset(broken)

        return self._link.call(steps)

    def mend_nodes(self, workflow_id: str, nodes: Collection[str]) -> Call[int]:
        """See ``RepairStore``."""

        def steps(_: Producer) -> Steps[int]:
            count = 0
            for mark in sorted(nodes):
                index, kind = mark.split(":")
                specs = yield from self._unended(workflow_id, [int(index)])
                if (int(index), kind) in (yield from self._compared(workflow_id, specs)):
                    ((task, job_id),) = specs.values()
                    yield [(yield from self._remedy(workflow_id, index, kind, task, job_id))]
                    count += 1
            yield from settle_debts(self._keys, "", workflow_id)
            return count

        return self._link.call(steps)

    def _unended(self, workflow_id: str, nodes: Collection[int]) -> Steps[dict[int, tuple[str, str]]]:
        """Find those that are active, each with its task and job."""
        if not nodes:
            return {}
        fields = [field for node in nodes for field in (f"n:{node}:state", f"t:{node}")]
        (row,) = yield [("HMGET", self._keys.workflow(workflow_id), *fields)]
        found: dict[int, tuple[str, str]] = {}
        for node, state, spec in zip(nodes, row[::2], row[1::2], strict=True):
            if state == b"active" and spec is not None:
                read = orjson.loads(spec)
                found[node] = (str(read["task"]), str(read["id"]))
        return found

    def _compared(self, workflow_id: str, specs: dict[int, tuple[str, str]]) -> Steps[list[tuple[int, str]]]:
        """Say how nodes and their jobs disagree. What is still to be told to the workflow is no disagreement."""
        requests: list[Command] = []
        for node, (task, job_id) in specs.items():
            requests.append(("HEXISTS", f"{self._keys.task(task)}:owed:{workflow_id}", node))
            requests.append(("HGET", self._keys.job(task, job_id), "state"))
        replies = (yield requests) if requests else []
        kinds = {b"completed": "settled", b"failed": "ended", b"expired": "ended", b"cancelled": "ended", None: "lost"}
        return [
            (node, kinds[state])
            for node, noted, state in zip(specs, replies[::2], replies[1::2], strict=True)
            if not noted and state in kinds
        ]

    def _remedy(self, workflow_id: str, index: str, kind: str, task: str, job_id: str) -> Steps[ScriptCall]:
        if kind == "lost":
            args = (self._keys.flows(workflow_id), workflow_id, index)
            return ScriptCall(load("mend_node"), (self._keys.workflow(workflow_id),), args)
        fields = ("state", "result", "error", "cancelReason", "errorType")
        ((state, result, error, reason, error_type),) = yield [("HMGET", self._keys.job(task, job_id), *fields)]
        if kind == "settled":
            told, message = b"completed", result or b"null"
        elif state == b"cancelled":
            told, message = b"cancelled", reason or b""
        else:
            told, message = b"failed", error or b"the job " + (state or b"failed")
        end = End(index.encode(), told, task, job_id.encode(), error_type or b"", message)
        return tell_call(self._keys, workflow_id, [end])
