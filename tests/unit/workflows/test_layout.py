"""Where the boxes of a workflow's picture stand."""

import time

from hypothesis import given
from hypothesis import strategies as st

from taskora.workflow_model import WorkflowNodeRecord
from taskora.workflows.layout import COLLAPSED_FROM, MOST_BOXES, lay_out


def node(index: int, task: str, deps: tuple[int, ...] = (), state: str = "pending") -> WorkflowNodeRecord:
    return WorkflowNodeRecord(index, task, f"job-{index}", deps, state)


def chord(width: int) -> list[WorkflowNodeRecord]:
    states = ("completed", "failed", "active")
    header = [node(index, "resize", (), states[index % 3]) for index in range(width)]
    return [*header, node(width, "add", tuple(range(width)))]


def test_a_small_workflow_has_a_box_for_each_node_after_what_it_waits_for() -> None:
    layout = lay_out([node(0, "a"), node(1, "b", (0,)), node(2, "b", (0,)), node(3, "c", (1, 2))])
    assert layout is not None
    assert [(box.nodes, box.layer, box.group) for box in layout.boxes] == [
        ((0,), 0, None), ((1,), 1, None), ((2,), 1, None), ((3,), 2, None)
    ]  # fmt: skip
    assert {box.row for box in layout.boxes if box.layer == 1} == {0, 1}
    assert set(layout.joints) == {((0,), (1, 2)), ((1, 2), (3,))}


def test_nodes_that_are_alike_share_a_box_from_two_hundred_nodes_on() -> None:
    small, large = lay_out(chord(COLLAPSED_FROM - 1)), lay_out(chord(COLLAPSED_FROM))
    assert small is not None
    assert large is not None
    assert len(small.boxes) == COLLAPSED_FROM
    assert [(box.task, len(box.nodes), box.group) for box in large.boxes] == [("resize", 200, 0), ("add", 1, None)]
    assert large.boxes[0].states == {"completed": 67, "failed": 67, "active": 66}
    assert large.joints == (((0,), (1,)),)


def test_a_group_is_opened_to_two_hundred_members_and_the_rest() -> None:
    layout = lay_out(chord(1000), expanded=(0,))
    assert layout is not None
    assert len(layout.boxes) == COLLAPSED_FROM + 2
    assert layout.expanded == (0,)
    (rest,) = [box for box in layout.boxes if box.is_rest]
    assert len(rest.nodes) == 1000 - COLLAPSED_FROM
    assert {number for box in layout.boxes for number in box.nodes} == set(range(1001))


def test_opening_what_is_no_group_changes_nothing() -> None:
    assert lay_out(chord(1000), expanded=(7, 1000, 99_999)) == lay_out(chord(1000))


def test_members_of_a_group_of_chains_collapse_step_by_step() -> None:
    nodes: list[WorkflowNodeRecord] = []
    for chain in range(300):
        nodes += [node(2 * chain, "a"), node(2 * chain + 1, "b", (2 * chain,))]
    nodes += [node(600, "other"), node(601, "b", (600,))]
    layout = lay_out(nodes)
    assert layout is not None
    assert sorted((box.task, len(box.nodes), box.layer) for box in layout.boxes) == [
        ("a", 300, 0), ("b", 1, 1), ("b", 300, 1), ("other", 1, 0)
    ]  # fmt: skip


def test_ten_thousand_nodes_are_laid_out_in_a_moment() -> None:
    started_s = time.process_time()
    layout = lay_out(chord(10_000))
    assert layout is not None
    assert len(layout.boxes) == 2
    wide = [node(index, "a") for index in range(500)]
    wide += [node(500 + index, "b", tuple(range(500))) for index in range(500)]
    assert lay_out(wide) is not None
    assert time.process_time() - started_s < 2


def test_what_nobody_could_read_is_not_drawn() -> None:
    assert lay_out([node(index, "a", (index - 1,) if index else ()) for index in range(MOST_BOXES + 1)]) is None


def test_a_graph_with_a_circle_or_a_loose_end_is_not_drawn() -> None:
    assert lay_out([node(0, "a", (1,)), node(1, "a", (0,))]) is None
    assert lay_out([node(0, "a", (7,))]) is None
    assert lay_out([node(0, "a", (-1,))]) is None
    assert lay_out([node(0, "a", (0,))]) is None


def test_numbers_need_not_be_in_order() -> None:
    layout = lay_out([node(0, "last", (1,)), node(1, "first")])
    assert layout is not None
    assert {box.task: box.layer for box in layout.boxes} == {"first": 0, "last": 1}


@given(st.lists(st.sets(st.integers(0, 300), max_size=4), max_size=300), st.sets(st.integers(0, 300), max_size=3))
def test_every_node_has_one_box_behind_all_that_it_waits_for(waits: list[set[int]], opened: set[int]) -> None:
    deps = [tuple(sorted(dep % index for dep in found)) if index else () for index, found in enumerate(waits)]
    nodes = [node(index, "ab"[index % 2], tuple(dict.fromkeys(before))) for index, before in enumerate(deps)]
    layout = lay_out(nodes, opened)
    assert layout is not None
    box_of = {number: box for box in layout.boxes for number in box.nodes}
    assert sum(len(box.nodes) for box in layout.boxes) == len(nodes) == len(box_of)
    for one in nodes:
        for dep in one.deps:
            assert box_of[dep].layer < box_of[one.index].layer
    assert len({(box.layer, box.row) for box in layout.boxes}) == len(layout.boxes)
