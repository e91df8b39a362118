"""Where the time of a job goes: to the server, to this process, or in waiting for each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from taskora.benchmarking.stage import Stage

from .costs import Cost
from .nodes import cost_of_node
from .payloads import bare_cost
from .works import Setting, Volume, enqueue_and_process

_WORKS: Final = ((1, 1, 3_000), (50, 10, 10_000), (500, 100, 20_000))
_WORKFLOWS: Final[Sequence[tuple[Literal["chain", "chord"], int, int]]] = (("chain", 10, 300), ("chord", 101, 30))


@dataclass(frozen=True, slots=True)
class Share:
    """What a job cost, in the round in which it was done soonest.

    Attributes:
        work: What was done.
        source: By whom.
        cost: Of a job.
    """

    work: str
    source: str
    cost: Cost


def shared(stage: Stage, rounds: int, tell: Callable[[str], None]) -> Sequence[Share]:
    """Measure how a job's time is shared, with the bare loop beside it where that can do the same."""
    costs: dict[tuple[str, str], list[Cost]] = {}
    for turn in range(1, rounds + 1):
        for a_call, at_once, count in _WORKS:
            tell(f"share, {a_call} a call, {at_once} at once {turn}/{rounds}")
            volume = Volume(stage.many(count, 10 * a_call), 2 * at_once, a_call)
            stage.erase()
            ours = enqueue_and_process(stage, Setting(at_once), volume)
            stage.erase()
            bare = bare_cost(stage, volume, at_once)
            for key, work in (("enqueue", f"enqueue, {a_call} a call"), ("process", f"process, concurrency {at_once}")):
                for source, found in (("taskora", ours), ("bare", bare)):
                    costs.setdefault((work, source), []).append(found[key])
        for kind, width, count in _WORKFLOWS:
            tell(f"share, {kind} {turn}/{rounds}")
            stage.erase()
            work = f"a node in {kind}s of {width}, stored and done"
            costs.setdefault((work, "taskora"), []).append(cost_of_node(stage, kind, width, stage.many(count)))
    return [Share(work, source, min(found, key=lambda cost: cost.wall_us)) for (work, source), found in costs.items()]
