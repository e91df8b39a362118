"""What the rooms know of each other, where one may not import the other."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

from taskora.call import Call
from taskora.config import TaskOptions
from taskora.model import Plan, WorkflowOutcome, WorkflowRecord


class Confirmation(Protocol):
    """A write under way. Awaiting it ends once it is stored, or raises why it could not be."""

    def __await__(self) -> Generator[object, None, None]: ...


class WorkflowEngine(Protocol):
    """What a composition needs of the application that its tasks belong to."""

    def store_workflow(self, plan: Plan) -> Confirmation:
        """Store a workflow: in plain code it is stored on return; on an event loop the return is at once."""
        ...

    def wait_workflow(self, workflow_id: str, timeout_s: float | None) -> Call[WorkflowOutcome]:
        """Wait until the workflow ends.

        Raises:
            JobNotFoundError: From the call: there is no such workflow.
            TimeoutError: From the call: it did not end in time.
        """
        ...

    def read_workflow(self, workflow_id: str) -> Call[WorkflowRecord | None]:
        """Read the workflow's graph and states."""
        ...

    def workflow_outcome(self, workflow_id: str) -> Call[WorkflowOutcome | None]:
        """Read how the workflow stands."""
        ...

    def cancel_workflow(self, workflow_id: str, reason: str) -> Call[bool]:
        """Cancel the workflow and its jobs; False when it has ended."""
        ...


class WorkflowTask(Protocol):
    """What a composition needs of a task."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> TaskOptions: ...

    @property
    def engine(self) -> WorkflowEngine: ...

    def encode(self, data: object, /) -> bytes:
        """Validate a payload and serialize it. Raises ``ValidationError`` or ``SerializationError``."""
        ...

    def decode_result(self, raw: bytes, /) -> object:
        """Read a serialized result as the task's output type."""
        ...
