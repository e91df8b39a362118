"""How a worker child counts its runs and watches its event loop; only when somebody may ask."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from taskora.model import Settled
from taskora.worker.run import Run

from .tallies import Area

_SAMPLES: Final = 100  # of a beat each: ten seconds


def counter_of(area: Area, tasks: Iterable[str]) -> Callable[[Run, Settled], None]:
    """What a worker is to call with each run and its outcome."""
    observers = {task: area.observer(task) for task in tasks}
    now_s = time.monotonic

    def count(run: Run, outcome: Settled) -> None:
        job = run.job
        waited_ms = job.processed_ms - job.ts_ms if job.attempt == 1 else None
        observers[job.task](outcome.verb, now_s() - run.started_s, waited_ms)

    return count


class LoopLag:
    """The most by which an event loop was late.

    Args:
        area: Where it is noted; None for nowhere.
        period_s: How long the loop is asked to wait each time.
    """

    __slots__ = ("_area", "_began_s", "_late_s", "_period_s")

    def __init__(self, area: Area | None, period_s: float) -> None:
        self._area = area
        self._period_s = period_s
        self._began_s = 0.0
        self._late_s: deque[float] = deque(maxlen=_SAMPLES)

    def turn(self) -> None:
        """Called once each period, before the wait."""
        if self._area is None:
            return
        now_s = time.monotonic()
        if self._began_s:
            self._late_s.append(now_s - self._began_s - self._period_s)
            self._area.set_lag(max(self._late_s))
        self._began_s = now_s
