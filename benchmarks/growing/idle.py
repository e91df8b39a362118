"""What a fleet without jobs takes: CPU time and memory of each kind of process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from taskora.benchmarking.fleet import fleet, worker_pids
from taskora.benchmarking.stage import Stage

_CHILDREN: Final = 8
_WARM_UP_S: Final = 5.0
_WATCHED_S: Final = 20.0
_MEGABYTE: Final = 1e6


@dataclass(frozen=True, slots=True)
class Reading:
    """One number, and what it may be at most.

    Attributes:
        title: What it is.
        value: The number.
        unit: Of it.
        limit: At most so much; None where nothing is demanded.
    """

    title: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether it is within the limit; None where there is none."""
        return None if self.limit is None else self.value <= self.limit


def idle(stage: Stage, tell: Callable[[str], None]) -> Sequence[Reading]:
    """Watch a fleet of eight, without and with ``--preload``, whose processes all are ready."""
    found: list[Reading] = []
    for name, options in (("8 children", ()), ("8 children, --preload", ("--preload",))):
        tell(f"idle, {name}")
        stage.erase()
        app = stage.app()
        try:
            with fleet(stage, _CHILDREN, *options) as running:
                time.sleep(stage.many(round(_WARM_UP_S * 10), 1) / 10)
                found += _watch(name, running.process.pid, worker_pids(app.inspect()), stage, bool(options))
        finally:
            app.close()
    return found


def _watch(name: str, master: int, workers: Sequence[int], stage: Stage, preloaded: bool) -> list[Reading]:
    family = [child.pid for child in psutil.Process(master).children(recursive=True)]
    others = [pid for pid in family if pid not in workers]
    before = {pid: cpu_s(pid) for pid in (master, *family)}
    began_s = time.perf_counter()
    time.sleep(stage.many(round(_WATCHED_S * 10), 1) / 10)
    passed_s = time.perf_counter() - began_s
    share = {pid: (cpu_s(pid) - before[pid]) / passed_s * 100 for pid in before}
    memory = [psutil.Process(pid).memory_full_info() for pid in workers]
    return [
        Reading(f"{name}: CPU of the master", share[master], "% of a core", 0.5),
        Reading(f"{name}: CPU of a child", statistics.mean(share[pid] for pid in workers), "% of a core", 0.3),
        Reading(f"{name}: CPU of the steward and others", sum(share[pid] for pid in others), "% of a core"),
        Reading(f"{name}: RSS of a child", statistics.mean(of.rss for of in memory) / _MEGABYTE, "MB", 45.0),
        Reading(f"{name}: PSS of a child", statistics.mean(of.pss for of in memory) / _MEGABYTE, "MB"),
        Reading(
            f"{name}: USS of a child",
            statistics.mean(of.uss for of in memory) / _MEGABYTE,
            "MB",
            20.0 if preloaded else None,
        ),
    ]


def cpu_s(pid: int) -> float:
    """CPU time of all threads of a process, in seconds, to the nanosecond."""
    spent_ns = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        spent_ns += int((thread / "schedstat").read_text().split()[0])
    return spent_ns / 1e9
