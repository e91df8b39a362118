"""The graph of a workflow, for networkx, JSON, Mermaid and Graphviz, before it runs and while it does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from taskora.serializer import JSON
from taskora.workflow_model import WorkflowRecord

from .flatten import Flat

if TYPE_CHECKING:
    import networkx as nx

    DiGraph: TypeAlias = nx.DiGraph[int]

# State: (fill, line) of its boxes.
_COLORS = {
    "pending": ("#f3f4f6", "#9ca3af"),
    "active": ("#dbeafe", "#2563eb"),
    "completed": ("#dcfce7", "#16a34a"),
    "failed": ("#fee2e2", "#dc2626"),
    "cancelled": ("#fef3c7", "#d97706"),
}
# Mermaid reads its own markup inside quotes, and `#` begins a character's name.
_MERMAID = str.maketrans({char: f"#{ord(char)};" for char in '"#&<>`\\\n\r'})
_DOT = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "", "\0": ""})


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A node as it is drawn. ``job_id`` is None before dispatch."""

    task: str
    job_id: str | None
    bound: bool
    state: str
    deps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A workflow as it is drawn. ``created_at`` is ISO 8601 in UTC; it and ``workflow_id`` are None before dispatch."""

    name: str
    nodes: tuple[DrawnNode, ...]
    workflow_id: str | None = None
    state: str = "pending"
    created_at: str | None = None

    def edges(self) -> Iterator[tuple[int, int]]:
        """All edges, each from a node to one that waits for it."""
        for index, node in enumerate(self.nodes):
            for dep in node.deps:
                yield dep, index


def drawing_of_flat(flat: Flat, name: str) -> Drawing:
    """Draw a composition that has not been dispatched."""
    nodes = (DrawnNode(node.task.name, None, node.data is not None, "pending", node.deps) for node in flat.nodes)
    return Drawing(name, tuple(nodes))


def drawing_of_record(record: WorkflowRecord) -> Drawing:
    """Draw a stored workflow."""
    nodes = (DrawnNode(node.task, node.job_id, node.data is not None, node.state, node.deps) for node in record.nodes)
    return Drawing(record.name, tuple(nodes), record.id, record.state, record.created_at.isoformat())


def digraph(drawing: Drawing) -> DiGraph:
    """Make the networkx graph: indexes as nodes, each with ``task, job_id, bound, state``."""
    import networkx as nx

    graph: DiGraph = nx.DiGraph(
        workflow_id=drawing.workflow_id, name=drawing.name, state=drawing.state, created_at=drawing.created_at
    )
    for index, node in enumerate(drawing.nodes):
        graph.add_node(index, task=node.task, job_id=node.job_id, bound=node.bound, state=node.state)
    graph.add_edges_from(drawing.edges())
    return graph


def node_link(drawing: Drawing) -> str:
    """Write networkx's node-link JSON."""
    import networkx as nx

    data = nx.node_link_data(digraph(drawing), edges="edges")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - its stub names no result
    return JSON.dumps(cast("dict[str, object]", data)).decode()


def mermaid(drawing: Drawing) -> str:
    """Write a Mermaid flowchart; a node's class is its state."""
    # A title stands in front matter, which is YAML, of which JSON is a part.
    lines = ["---", f"title: {json.dumps(drawing.name, ensure_ascii=False)}", "---", "flowchart LR"]
    for index, node in enumerate(drawing.nodes):
        lines.append(f'  n{index}["{node.task.translate(_MERMAID)}"]{_mermaid_class(node.state)}')
    lines.extend(f"  n{source} --> n{target}" for source, target in drawing.edges())
    for state, (fill, line) in _COLORS.items():
        lines.append(f"  classDef {state} fill:{fill},stroke:{line},color:#111827")
    return "\n".join(lines) + "\n"


def dot(drawing: Drawing) -> str:
    """Write a Graphviz digraph; a node's colour is its state, which its tooltip names."""
    lines = [
        f"digraph {_dot_text(drawing.name)} {{",
        "  rankdir=LR;",
        '  node [shape=box, style="rounded,filled", fontname="sans-serif"];',
    ]
    for index, node in enumerate(drawing.nodes):
        fill, line = _COLORS.get(node.state, _COLORS["pending"])
        label, state = _dot_text(node.task), _dot_text(node.state)
        lines.append(f'  n{index} [label={label}, tooltip={state}, fillcolor="{fill}", color="{line}"];')
    lines.extend(f"  n{source} -> n{target};" for source, target in drawing.edges())
    return "\n".join([*lines, "}"]) + "\n"


def graph_of(record: WorkflowRecord) -> DiGraph:
    """Return a stored workflow's graph.

    Nodes are indexes with ``task``, ``job_id``, ``bound`` and ``state``; the graph has ``workflow_id``, ``name``,
    ``state`` and ``created_at`` (ISO 8601, UTC).
    """
    return digraph(drawing_of_record(record))


def json_of(record: WorkflowRecord) -> str:
    """Write a stored workflow as node-link JSON, for ``networkx.node_link_graph(json.loads(text), edges="edges")``."""
    return node_link(drawing_of_record(record))


def mermaid_of(record: WorkflowRecord) -> str:
    """Write a stored workflow as a Mermaid flowchart."""
    return mermaid(drawing_of_record(record))


def dot_of(record: WorkflowRecord) -> str:
    """Write a stored workflow as a Graphviz digraph."""
    return dot(drawing_of_record(record))


def _mermaid_class(state: str) -> str:
    return f":::{state}" if state in _COLORS else ""


def _dot_text(text: str) -> str:
    return f'"{text.translate(_DOT)}"'
