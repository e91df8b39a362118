"""What the size of a payload costs, beside the bare loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from bare.loop import BareLoop

from taskora.benchmarking.stage import Stage

from .comparison import Comparison
from .costs import Cost, Meter
from .works import Setting, Volume, enqueue_and_process

_AT_ONCE: Final = 10
_SIZES: Final = (("100 B", 100, 10_000), ("10 KB", 10_000, 4_000), ("1 MB", 1_000_000, 60))


def sized(stage: Stage, rounds: int, tell: Callable[[str], None]) -> Sequence[Comparison]:
    """Measure jobs whose payload, and so their result, is a text of so many bytes; the bare loop does the same."""
    found: list[Comparison] = []
    for title, size, jobs in _SIZES:
        volume = Volume(stage.many(jobs, 20), 2 * _AT_ONCE, _AT_ONCE, "x" * size)
        ours: list[Cost] = []
        bare: list[Cost] = []
        for turn in range(1, rounds + 1):
            tell(f"payload, {title} {turn}/{rounds}")
            stage.erase()
            ours.append(enqueue_and_process(stage, Setting(_AT_ONCE), volume)["process"])
            stage.erase()
            bare.append(bare_cost(stage, volume, _AT_ONCE)["process"])
        rate = 1e6 / min(cost.wall_us for cost in ours)
        speed = f"{title}, beside the bare loop; {rate:,.0f} jobs/s, {rate * size / 1e6:,.1f} MB/s each way"
        found.append(Comparison("payload", speed, "process, concurrency 10", ours, bare))
    return found


def bare_cost(stage: Stage, volume: Volume, at_once: int) -> Mapping[str, Cost]:
    """Store and do jobs by the bare loop, so many at once; gives what one costs to store, and what to do."""
    meter = Meter(stage)
    loop = BareLoop(stage.url)
    try:
        meter.begin()
        loop.fill(volume.jobs, volume.a_call, volume.payload)
        meter.end()
        stored = meter.cost(volume.jobs)
        meter.begin()
        loop.drain(volume.jobs, at_once)
        meter.end()
    finally:
        loop.close()
        meter.close()
    return {"enqueue": stored, "process": meter.cost(volume.jobs)}
