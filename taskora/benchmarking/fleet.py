"""Processes of ours beside the one that measures: a supervised fleet, a single worker, a feeder."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil

from taskora.inspector import Inspector

from .gate import GATE_VARIABLE, open_gate, waiting_at
from .stage import BenchError, Stage

TARGET: Final = "taskora.benchmarking.app:taskora"
_READY_S: Final = 60.0
_DRAIN_S: Final = 15.0
_LOOK_S: Final = 0.002
_SHOWN_LINES: Final = 8


@dataclass(frozen=True, slots=True)
class Running:
    """A process that was started.

    Attributes:
        process: It.
        log: What it writes.
    """

    process: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, what: str, holds: Callable[[], bool], timeout_s: float = _READY_S) -> None:
        """Wait for a condition, while the process runs.

        Raises:
            BenchError: The process ended, or the condition does not hold in time.
        """
        deadline_s = time.monotonic() + timeout_s
        while not holds():
            if self.process.poll() is not None:
                raise self._error(f"a process ended with code {self.process.returncode} before {what}")
            if time.monotonic() > deadline_s:
                raise self._error(f"after {timeout_s:.0f} s: not yet {what}")
            time.sleep(_LOOK_S)

    def end(self) -> None:
        """End it with all its children: in order, else by force."""
        family = _family(self.process.pid)
        self.process.terminate()
        try:
            self.process.wait(_DRAIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for process in family:
            if process.is_running():
                process.kill()

    def _error(self, what: str) -> BenchError:
        return BenchError("\n".join([what, *self.log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]]))


@contextmanager
def program(stage: Stage, command: Sequence[str], variables: dict[str, str] | None = None) -> Generator[Running]:
    """Run a program with the stage's environment; it ends with this."""
    log = stage.folder / f"{uuid4().hex[:8]}.log"
    environment = stage.environment | (variables or {})
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    running = Running(process, log)
    try:
        yield running
    finally:
        running.end()


@contextmanager
def fleet(stage: Stage, procs: int, *options: str) -> Generator[Running]:
    """Run a supervised fleet of `app`; ready when all its workers are registered."""
    with program(stage, _supervise(procs, options)) as running:
        with _inspecting(stage) as inspector:
            running.wait_until("all workers were ready", lambda: len(worker_pids(inspector)) == procs)
        yield running


@contextmanager
def gated_fleet(stage: Stage, procs: int, *options: str) -> Generator[tuple[Running, Callable[[], None]]]:
    """Run a fleet whose processes are loaded and wait; gives what lets them all begin."""
    gate = stage.folder / f"gate-{uuid4().hex[:8]}"
    gate.mkdir()
    with program(stage, _supervise(procs, options), {GATE_VARIABLE: str(gate)}) as running:
        # The workers and the supervisor's own process that loads the application.
        running.wait_until("all processes were loaded", lambda: waiting_at(gate) > procs)
        try:
            yield running, partial(open_gate, gate)
        finally:
            open_gate(gate)


@contextmanager
def worker(stage: Stage) -> Generator[Running]:
    """Run a single worker of `app` without a supervisor; ready when it is registered."""
    with program(stage, [sys.executable, "-m", "taskora.benchmarking.app"]) as running:
        with _inspecting(stage) as inspector:
            running.wait_until("the worker was ready", lambda: bool(worker_pids(inspector)))
        yield running


def worker_pids(inspector: Inspector) -> list[int]:
    """Process ids of the workers that are registered."""
    return [record.pid for record in inspector.workers() if record.role == "worker"]


def _supervise(procs: int, options: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "taskora.supervisor", "--procs", str(procs), *options, TARGET]


@contextmanager
def _inspecting(stage: Stage) -> Generator[Inspector]:
    app = stage.app()
    try:
        yield app.inspect()
    finally:
        app.close()


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
