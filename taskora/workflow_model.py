"""Workflows as they travel between the rooms: planned, stored, read, and how they ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

WorkflowState: TypeAlias = Literal["running", "completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class WorkflowOutcome:
    """How a workflow ended, or ``running``."""

    state: WorkflowState
    result: bytes | None = None
    error: str | None = None
    node: int | None = None
    job_id: str = ""
    task: str = ""
    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class PlanNode:
    """A node of a workflow, ready to be stored. ``data`` is the serialized bound payload, None to take its input.

    Attributes:
        as_list: A single input or result is wrapped in a list, because the composition is a group of one.
        indexed: What its job can be found by, if its payload is bound: texts ``PATH:VALUE``.
    """

    task: str
    job_id: str
    deps: tuple[int, ...]
    data: bytes | None
    version: int = 1
    max_attempts: int = 1
    ttl_ms: int = 0
    as_list: bool = False
    indexed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A composition, flattened and ready to be stored.

    Attributes:
        workflow_id: Its id.
        name: What people call it.
        nodes: In depth-first, left-to-right order.
        terminal: Indexes of the nodes whose results are the workflow's, in order.
        as_list: A single terminal's result is wrapped in a list.
        deadline_ms: Time until the workflow is cancelled; 0 for never.
        writes_json: Whether payloads are JSON text; those that are not are joined as strings of bytes.
        trace_context: What the traces of its jobs go on from, as ``Origin`` has it; empty for nothing.
    """

    workflow_id: str
    name: str
    nodes: tuple[PlanNode, ...]
    terminal: tuple[int, ...]
    as_list: bool = False
    deadline_ms: int = 0
    writes_json: bool = True
    trace_context: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowNodeRecord:
    """A stored node with its state. ``data``, ``result`` are serialized."""

    index: int
    task: str
    job_id: str
    deps: tuple[int, ...]
    state: str
    data: bytes | None = None
    result: bytes | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class WorkflowRecord:
    """A stored workflow."""

    id: str
    name: str
    state: WorkflowState
    created_at: datetime
    nodes: tuple[WorkflowNodeRecord, ...]
    terminal: tuple[int, ...]
    result: bytes | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class WorkflowSummary:
    """A stored workflow, without its graph."""

    id: str
    name: str
    state: WorkflowState
    created_at: datetime
    node_count: int
