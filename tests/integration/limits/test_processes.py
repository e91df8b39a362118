"""Limits over real processes that are killed."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from integration.engine.kit import Engine
from integration.limits.fleet_app import ALONE, KEYED, make_app
from support import Program, Server, Spawn, wait_until
from support.evidence import Evidence
from taskora import Job, Taskora

TESTS = Path(__file__).resolve().parents[2]
EVERY_S = 0.4


def start(spawn: Spawn, told: dict[str, str]) -> Program:
    path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
    program = spawn(
        [sys.executable, "-P", "-m", "taskora.supervisor", "--procs", "4", "--max-crashes", "100",
         "integration.limits.fleet_app:taskora"],
        env={"PYTHONPATH": path, "LIMITS": json.dumps(told)},
    )  # fmt: skip
    wait_until(lambda: program.log().count("is ready") >= 5, 20, "the fleet should get ready")
    return program


def kill_until_completed(program: Program, app: Taskora, task: str, count: int) -> dict[int, int]:
    """Kills a worker now and then until so many jobs are completed; their ids with the time before the kill."""
    dice, killed, began_s, last_s = random.Random(7), dict[int, int](), time.monotonic(), time.monotonic()
    while app.adapter.jobs.stats(task).run().completed < count:
        assert time.monotonic() - began_s < 60, f"{app.adapter.jobs.stats(task).run()}\n{program.log()[-4000:]}"
        if time.monotonic() - last_s >= EVERY_S:
            children = {process.pid for process in program.members()} - {program.pid}
            records = app.adapter.house.workers().run()
            workers = [each.pid for each in records if each.role == "worker" and each.pid in children]
            if len(workers) >= 2:
                pid, last_s = dice.choice(workers), time.monotonic()
                killed[pid] = time.monotonic_ns()
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    return killed


def most_at_a_time(evidence: Evidence, task: str, killed: dict[int, int]) -> int:
    """How many runs overlapped. A run that was killed lasted until then."""
    moments: list[tuple[int, int]] = []
    for run in evidence.runs(task):
        end_ns = run.end.at_ns if run.end else killed[run.start.pid]
        # A process that was killed right behind its note ran no longer.
        moments += [(run.start.at_ns, 1), (max(end_ns, run.start.at_ns), -1)]
    most = running = 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    return most


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("task", "count", "limit"), [(KEYED, 200, 3), (ALONE, 60, 1)])
def test_w31_a_limit_holds_over_four_processes_that_are_killed(
    server: Server, prefix: str, spawn: Spawn, tmp_path: Path, engine: Engine, task: str, count: int, limit: int
) -> None:
    """W31."""
    told = {"url": server.url, "prefix": prefix, "folder": str(tmp_path / "evidence")}
    app = make_app(**told)
    try:
        key = "account" if task == KEYED else None
        app.tasks[task].dispatch_many([Job(n, concurrency_key=key) for n in range(count)])
        program = start(spawn, told)
        killed = kill_until_completed(program, app, task, count)
        program.terminate()
        assert program.wait(20) == 0, program.log()[-4000:]
        assert app.adapter.jobs.stats(task).run().active == 0
    finally:
        app.close()
    evidence = Evidence(tmp_path / "evidence")
    assert len(killed) >= 2
    assert 1 <= most_at_a_time(evidence, task, killed) <= limit
    if limit > 1:
        assert most_at_a_time(evidence, task, killed) == limit, "what is allowed is used"
    evidence.assert_each_completed(task, range(count))
    evidence.assert_repeats_only_after(task, killed)
    left = [
        name
        for kind in ("conc:*", "holders:*", "blocked:*", "ready:*", "blocked", "limited")
        for name in engine.raw.scan_iter(engine.key(task, kind), count=1000)
    ]
    assert left == []
