"""What a node of a wide workflow costs, beside one of many narrow ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Literal

from taskora import Taskora
from taskora.benchmarking.stage import Stage
from taskora.workflows import Bound, chord

from .comparison import Comparison
from .costs import Cost, Meter

_NARROW: Final = 100
_WIDE: Final = (1_000, 10_000)
_CONCURRENCY: Final = 100
_PATIENCE_S: Final = 120.0


def wide(stage: Stage, rounds: int, tell: Callable[[str], None]) -> Sequence[Comparison]:
    """Measure chords with as many nodes in all, a few wide ones beside many of a hundred nodes."""
    total = stage.many(max(_WIDE), 1_000)
    widths = [width for width in _WIDE if width <= total]
    costs: dict[int, list[Cost]] = {width: [] for width in (_NARROW, *widths)}
    for turn in range(1, rounds + 1):
        tell(f"workflow {turn}/{rounds}")
        for width, found in costs.items():
            stage.erase()
            found.append(_node(stage, width, total // width))
    title = "chord of {:,} nodes, beside chords of 100"
    return [
        Comparison("workflow", title.format(width), "a node, stored and done", costs[width], costs[_NARROW])
        for width in widths
    ]


def _node(stage: Stage, width: int, count: int) -> Cost:
    return cost_of_node(stage, "chord", width, count)


def cost_of_node(stage: Stage, kind: Literal["chord", "chain"], width: int, count: int) -> Cost:
    """Measure so many chords or chains of so many nodes; gives what one node costs, stored and done."""
    meter = Meter(stage)
    try:
        asyncio.run(_run(stage, kind, width, count, meter))
    finally:
        meter.close()
    return meter.cost(width * count)


async def _run(stage: Stage, kind: Literal["chord", "chain"], width: int, count: int, meter: Meter) -> None:
    app = stage.app()
    compose = _chords(app, width) if kind == "chord" else _chains(app, width)
    expected = sum(range(width - 1)) if kind == "chord" else width
    try:
        await app.connect_async()
        meter.begin()
        handles = [await compose().dispatch() for _ in range(count)]
        await app.start()
        for handle in handles:
            total = await handle.result_async(_PATIENCE_S)
            assert total == expected, f"a {kind} gave {total}"
        meter.end()
    finally:
        await app.close_async()


def _chains(app: Taskora, length: int) -> Callable[[], Bound[int]]:
    @app.task("step", concurrency=_CONCURRENCY)
    async def step(value: int) -> int:
        return value + 1

    flow: Bound[int] = step.s(0)
    for _ in range(length - 1):
        flow = flow | step.s()
    return lambda: flow


def _chords(app: Taskora, width: int) -> Callable[[], Bound[int]]:
    @app.task("part", concurrency=_CONCURRENCY)
    async def part(value: int) -> int:
        return value

    @app.task("whole", concurrency=_CONCURRENCY)
    async def whole(values: list[int]) -> int:
        return sum(values)

    return lambda: chord([part.s(value) for value in range(width - 1)], whole.s())
