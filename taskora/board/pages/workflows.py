"""Workflows: the list, and the graph of one with the state of each node."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final, get_args

from markupsafe import Markup
from starlette.responses import Response

from taskora.board.drawing.dags import dag
from taskora.board.view import Action, Field, Outcome, Question, View
from taskora.board.visit import PAGE_SIZE, NotFoundError, Visit
from taskora.errors import ConfigError
from taskora.keys import check_workflow_id, reason_text
from taskora.workflow_model import WorkflowRecord, WorkflowState
from taskora.workflows.export import json_of, mermaid_of
from taskora.workflows.layout import lay_out

STATES: Final[tuple[WorkflowState, ...]] = get_args(WorkflowState)
_NODES: Final = 50
_OPENED: Final = 8


async def show_list(visit: Visit) -> Response:
    """List workflows, the newest first."""
    state = visit.value("state")
    if state and state not in STATES:
        raise ConfigError(f"state: expected one of {', '.join(STATES)}")
    offset = visit.number("offset", 0)
    found = await visit.inspector.workflows_async(state=state or None, limit=PAGE_SIZE + 1, offset=offset)
    return visit.page(
        "workflows.html",
        "Workflows",
        watch="*",
        state=state,
        states=STATES,
        found=found[:PAGE_SIZE],
        offset=offset,
        more=len(found) > PAGE_SIZE,
        size=PAGE_SIZE,
    )


async def show(visit: Visit) -> Response:
    """Show a workflow."""
    record = await _need(visit)
    safe = await asyncio.to_thread(visit.desk.shown.workflow, record)
    counts = Counter(node.state for node in record.nodes)
    state, offset = visit.value("nodes"), visit.number("offset", 0)
    chosen = [node for node in safe.nodes if state in ("", node.state)]
    # Ten thousand nodes take a moment to lay out, and other pages must not wait for it.
    picture = await asyncio.to_thread(_draw, visit, record)
    return visit.page(
        "workflow.html",
        f"Workflow {record.id}",
        watch="time" if record.state == "running" else "",
        workflow=safe,
        counts=dict(counts.most_common()),
        picture=picture,
        nodes=chosen[offset : offset + _NODES],
        node_state=state,
        offset=offset,
        more=len(chosen) > offset + _NODES,
        size=_NODES,
        result=_text(safe.result),
        failed=[node for node in safe.nodes if node.error][:5],
    )


def _draw(visit: Visit, record: WorkflowRecord) -> tuple[Markup, list[tuple[str, str]]] | None:
    """Draw the graph, and say how open groups are closed; None when it is too large for anybody to read."""
    given = visit.value("open").split(",")[:_OPENED]
    opened = [int(one) for one in given if one.isascii() and one.isdigit() and len(one) < 10]
    layout = lay_out(record.nodes, opened)
    if layout is None:
        return None

    def group_url(group: int) -> str:
        others = [str(one) for one in layout.expanded if one != group]
        return visit.here(open=",".join(others if group in layout.expanded else [*others, str(group)]) or None)

    def node_url(number: int) -> str:
        node = record.nodes[number]
        if node.state == "pending":  # it has no job yet, and never will have once its workflow has ended
            return f"{visit.here()}#node-{number}"
        return visit.url("job", task=node.task, id=node.job_id)

    closing = [(record.nodes[group].task, group_url(group)) for group in layout.expanded]
    return dag(layout, node_url=node_url, group_url=group_url, list_url=f"{visit.here()}#nodes"), closing


def _text(value: bytes | None) -> str:
    return "" if value is None else value[:65_536].decode(errors="replace")


async def download(visit: Visit) -> Response:
    """Answer with the graph as a file: node-link JSON or Mermaid."""
    record = await _need(visit)
    if visit.value("format", "json") == "mermaid":
        text, kind, name = mermaid_of(record), "text/plain; charset=utf-8", "workflow.mmd"
    else:
        text, kind, name = json_of(visit.desk.shown.workflow(record)), "application/json", "workflow.json"
    return Response(text, headers={"Content-Disposition": f'attachment; filename="{name}"'}, media_type=kind)


async def _need(visit: Visit) -> WorkflowRecord:
    workflow_id = check_workflow_id(visit.need("id"))
    record = await visit.inspector.workflow_async(workflow_id)
    if record is None:
        raise NotFoundError(f"There is no workflow {workflow_id}: it never existed, or retention removed it.")
    return record


async def ask_cancel(visit: Visit) -> Question:
    """Say how many nodes would be cancelled."""
    record = await _need(visit)
    open_nodes = sum(node.state in ("pending", "active") for node in record.nodes)
    return Question(
        f"Cancel workflow {record.name or record.id}",
        f"Up to {open_nodes:,} of its {len(record.nodes):,} nodes have not ended: those that wait will not run, and "
        "workers are told to stop those that run.",
        "Cancel workflow",
        danger=True,
        fields=(Field("reason", "Reason"),),
    )


async def cancel(visit: Visit) -> Outcome:
    """Cancel a workflow with all of its jobs that have not ended."""
    record = await _need(visit)
    if await visit.app.workflow(record.id).cancel_async(reason_text(visit.value("reason")) or None):
        return Outcome(f"Workflow {record.name or record.id} is cancelled", target={"workflow": record.id})
    return Outcome(f"Workflow {record.name or record.id} has ended already", 0, status=409)


VIEWS: Final = (View("workflows", show_list), View("workflow", show), View("workflow/graph", download))
ACTIONS: Final = (Action("workflow/cancel", "workflow.cancel", ask_cancel, cancel),)
