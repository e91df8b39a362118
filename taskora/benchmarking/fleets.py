"""What a supervised fleet does: work on several CPUs, start, need memory, survive a kill."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil

from taskora.app import Taskora

from .fleet import Running, fleet, gated_fleet, program, worker_pids
from .processing import fill
from .stage import BenchError, Stage

_PATIENCE_S: Final = 120.0
_LOOK_S: Final = 0.01
_BURN_ROUNDS: Final = 60_000  # some milliseconds
_MEGABYTE: Final = 1e6


def throughput(stage: Stage) -> Mapping[str, float]:
    """Have two children work off waiting jobs, 100 at once in each; jobs a second."""
    return {"fleet-2": _rate(stage, 2, "echo", stage.many(30_000), None)}


def scaling(stage: Stage) -> Mapping[str, float]:
    """Divide what two children do of CPU-bound jobs by what one does; nothing where there is one CPU."""
    if len(os.sched_getaffinity(0)) < 2:
        return {}
    jobs = stage.many(600, 20)
    one = _rate(stage, 1, "burn", jobs, _BURN_ROUNDS)
    stage.erase()
    return {"cpu-scaling": _rate(stage, 2, "burn", jobs, _BURN_ROUNDS) / one}


def recovery(stage: Stage) -> Mapping[str, float]:
    """Kill a child in the middle of a job; ms until the job runs again in another process."""
    note = stage.folder / f"victim-{uuid4().hex[:8]}"
    app = stage.app()
    try:
        with fleet(stage, 2) as running:
            handle = app.find_task("victim").dispatch(str(note))
            running.wait_until("the job ran", lambda: len(_notes(note)) == 1)
            ((pid, _),) = _notes(note)
            psutil.Process(pid).kill()
            killed_s = time.perf_counter()
            running.wait_until("the job ran again", lambda: len(_notes(note)) == 2)
            handle.result(_PATIENCE_S)
            again_pid, again_s = _notes(note)[1]
    finally:
        app.close()
    if again_pid == pid:
        raise BenchError(f"the job of the killed process {pid} ran again in the same one")
    return {"recovery": (again_s - killed_s) * 1000}


def memory(stage: Stage) -> Mapping[str, float]:
    """Say what an idle child needs, its share of what it shares included, without and with ``--preload``."""
    found: dict[str, float] = {}
    for key, options in (("child-memory", ()), ("child-memory-preload", ("--preload",))):
        app = stage.app()
        try:
            with fleet(stage, 2, *options):
                pids = worker_pids(app.inspect())
                found[key] = statistics.mean(psutil.Process(pid).memory_full_info().pss for pid in pids) / _MEGABYTE
        finally:
            app.close()
        stage.erase()
    return found


def start_up(stage: Stage) -> Mapping[str, float]:
    """Start a fleet of eight; seconds until all children are ready."""
    start_s = time.perf_counter()
    with fleet(stage, 8):
        return {"start-8": time.perf_counter() - start_s}


def import_time(stage: Stage) -> Mapping[str, float]:
    """Import the package in a fresh interpreter; ms without the interpreter's own start."""
    out = stage.folder / f"import-{uuid4().hex[:8]}"
    code = (
        "import sys, time; start = time.perf_counter(); import taskora; took = time.perf_counter() - start; "
        "open(sys.argv[1], 'w').write(str(took * 1000))"
    )
    with program(stage, [sys.executable, "-c", code, str(out)]) as running:
        running.process.wait(_PATIENCE_S)
    return {"import": float(out.read_text())}


def _rate(stage: Stage, procs: int, task: str, jobs: int, payload: object) -> float:
    app = stage.app()
    try:
        asyncio.run(_fill(stage, task, jobs, payload))
        with gated_fleet(stage, procs) as (running, begin):
            begin()
            return _watch(app, running, task, jobs)
    finally:
        app.close()


async def _fill(stage: Stage, task: str, jobs: int, payload: object) -> None:
    app = stage.app()
    try:
        await fill(app.find_task(task), jobs, payload)
    finally:
        await app.close_async()


def _watch(app: Taskora, running: Running, task: str, jobs: int) -> float:
    """Look how many jobs are left until none is; jobs a second from the first look that found fewer."""
    inspector = app.inspect()
    first_left, first_s, last_s = jobs, 0.0, 0.0

    def is_done() -> bool:
        nonlocal first_left, first_s, last_s
        stats = inspector.stats(task)
        last_s = time.perf_counter()
        left = stats.waiting + stats.active + stats.delayed
        if not first_s and left < jobs:
            first_left, first_s = left, last_s
        if left:
            time.sleep(_LOOK_S)
        return not left

    running.wait_until("all jobs were done", is_done, _PATIENCE_S)
    completed = sum(span.completed for span in inspector.throughput(task))
    if completed != jobs or not first_left:
        raise BenchError(
            f"{jobs:,} jobs were dispatched to the fleet, {completed:,} are completed; {first_left:,} seen"
        )
    return first_left / (last_s - first_s)


def _notes(path: Path) -> list[tuple[int, float]]:
    if not path.exists():
        return []
    lines = [line.split() for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [(int(pid), float(at_s)) for pid, at_s in lines]
