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


def dag(layout: Layout, *, node_url: Callable[[int], str], group_url: Callable[[int], str]) -> Markup:
    """Draw a workflow.

    Args:
        layout: Where its boxes stand.
        node_url: Address of a node's job, by its number.
        group_url: Address that shows the members of a group, or puts them together again, by the group's number.
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
        _box(box, corner, node_url, group_url) for box, corner in zip(layout.boxes, corners, strict=True)
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


def _edge_class(layout: Layout, sources: tuple[int, ...], targets: tuple[int, ...]) -> str:
    if any("active" in layout.boxes[target].states for target in targets):
        return "edge edge-active"
    done = all(set(layout.boxes[source].states) == {"completed"} for source in sources)
    return "edge edge-completed" if done else "edge"


def _joint(layout: Layout, corners: list[Point], sources: tuple[int, ...], targets: tuple[int, ...]) -> Markup:
    """Draw what leads from boxes to boxes; through one point where single lines would be too many."""
    kind = _edge_class(layout, sources, targets)
    starts = [(corners[source][0] + _BOX[0], corners[source][1] + _BOX[1] / 2) for source in sources]
    ends = [(corners[target][0], corners[target][1] + _BOX[1] / 2) for target in targets]
    if len(sources) > 1 and len(targets) > 1 and len(sources) * len(targets) > _MANY:
        point = (min(x for x, _ in ends) - _GAP[0] // 3, _mean([y for _, y in (*starts, *ends)]))
        pairs = [*((start, point) for start in starts), *((point, end) for end in ends)]
    else:
        pairs = [(start, end) for start in starts for end in ends]
    return Markup("").join(
        Markup('<path class="{}" d="M{} {}C{} {} {} {} {} {}"/>').format(
            kind, x1, y1, (x1 + x2) / 2, y1, (x1 + x2) / 2, y2, x2, y2
        )
        for (x1, y1), (x2, y2) in pairs
    )


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 1)


def _box(box: Box, corner: Point, node_url: Callable[[int], str], group_url: Callable[[int], str]) -> Markup:
    (x, y), state = corner, _state(box)
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
        node_url(box.nodes[0]) if single or box.group is None or box.is_rest else group_url(box.group),
        f"{more}{first}{name}: {told}",
        f"{more}{first}{name}: {told}",
        x, y, *_BOX,
        x + 6, y + 7, _BAR, _BOX[1] - 14,
        x + 18, y + 19, _short(name, _LONGEST),
        x + 18, y + 35, f"{_SYMBOLS.get(state, '○')} {more}{first}{_short(told, _LONGEST + 4)}",
    )  # fmt: skip


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
