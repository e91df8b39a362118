"""Where the boxes of a workflow's picture stand: in layers, nodes that are alike in one box when there are many."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import networkx as nx

from taskora.workflow_model import WorkflowNodeRecord

if TYPE_CHECKING:
    Graph: TypeAlias = nx.DiGraph[int]

COLLAPSED_FROM: Final = 200
"""A workflow with more nodes shows those that are alike in one box."""
MOST_BOXES: Final = 2_000
"""No picture has more boxes: nobody could read it."""
_SWEEPS: Final = 4


@dataclass(frozen=True, slots=True)
class Box:
    """A box: one node, or nodes that are alike.

    Attributes:
        task: Their task.
        nodes: Their numbers, in order.
        states: How many are in each state.
        group: The number that stands for all that are alike, if they may be shown apart; None for a single node.
        is_rest: Whether others that are alike are shown apart, and these were too many.
        layer: Its column, from 0.
        row: Its place in the column, from 0.
    """

    task: str
    nodes: tuple[int, ...]
    states: dict[str, int]
    group: int | None
    is_rest: bool
    layer: int
    row: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture.

    Attributes:
        boxes: Its boxes.
        joints: Sets of boxes that feed sets of boxes: every one of the first every one of the second.
        expanded: Groups whose members are shown apart.
    """

    boxes: tuple[Box, ...]
    joints: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    expanded: tuple[int, ...]


def lay_out(nodes: Sequence[WorkflowNodeRecord], expanded: Collection[int] = ()) -> Layout | None:
    """Find a place for each node.

    Two nodes are alike when they have the same task, wait for what is alike, and what is alike waits for them.

    Args:
        nodes: All nodes, by number.
        expanded: Groups to show the members of, at most 200 of each.

    Returns:
        The picture; None when there would be more than 2,000 boxes, or what is stored is no graph without circles.
    """
    deps = [node.deps for node in nodes]
    order = _in_order(deps)
    if order is None:
        return None
    groups = _alike(nodes, deps, order) if len(nodes) > COLLAPSED_FROM else [[number] for number in order]
    shown = _boxes(groups, frozenset(expanded))
    if len(shown) > MOST_BOXES:
        return None
    box_of = {number: place for place, (members, _, _) in enumerate(shown) for number in members}
    joints = _joints(deps, box_of)
    places = _places(len(shown), joints)
    boxes = tuple(
        Box(
            nodes[members[0]].task,
            tuple(members),
            dict(Counter(nodes[number].state for number in members)),
            group,
            is_rest,
            *place,
        )
        for (members, group, is_rest), place in zip(shown, places, strict=True)
    )
    open_groups = {group for members, group, _ in shown if group is not None and group in expanded and members}
    return Layout(boxes, joints, tuple(sorted(open_groups)))


def _in_order(deps: Sequence[tuple[int, ...]]) -> list[int] | None:
    """Return the numbers so that each comes after what it waits for; None when that is impossible."""
    if all(0 <= dep < number for number, before in enumerate(deps) for dep in before):
        return list(range(len(deps)))
    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(range(len(deps)))
    graph.add_edges_from((dep, number) for number, before in enumerate(deps) for dep in before)
    if len(graph) > len(deps) or not nx.is_directed_acyclic_graph(graph):
        return None
    return list(nx.topological_sort(graph))


def _alike(
    nodes: Sequence[WorkflowNodeRecord], deps: Sequence[tuple[int, ...]], order: Sequence[int]
) -> list[list[int]]:
    """Put nodes together that are alike."""
    tags: dict[object, int] = {}
    sets: dict[tuple[int, ...], int] = {}
    before = [0] * len(nodes)
    dep_set = [sets.setdefault(dep, len(sets)) for dep in deps]
    known: dict[int, frozenset[int]] = {}
    for number in order:
        if dep_set[number] not in known:
            known[dep_set[number]] = frozenset(before[dep] for dep in deps[number])
        before[number] = tags.setdefault(("before", nodes[number].task, known[dep_set[number]]), len(tags))
    after = [0] * len(nodes)
    waiting: list[set[int]] = [set() for _ in nodes]
    told: set[tuple[int, int]] = set()
    for number in reversed(order):
        after[number] = tags.setdefault(("after", nodes[number].task, frozenset(waiting[number])), len(tags))
        # A thousand nodes that wait for the same thousand tell them once, not each.
        news = (dep_set[number], after[number])
        if news not in told:
            told.add(news)
            for dep in deps[number]:
                waiting[dep].add(after[number])
    groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for number in order:
        groups[before[number], after[number]].append(number)
    return list(groups.values())


def _boxes(groups: Iterable[list[int]], expanded: frozenset[int]) -> list[tuple[list[int], int | None, bool]]:
    """Return what each box shows: nodes, their group, and whether they are the rest of it."""
    shown: list[tuple[list[int], int | None, bool]] = []
    for members in groups:
        if len(members) == 1:
            shown.append((members, None, False))
        elif members[0] not in expanded:
            shown.append((members, members[0], False))
        else:
            shown.extend(([number], members[0], False) for number in members[:COLLAPSED_FROM])
            if members[COLLAPSED_FROM:]:
                shown.append((members[COLLAPSED_FROM:], members[0], True))
    return shown


def _joints(
    deps: Sequence[tuple[int, ...]], box_of: dict[int, int]
) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """Return which boxes feed which, those together that are fed by the same."""
    fed: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
    for number, before in enumerate(deps):
        if before:
            fed[before].add(box_of[number])
    joined: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
    for before, boxes in fed.items():
        joined[tuple(sorted({box_of[dep] for dep in before}))] |= boxes
    return tuple((sources, tuple(sorted(targets))) for sources, targets in joined.items())


def _places(count: int, joints: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[tuple[int, int]]:
    """Give each box a layer, and a row in which its edges cross few others."""
    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(range(count))
    # A joint stands between its sources and its targets, so that n times m edges are n plus m.
    for place, (sources, targets) in enumerate(joints, count):
        graph.add_edges_from((source, place) for source in sources)
        graph.add_edges_from((place, target) for target in targets)
    layers = [list(layer) for layer in nx.topological_generations(graph)]
    row = {box: place for layer in layers for place, box in enumerate(layer)}
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else reversed(layers):
            beside = graph.predecessors if forward else graph.successors
            weight = {box: _middle([row[other] for other in beside(box)], row[box]) for box in layer}
            layer.sort(key=weight.__getitem__)
            row.update((box, place) for place, box in enumerate(layer))
    places = [(0, 0)] * count
    for number, layer in enumerate(layers):
        for place, box in enumerate(box for box in layer if box < count):
            places[box] = (number // 2, place)
    return places


def _middle(rows: Sequence[int], own: int) -> float:
    return sum(rows) / len(rows) if rows else own
