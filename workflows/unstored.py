"""The engine of a workflow without a single task: it belongs to no application, and is over before it is stored."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

from taskora.call import Call
from taskora.serializer import JSON, Serializer
from taskora.workflow_model import Plan, WorkflowOutcome, WorkflowRecord

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class _Known(Generic[T_co]):
    value: T_co

    def run(self) -> T_co:
        return self.value

    async def run_async(self) -> T_co:
        return self.value


class _Done:
    def __await__(self) -> Generator[object, None, None]:
        yield from ()

    def wait(self) -> None:
        """It is over."""


@dataclass(frozen=True, slots=True)
class UnstoredEngine:
    """Answers for one workflow of no nodes, which completed with an empty list."""

    plan: Plan
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    serializer: Serializer = JSON

    def store_workflow(self, plan: Plan) -> _Done:
        """Nothing to do: there is no node to run."""
        return _Done()

    def wait_workflow(self, workflow_id: str, timeout_s: float | None) -> Call[WorkflowOutcome]:
        """It has ended."""
        return _Known(WorkflowOutcome("completed", b"[]"))

    def workflow_outcome(self, workflow_id: str) -> Call[WorkflowOutcome | None]:
        """It has ended."""
        return _Known(WorkflowOutcome("completed", b"[]"))

    def read_workflow(self, workflow_id: str) -> Call[WorkflowRecord | None]:
        """A graph of no nodes."""
        return _Known(
            WorkflowRecord(self.plan.workflow_id, self.plan.name, "completed", self.created_at, (), (), b"[]")
        )

    def cancel_workflow(self, workflow_id: str, reason: str) -> Call[bool]:
        """It has ended."""
        return _Known(False)
