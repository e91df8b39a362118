"""What a test looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from taskora.handle import ResultHandle
from taskora.model import LogEntry, State

Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class Execution(Generic[Out]):
    """How a job went.

    Attributes:
        state: How it ended.
        result: What its handler returned; None when it did not complete.
        attempts: How often it ran.
        logs: What the handler logged.
        progress: What it last reported; None for nothing.
        error: Why it failed, or was cancelled; None when it completed.
        handle: Its handle, for all else.
    """

    state: State
    result: Out | None
    attempts: int
    logs: list[LogEntry]
    progress: object
    error: str | None
    handle: ResultHandle[Out]


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """A node of a workflow.

    Attributes:
        workflow_id: Its workflow.
        node_index: Its place in it, from 0.
        task_name: The task that it is a job of.
        state: ``pending``, ``active``, ``completed``, ``failed`` or ``cancelled``.
        job_id: Its job.
    """

    workflow_id: str
    node_index: int
    task_name: str
    state: str
    job_id: str
