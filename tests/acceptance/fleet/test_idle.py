"""A fleet without jobs takes next to nothing of the machine.

Others use the machine meanwhile, which adds to CPU times, so these may be three times what `make growth ARGS="--only
idle"` holds them to on a quiet one; what is in memory is the same everywhere.
"""

import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from acceptance.fleet.fleets import TESTS, Harbour
from support import wait_until

CHILDREN = 8
WATCHED_S = 5.0
MASTER_PERCENT = 3 * 0.5
CHILD_PERCENT = 3 * 0.3
CHILD_RSS = 45e6
CHILD_OWN_PRELOADED = 20e6


def cpu_s(pid: int) -> float:
    """CPU time of all threads of a process, to the nanosecond."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def percent_of_a_core(pids: Sequence[int]) -> dict[int, float]:
    began_s, before = time.monotonic(), {pid: cpu_s(pid) for pid in pids}
    wait_until(lambda: time.monotonic() - began_s >= WATCHED_S, 60.0)
    passed_s = time.monotonic() - began_s
    return {pid: (cpu_s(pid) - before[pid]) / passed_s * 100 for pid in pids}


@pytest.mark.parametrize("preload", [False, True])
def test_an_idle_fleet_takes_next_to_no_cpu_and_little_memory(harbour: Harbour, preload: bool, tmp_path: Path) -> None:
    # The client library imports it wherever it is installed, as it is for our tests: another four megabytes.
    (tmp_path / "opentelemetry.py").write_text("raise ImportError('it is not to be had here')")
    path = os.pathsep.join((str(tmp_path), str(TESTS)))
    options = ["--procs", str(CHILDREN), *(["--preload"] if preload else [])]
    fleet = harbour.start(*options, env={"PYTHONPATH": path})
    children = [record.pid for record in harbour.wait_workers(fleet, CHILDREN)]
    share = percent_of_a_core([fleet.pid, *children])
    assert share[fleet.pid] < MASTER_PERCENT
    # Each of them does the same; what one of them paid for its neighbours on the machine is not theirs.
    assert statistics.median(share[pid] for pid in children) < CHILD_PERCENT
    memory = [psutil.Process(pid).memory_full_info() for pid in children]
    assert max(of.rss for of in memory) < CHILD_RSS
    if preload:
        assert max(of.uss for of in memory) < CHILD_OWN_PRELOADED
