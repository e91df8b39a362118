"""A task and an application as compositions see them."""

import asyncio
import json
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from taskora.call import Call, on_running_loop
from taskora.config import TaskOptions
from taskora.errors import TimeoutError, ValidationError
from taskora.serializer import JSON, Serializer
from taskora.workflow_model import Plan, WorkflowNodeRecord, WorkflowOutcome, WorkflowRecord
from taskora.workflows import Bound, Signature, bind, unbound

if TYPE_CHECKING:
    import networkx as nx

T = TypeVar("T")
# Lists without a member, of a type that a checker can follow.
NO_SIGNATURES: list[Signature[object, object]] = []
NO_BOUND: list[Bound[object]] = []
CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class Later(Generic[T]):
    """A call that answers with a value, or raises it, and remembers how it was run."""

    answer: T | Exception
    ran: list[str] = field(default_factory=list[str])

    def run(self) -> T:
        self.ran.append("run")
        return self._given()

    async def run_async(self) -> T:
        self.ran.append("run_async")
        await asyncio.sleep(0)
        return self._given()

    def _given(self) -> T:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class Storing:
    """A write that a loop has not got to yet."""

    engine: "FakeEngine"
    plan: Plan
    error: Exception | None = None

    def __await__(self) -> Generator[object, None, None]:
        yield from asyncio.sleep(0).__await__()
        self.wait()

    def wait(self) -> None:
        if self.error is not None:
            raise self.error
        if self.plan.workflow_id not in self.engine.records:
            self.engine.keep(self.plan)


class FakeEngine:
    """Keeps workflows in a dict; tests say how they end."""

    def __init__(self) -> None:
        self.records: dict[str, WorkflowRecord] = {}
        self.outcomes: dict[str, WorkflowOutcome] = {}
        self.plans: list[Plan] = []
        self.cancelled: list[tuple[str, str]] = []
        self.waits: list[float | None] = []
        self.store_error: Exception | None = None
        self.serializer: Serializer = JSON

    def store_workflow(self, plan: Plan) -> Storing:
        self.plans.append(plan)
        if not on_running_loop():
            self.keep(plan)
        return Storing(self, plan, self.store_error)

    def keep(self, plan: Plan) -> None:
        nodes = [
            WorkflowNodeRecord(index, node.task, node.job_id, node.deps, "pending", node.data)
            for index, node in enumerate(plan.nodes)
        ]
        self.records[plan.workflow_id] = WorkflowRecord(
            plan.workflow_id, plan.name, "running", CREATED, tuple(nodes), plan.terminal
        )
        self.outcomes[plan.workflow_id] = WorkflowOutcome("running")

    def complete(self, workflow_id: str, *results: object, joined: bytes | None = None) -> None:
        """End a workflow: its nodes get these results, in order; ``joined`` is what a script would have stored."""
        record = self.records[workflow_id]
        done = [
            replace(node, state="completed", result=json.dumps(result).encode())
            for node, result in zip(record.nodes, results, strict=True)
        ]
        ends = [results[index] for index in record.terminal]
        as_list = len(ends) != 1 or any(plan.workflow_id == workflow_id and plan.as_list for plan in self.plans)
        result = joined or json.dumps(ends if as_list else ends[0]).encode()
        self.records[workflow_id] = replace(record, state="completed", nodes=tuple(done), result=result)
        self.outcomes[workflow_id] = WorkflowOutcome("completed", result)

    def wait_workflow(self, workflow_id: str, timeout_s: float | None) -> Call[WorkflowOutcome]:
        self.waits.append(timeout_s)
        outcome = self.outcomes.get(workflow_id)
        if outcome is None or outcome.state == "running":
            return Later(TimeoutError(f"workflow {workflow_id} did not end in {timeout_s} s", timeout=timeout_s))
        return Later(outcome)

    def read_workflow(self, workflow_id: str) -> Call[WorkflowRecord | None]:
        return Later(self.records.get(workflow_id))

    def workflow_outcome(self, workflow_id: str) -> Call[WorkflowOutcome | None]:
        return Later(self.outcomes.get(workflow_id))

    def cancel_workflow(self, workflow_id: str, reason: str) -> Call[bool]:
        self.cancelled.append((workflow_id, reason))
        return Later(self.outcomes[workflow_id].state == "running")


@dataclass
class FakeTask:
    """A task of JSON values; ``takes`` is what its payload must be, ``gives`` what wraps its result."""

    name: str
    engine: FakeEngine
    options: TaskOptions = field(default_factory=TaskOptions)
    takes: type | None = None

    def encode(self, data: object, /) -> bytes:
        if self.takes is not None and not isinstance(data, self.takes):
            raise ValidationError(f"task {self.name!r}: expected {self.takes.__name__}, got {data!r}", task=self.name)
        return json.dumps(data).encode()

    def decode_result(self, raw: bytes, /) -> object:
        return json.loads(raw) if raw else None

    def s(self, *data: object) -> Signature[object, object]:
        return bind(self, data[0]) if data else unbound(self)

    def bound(self, data: object) -> Bound[object]:
        return bind(self, data)


def read_back(text: str) -> "nx.DiGraph[int]":
    """What networkx reads in node-link JSON."""
    import networkx as nx

    graph = nx.node_link_graph(json.loads(text), edges="edges")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - its stub names no result
    return cast("nx.DiGraph[int]", graph)


def nodes_of(graph: "nx.DiGraph[int]") -> dict[int, dict[str, object]]:
    """The attributes of each node."""
    return {index: dict(graph.nodes[index]) for index in graph}
