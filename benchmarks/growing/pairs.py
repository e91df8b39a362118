"""With and without a load, in turns, on two servers: what is laid beside the work is made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from taskora.benchmarking.stage import Stage

from .comparison import Comparison
from .costs import Cost
from .loads import Load
from .works import Setting, Volume, enqueue_and_process

_JOBS: Final = 20_000
_EDGE: Final = 1_000
_TITLES: Final[Mapping[str, str]] = {
    "enqueue": "enqueue, 100 a call",
    "process": "process, concurrency 100",
}


@dataclass(frozen=True, slots=True)
class Stages:
    """Two servers.

    Attributes:
        plain: For the work alone.
        loaded: For the work beside something.
    """

    plain: Stage
    loaded: Stage


def beside(load: Load, stages: Stages, rounds: int, tell: Callable[[str], None]) -> Sequence[Comparison]:
    """Measure the same work beside a load and without it."""
    volume = Volume(stages.plain.many(_JOBS, 1_000), _EDGE)
    found: list[Mapping[str, Cost]] = []
    without: list[Mapping[str, Cost]] = []

    def do(stage: Stage, setting: Setting, costs: list[Mapping[str, Cost]]) -> None:
        if not load.lay:
            stage.erase()
        costs.append(enqueue_and_process(stage, setting, volume))

    # What earlier rounds left is on both, and retention removes it from both.
    stages.plain.erase()
    stages.loaded.erase()
    tell(f"{load.name}: preparing")
    with load.lay(stages.loaded) if load.lay else nullcontext():
        for turn in range(1, rounds + 1):
            tell(f"{load.name} {turn}/{rounds}")
            # Who comes second finds a machine that is warm.
            both = [(stages.plain, load.base, without), (stages.loaded, load.setting, found)]
            for stage, setting, costs in both if turn % 2 else reversed(both):
                do(stage, setting, costs)
    stages.loaded.erase()
    return [
        Comparison(load.name, load.title, title, [costs[work] for costs in found], [costs[work] for costs in without])
        for work, title in _TITLES.items()
    ]
