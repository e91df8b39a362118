"""Writing and reading workflows as they are stored, whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import orjson

from taskora.adapters.redis.records import moment, name_of, number, text
from taskora.clock import from_ms
from taskora.connection.request import Command
from taskora.errors import SerializationError
from taskora.model import MOST_LINKED
from taskora.workflow_model import Plan, WorkflowNodeRecord, WorkflowOutcome, WorkflowRecord, WorkflowState

_OUTCOME_FIELDS = ("state", "result", "error", "errorNode", "errorType", "errorJob", "errorTask")
SUMMARY_FIELDS = ("state", "createdAt", "name", "count")
STATES: dict[bytes, WorkflowState] = {
    b"running": "running", b"completed": "completed", b"failed": "failed", b"cancelled": "cancelled",
}  # fmt: skip
SUCCESSORS_PER_FIELD = 500
_DEPS_PER_FIELD = 128


def outcome_command(key: str) -> Command:
    """Ask for what ``read_outcome`` reads."""
    return ("HMGET", key, *_OUTCOME_FIELDS)


def read_outcome(row: Sequence[bytes | None]) -> WorkflowOutcome | None:
    """Read how a workflow stands; None when there is none."""
    state, result, error, node, error_type, job, task = row
    known = STATES.get(state or b"")
    if known is None:
        return None
    return WorkflowOutcome(
        known, result, text(error), number(node), text(job) or "", text(task) or "", text(error_type)
    )


def stored_fields(plan: Plan) -> Iterator[tuple[str | bytes, ...]]:
    """Yield the fields of a plan's hash, flat, in groups small enough for one command each."""
    successors: dict[int | str, list[str]] = {"R": []}
    fields: list[str | bytes] = ["graph", _graph(plan), "name", plan.name, "count", str(len(plan.nodes))]
    fields += ("list", "1" if plan.as_list else "0", *(() if plan.writes_json else ("parts", "1")))
    if plan.trace_context:
        fields += ("traceContext", plan.trace_context)
    for index, node in enumerate(plan.nodes):
        spec: dict[str, object] = {
            "task": node.task, "id": node.job_id, "v": node.version, "m": node.max_attempts, "ttl": node.ttl_ms,
        }  # fmt: skip
        if node.as_list:
            spec["list"] = True
        if node.indexed:
            spec["ix"] = orjson.dumps(node.indexed).decode()
        fields += (f"n:{index}:state", "pending", f"t:{index}", orjson.dumps(spec))
        if node.data is not None:
            fields += (f"i:{index}", node.data)
        if len(node.deps) > 1:
            fields += (f"d:{index}", str(len(node.deps)))
            fields += _dep_fields(index, node.deps)
        if node.deps and plan.trace_context:
            awaited = [plan.nodes[dep] for dep in node.deps[:MOST_LINKED]]
            fields += (f"b:{index}", orjson.dumps([(each.task, each.job_id) for each in awaited]))
        for dep in node.deps or ("R",):
            successors.setdefault(dep, []).append(str(index))
        if len(fields) > 1000:
            yield tuple(fields)
            fields.clear()
    for dep in plan.terminal:
        successors.setdefault(dep, []).append("T")
    fields += ("d:T", str(len(plan.terminal)), *_dep_fields("T", plan.terminal))
    for before, after in successors.items():
        fields += _successor_fields(before, after)
        if len(fields) > 1000:
            yield tuple(fields)
            fields.clear()
    if fields:
        yield tuple(fields)


def _successor_fields(before: int | str, after: Sequence[str]) -> Iterator[str]:
    for at, first in enumerate(range(0, len(after), SUCCESSORS_PER_FIELD)):
        yield f"s:{before}" if at == 0 else f"s:{before}:{at}"
        yield ",".join(after[first : first + SUCCESSORS_PER_FIELD])


def _dep_fields(index: int | str, deps: Sequence[int]) -> Iterator[str]:
    for at, first in enumerate(range(0, len(deps), _DEPS_PER_FIELD)):
        yield f"d:{index}:{at}"
        yield "".join(f"{dep:06d}" for dep in deps[first : first + _DEPS_PER_FIELD])


def _graph(plan: Plan) -> bytes:
    nodes: list[dict[str, object]] = []
    for node in plan.nodes:
        record: dict[str, object] = {
            "taskName": node.task, "deps": node.deps, "jobId": node.job_id, "_v": node.version,
        }  # fmt: skip
        if node.data is not None:
            record["data"] = node.data.decode("utf-8" if plan.writes_json else "latin-1")
        if node.as_list:
            record["asList"] = True
        nodes.append(record)
    return orjson.dumps({"nodes": nodes, "terminal": plan.terminal, "name": plan.name})


def read_before(listed: bytes | None) -> list[tuple[str, str]]:
    """Read the tasks and ids of the jobs that a node waited for, as far as they are listed."""
    try:
        pairs: list[list[object]] = orjson.loads(listed or b"[]")
        return [(str(task), str(job_id)) for task, job_id in pairs[:MOST_LINKED]]
    except (ValueError, TypeError, LookupError):
        return []  # anybody may have written it


def read_record(workflow_id: str, raw: Sequence[bytes]) -> WorkflowRecord | None:
    """Read a workflow from all fields of its hash, as HGETALL gives them; None when there is none."""
    fields = zip(raw[::2], raw[1::2], strict=True)
    f = {name: value for key, value in fields if (name := name_of(key)) is not None}
    state = STATES.get(f.get("state", b""))
    if state is None or "graph" not in f:
        return None
    try:
        graph: dict[str, Any] = orjson.loads(f["graph"])
        nodes = tuple(_node(index, cast("dict[str, Any]", node), f) for index, node in enumerate(graph["nodes"]))
        terminal = tuple(map(int, graph["terminal"]))
        name = str(graph.get("name", ""))
        _check_indexes(terminal, nodes)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise SerializationError(
            f"workflow {workflow_id}: its stored graph cannot be read: {type(error).__name__}: {error}; nothing of "
            "ours writes such a one, and it can only be deleted"
        ) from error
    return WorkflowRecord(
        id=workflow_id,
        name=name,
        state=state,
        created_at=moment(number(f.get("createdAt"))) or from_ms(0),
        nodes=nodes,
        terminal=terminal,
        result=f.get("result"),
        error=text(f.get("error")),
    )


def _check_indexes(terminal: Sequence[int], nodes: Sequence[WorkflowNodeRecord]) -> None:
    for index in (*terminal, *(dep for node in nodes for dep in node.deps)):
        if not 0 <= index < len(nodes):
            raise ValueError(f"there is no node {index}")


def _node(index: int, node: dict[str, Any], f: Mapping[str, bytes]) -> WorkflowNodeRecord:
    data = node.get("data")
    return WorkflowNodeRecord(
        index=index,
        task=str(node["taskName"]),
        job_id=str(node["jobId"]),
        deps=tuple(map(int, node["deps"])),
        state=(f.get(f"n:{index}:state") or b"pending").decode(errors="replace"),
        data=data.encode("latin-1" if "parts" in f else "utf-8") if isinstance(data, str) else None,
        result=f.get(f"n:{index}:result"),
        error=text(f.get(f"n:{index}:error")),
    )
