"""A fleet that works for long needs no more memory than one that has just begun.

`make soak JOBS=1000000` is the long form; both print what they measured.
"""

import os
import time
from dataclasses import dataclass

import psutil
import pytest

from acceptance.fleet.fleets import Harbour
from acceptance.fleet.harbour import Cargo
from support import Program
from taskora.supervisor.memory import resident_bytes

JOBS = int(os.environ.get("TASKORA_SOAK_JOBS", "8000"))
WARM_UP = max(JOBS // 5, 4000)
A_BATCH = 1000
MOST_WAITING = 10_000
# Of every ten jobs: most do nothing, some in a thread, some fail twice, some run out of time.
MIX = ("nothing",) * 6 + ("nothing-in-a-thread",) * 2 + ("refuse", "too-late")
MB = 1_000_000
MOST_MASTER, MOST_CHILD = 2 * MB, 5 * MB


@dataclass(frozen=True, slots=True)
class Sample:
    """What each process needs at a moment: RSS and PSS in bytes, by the process's name."""

    done: int
    at_s: float
    rss: dict[str, int]
    pss: dict[str, int]

    def line(self) -> str:
        parts = [f"{name} {self.rss[name] / MB:.2f} ({self.pss[name] / MB:.2f})" for name in self.rss]
        return f"{self.done:>9,} jobs {self.at_s:6.0f} s  {'  '.join(parts)}"


def _sample(names: dict[str, int], done: int, began_s: float) -> Sample:
    rss = {name: psutil.Process(pid).memory_info().rss for name, pid in names.items()}
    pss = {name: resident_bytes(pid) or 0 for name, pid in names.items()}
    return Sample(done, time.monotonic() - began_s, rss, pss)


def _names(harbour: Harbour, fleet: Program) -> dict[str, int]:
    workers = harbour.wait_workers(fleet, 2)
    named = {f"child {record.extra['slot']}": record.pid for record in workers}
    return {"master": fleet.pid, "steward": harbour.steward(fleet).pid, **named}


def _done(harbour: Harbour) -> int:
    stats = [harbour.stats(task) for task in dict.fromkeys(MIX)]
    # What was trimmed is not counted any more: those that still wait tell how many are done.
    return -sum(one.waiting + one.active + one.delayed for one in stats)


def _feed(harbour: Harbour, names: dict[str, int]) -> list[Sample]:
    """Dispatch all jobs, a few thousand ahead of the workers, and look at the processes every now and then."""
    began_s, samples, sent = time.monotonic(), list[Sample](), 0
    step = max(A_BATCH, JOBS // 40)
    while True:
        done = sent + _done(harbour)
        if done >= (samples[-1].done if samples else 0) + step or done == JOBS:
            samples.append(_sample(names, done, began_s))
        if done == JOBS:
            return samples
        if sent < JOBS and sent - done < MOST_WAITING:
            for at, task in enumerate(MIX):
                count = A_BATCH // len(MIX)
                jobs: list[Cargo] = [{"key": sent + at * count + n, "takes": 0.0} for n in range(count)]
                list(harbour.task(task).dispatch_many(jobs))
            sent += A_BATCH
        else:
            time.sleep(0.05)


@pytest.mark.timeout(120 + JOBS // 200)
def test_memory_stays_flat_over_many_jobs(harbour: Harbour) -> None:
    assert JOBS % A_BATCH == 0, "JOBS must be a multiple of 1,000"
    harbour.set_up(kept=100)
    # Thousands of failures are logged with their tracebacks, by default.
    fleet = harbour.start("--procs", "2", "--concurrency", "20", "--log-level", "critical", tests_ready=False)
    names = _names(harbour, fleet)
    samples = _feed(harbour, names)
    for sample in samples:
        print(sample.line())
    warm = next(sample for sample in samples if sample.done >= WARM_UP)
    growth = {name: samples[-1].rss[name] - warm.rss[name] for name in names}
    print(
        "growth of RSS after", f"{warm.done:,} jobs:", {name: f"{grown / MB:+.2f} MB" for name, grown in growth.items()}
    )
    assert psutil.Process(fleet.pid).num_threads() == 1
    assert growth.pop("master") < MOST_MASTER
    assert max(growth.values()) < MOST_CHILD, growth
    assert harbour.stop(fleet) == 0
