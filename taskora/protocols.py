"""What the rooms know of each other, where one may not import the other."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Any, Protocol

from taskora.call import Call
from taskora.config import TaskOptions
from taskora.serializer import Serializer
from taskora.workflow_model import Plan, WorkflowOutcome, WorkflowRecord


class Confirmation(Protocol):
    """A write under way. Awaiting it ends once it is stored, or raises why it could not be."""

    def __await__(self) -> Generator[object, None, None]: ...

    def wait(self) -> None:
        """Wait in plain code, while an event loop of another thread writes."""
        ...


class WorkflowEngine(Protocol):
    """What a composition needs of the application that its tasks belong to."""

    @property
    def serializer(self) -> Serializer:
        """Reads and writes payloads and results."""
        ...

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


class Runnable(Protocol):
    """What a worker needs of a task."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> TaskOptions: ...

    @property
    def is_async(self) -> bool:
        """Whether the handler is a coroutine function; if not, it runs in a thread."""
        ...

    @property
    def wants_context(self) -> bool:
        """Whether the handler looks at its context."""
        ...

    @property
    def checks(self) -> bool:
        """Whether reading a payload or writing a result may run code of the user's, such as a validator."""
        ...

    @property
    def call(self) -> Callable[[object, object], object]:
        """The handler, as a function of payload and context."""
        ...

    @property
    def on_cancel(self) -> Callable[[object, object], object] | None:
        """Called with payload and context after a cancelled run has stopped."""
        ...

    @property
    def middleware(self) -> Sequence[Callable[[Any, Any], Coroutine[Any, Any, None]]]:
        """What stands around the handler, the outermost first. Asked once, when the worker is made."""
        ...

    @property
    def logs_failures(self) -> bool:
        """Whether the worker logs a failure itself, because nobody listens for it."""
        ...

    def decode_input(self, raw: bytes, version: int | None = None, job_id: str = "", /) -> object:
        """Read a job's stored payload of a version. Raises ``ValidationError`` or ``SerializationError``."""
        ...

    def encode_result(self, value: object, /) -> bytes:
        """Check a result and serialize it. Raises ``ValidationError`` or ``SerializationError``."""
        ...
