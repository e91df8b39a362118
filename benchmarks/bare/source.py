"""The bare loop as a source of figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from taskora.benchmarking.figures import Scenario, percentile
from taskora.benchmarking.stage import Stage

from .loop import BareLoop
from .waking import latencies_ms

_WARM_UP: Final = 50
_FILL: Final = 500


class Bare:
    """The bare loop. Where we have several processes or another event loop, it stays the one loop that it is."""

    name = "bare"

    def run(self, scenario: Scenario, stage: Stage) -> Mapping[str, float]:
        """See ``Source``."""
        if scenario.name == "latency":
            return _latency(stage)
        found: dict[str, float] = {}
        for figure in scenario.figures:
            work = _WORK.get(figure.key)
            if work is None:
                continue
            stage.erase()
            loop = BareLoop(stage.url)
            try:
                found[figure.key] = work(loop, stage)
            finally:
                loop.close()
        return found


def _latency(stage: Stage) -> Mapping[str, float]:
    seen_ms = latencies_ms(stage.url, _WARM_UP + stage.many(500, 10))[_WARM_UP:]
    return {"latency-p50": percentile(seen_ms, 50), "latency-p99": percentile(seen_ms, 99)}


def _enqueue(batch: int) -> Callable[[BareLoop, Stage], float]:
    return lambda loop, stage: loop.fill(stage.many(4_000 if batch == 1 else 20_000, batch), batch)


def _process(batch: int) -> Callable[[BareLoop, Stage], float]:
    def run(loop: BareLoop, stage: Stage) -> float:
        jobs = stage.many(4_000 if batch == 1 else 20_000, batch)
        loop.fill(jobs, _FILL)
        return loop.drain(jobs, batch)

    return run


_WORK: Final[Mapping[str, Callable[[BareLoop, Stage], float]]] = {
    "enqueue-1": _enqueue(1),
    "enqueue-50": _enqueue(50),
    "enqueue-500": _enqueue(500),
    "process-1": _process(1),
    "process-10": _process(10),
    "process-100": _process(100),
    "process-1-uvloop": _process(1),
    "process-100-uvloop": _process(100),
    "fleet-2": _process(100),
    "waiting-bytes": lambda loop, stage: loop.waiting_bytes(stage.many(20_000, 100)),
}
