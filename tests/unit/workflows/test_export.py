"""Graphs of compositions and of stored workflows, in every form."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import networkx as nx

from taskora.workflow_model import WorkflowNodeRecord, WorkflowRecord
from taskora.workflows import Bound, chain, dot_of, graph_of, group, json_of, mermaid_of
from unit.workflows.fakes import NO_BOUND, FakeTask, nodes_of, read_back

RECORD = WorkflowRecord(
    id="w1",
    name='say "hi" \\ now\nor: never',
    state="failed",
    created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    nodes=(
        WorkflowNodeRecord(0, "fetch", "j0", (), "completed", b"1", b"2"),
        WorkflowNodeRecord(1, 'we"ird <#1>\\', "j1", (0,), "failed", None, None, "boom"),
        WorkflowNodeRecord(2, "store", "j2", (0, 1), "somehow", None),
    ),
    terminal=(2,),
)


def flow(a: FakeTask, b: FakeTask) -> Bound[object]:
    return chain(a.bound(1), group(a.s(), b.bound(2)), b.s())


def test_a_composition_is_a_digraph_of_pending_nodes(a: FakeTask, b: FakeTask) -> None:
    graph = flow(a, b).graph()
    assert nodes_of(graph) == {
        0: {"task": "a", "job_id": None, "bound": True, "state": "pending"},
        1: {"task": "a", "job_id": None, "bound": False, "state": "pending"},
        2: {"task": "b", "job_id": None, "bound": True, "state": "pending"},
        3: {"task": "b", "job_id": None, "bound": False, "state": "pending"},
    }
    assert set(graph.edges) == {(0, 1), (0, 2), (1, 3), (2, 3)}
    assert nx.is_directed_acyclic_graph(graph)
    assert graph.graph == {
        "workflow_id": None,
        "name": "chain(a → group(a, b) → b)",
        "state": "pending",
        "created_at": None,
    }


def test_json_is_read_back_by_networkx(a: FakeTask, b: FakeTask) -> None:
    for text, graph in ((flow(a, b).to_json(), flow(a, b).graph()), (json_of(RECORD), graph_of(RECORD))):
        document = json.loads(text)
        assert [node["id"] for node in document["nodes"]] == list(range(len(graph)))
        assert document["edges"][0] == {"source": 0, "target": 1}
        back = read_back(text)
        assert back.is_directed()
        assert nodes_of(back) == nodes_of(graph)
        assert set(back.edges) == set(graph.edges)
        assert back.graph == graph.graph


def test_a_stored_workflow_shows_its_states() -> None:
    graph = graph_of(RECORD)
    assert graph.nodes[1] == {"task": 'we"ird <#1>\\', "job_id": "j1", "bound": False, "state": "failed"}
    assert graph.graph == {
        "workflow_id": "w1",
        "name": RECORD.name,
        "state": "failed",
        "created_at": "2026-01-02T03:04:05+00:00",
    }


def test_mermaid_has_a_class_for_each_state_and_escapes_names() -> None:
    lines = mermaid_of(RECORD).splitlines()
    assert lines[:4] == ["---", 'title: "say \\"hi\\" \\\\ now\\nor: never"', "---", "flowchart LR"]
    assert lines[4:7] == [
        '  n0["fetch"]:::completed',
        '  n1["we#34;ird #60;#35;1#62;#92;"]:::failed',
        '  n2["store"]',
    ]
    assert lines[7:10] == ["  n0 --> n1", "  n0 --> n2", "  n1 --> n2"]
    assert {line.split()[1] for line in lines[10:]} == {"pending", "active", "completed", "failed", "cancelled"}


def test_dot_has_a_colour_for_each_state_and_escapes_names() -> None:
    lines = dot_of(RECORD).splitlines()
    assert lines[0] == 'digraph "say \\"hi\\" \\\\ now\\nor: never" {'
    assert 'n1 [label="we\\"ird <#1>\\\\", tooltip="failed", fillcolor="#fee2e2"' in lines[4]
    assert lines[-2:] == ["  n1 -> n2;", "}"]


def test_an_empty_workflow_is_drawn(a: FakeTask) -> None:
    assert len(group(NO_BOUND).graph()) == 0
    assert group(NO_BOUND).to_dot().startswith('digraph "group()" {')


def test_networkx_is_imported_only_for_a_graph() -> None:
    code = """
import sys
from taskora.workflows import chain, group, graph_of
flow = group([]) | group([])
flow.dispatch()
flow.to_dot(), flow.to_mermaid()
assert "networkx" not in sys.modules
flow.graph()
assert "networkx" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
