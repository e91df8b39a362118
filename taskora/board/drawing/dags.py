"""The graph of a workflow as SVG: boxes in columns, each a link."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from markupsafe import Markup

from taskora.workflows.layout import Box, Layout

_BOX: Final = (184, 46)
_GAP: Final = (64, 14)
_MARGIN: Final = 12
_LONGEST: Final = 22
_BAR: Final = 5
_SYMBOLS: Final = {"pending": "○", "active": "▶", "completed": "✓", "failed": "✗", "cancelled": "⊘"}
_WORST_FIRST: Final = ("failed", "cancelled", "active", "pending", "completed")
_MANY: Final = 16

Point = tuple[int, float]


def dag(layout: Layout, *, node_url: Callable[[int], str], group_url: Callable[[int], str], list_url: str) -> Markup:
    """Draw a workflow.

    Args:
        layout: Where its boxes stand.
        node_url: Address of a node's job, by its number.
        group_url: Address that shows the members of a group, or puts them together again, by the group's number.
        list_url: Address of a list of all nodes.
    """
    tallest = max((box.row for box in layout.boxes), default=0) + 1
    counts = Counter(box.layer for box in layout.boxes)
    # Short columns stand in the middle of tall ones.
    shift = {layer: (tallest - count) / 2 for layer, count in counts.items()}
    corners = [_corner(box, shift[box.layer]) for box in layout.boxes]
    width = _MARGIN * 2 + (max(counts, default=0) + 1) * (_BOX[0] + _GAP[0]) - _GAP[0]
    height = _MARGIN * 2 + tallest * (_BOX[1] + _GAP[1]) - _GAP[1]
    edges = Markup("").join(_joint(layout, corners, sources, targets) for sources, targets in layout.joints)
    boxes = Markup("").join(
        _box(box, corner, _target(box, node_url, group_url, list_url))
        for box, corner in zip(layout.boxes, corners, strict=True)
    )
    return Markup(
        '<svg class="graph" width="{}" height="{}" viewBox="0 0 {} {}" role="group" aria-label="Graph of {} boxes">'
        "{}{}</svg>"
    ).format(width, height, width, height, len(layout.boxes), edges, boxes)


def _corner(box: Box, shift: float) -> Point:
    return (
        _MARGIN + box.layer * (_BOX[0] + _GAP[0]),
        round(_MARGIN + (box.row + shift) * (_BOX[1] + _GAP[1]), 1),
    )


def _state(box: Box) -> str:
    """Return the state that says most of a box: what went wrong goes before what goes on."""
    return next((state for state in _WORST_FIRST if box.states.get(state)), next(iter(box.states), "pending"))


def _edge_class(source: Box | None, target: Box | None) -> str:
    """Say what passes between boxes; None for the point at which many meet."""
    if target is not None and "active" in target.states:
        return "edge edge-active"
    if source is not None and source.states.get("failed"):
        return "edge edge-failed"
    return "edge edge-completed" if source is not None and set(source.states) == {"completed"} else "edge"


def _joint(layout: Layout, corners: list[Point], sources: tuple[int, ...], targets: tuple[int, ...]) -> Markup:
    """Draw what leads from boxes to boxes; through one point where single lines would be too many."""
    starts = [(layout.boxes[one], (corners[one][0] + _BOX[0], corners[one][1] + _BOX[1] / 2)) for one in sources]
    ends = [(layout.boxes[one], (corners[one][0], corners[one][1] + _BOX[1] / 2)) for one in targets]
    if len(sources) > 1 and len(targets) > 1 and len(sources) * len(targets) > _MANY:
        point = (min(x for _, (x, _) in ends) - _GAP[0] // 3, _mean([y for _, (_, y) in (*starts, *ends)]))
        lines = [_edge(_edge_class(box, None), start, point) for box, start in starts]
        return Markup("").join((*lines, *(_edge(_edge_class(None, box), point, end) for box, end in ends)))
    return Markup("").join(
        _edge(_edge_class(source, target), start, end) for source, start in starts for target, end in ends
    )


def _edge(kind: str, start: Point, end: Point) -> Markup:
    (x1, y1), (x2, y2) = start, end
    middle = (x1 + x2) / 2
    return Markup('<path class="{}" d="M{} {}C{} {} {} {} {} {}"/>').format(
        kind, x1, y1, middle, y1, middle, y2, x2, y2
    )


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 1)


def _target(box: Box, node_url: Callable[[int], str], group_url: Callable[[int], str], list_url: str) -> str:
    if box.is_rest:
        return list_url
    many = len(box.nodes) > 1
    return group_url(box.group) if many and box.group is not None else node_url(box.nodes[0])


def _box(box: Box, corner: Point, url: str) -> Markup:
    x, y = corner
    state = _state(box)
    single = len(box.nodes) == 1
    name = box.task if single else f"{box.task} × {len(box.nodes):,}"
    told = ", ".join(f"{count:,} {one}" for one, count in box.states.items()) if not single else state
    first = f"#{box.nodes[0]} " if single else ""
    more = "and more: " if box.is_rest else ""
    return Markup(
        '<a class="box state-{}" href="{}" aria-label="{}"><title>{}</title>'
        '<rect x="{}" y="{}" width="{}" height="{}" rx="7"/>'
        '<rect class="bar" x="{}" y="{}" width="{}" height="{}" rx="2"/>'
        '<text x="{}" y="{}">{}</text><text class="small" x="{}" y="{}">{}</text></a>'
    ).format(
        state if state in _SYMBOLS else "pending",
        url,
        f"{more}{first}{name}: {told}",
        f"{more}{first}{name}: {told}",
        x, y, *_BOX,
        x + 6, y + 7, _BAR, _BOX[1] - 14,
        x + 18, y + 19, _short(name, _LONGEST),
        x + 18, y + 35, f"{_SYMBOLS.get(state, '○')} {more}{first}{_short(told, _LONGEST + 4)}",
    )  # fmt: skip


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
