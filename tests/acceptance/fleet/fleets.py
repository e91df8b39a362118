"""Starts real fleets over the application of `harbour` and looks at them."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import psutil

from acceptance.fleet.harbour import Cargo, Settings, make_app
from support import Cluster, Program, Server, Spawn, wait_until
from taskora import QueueStats, ResultHandle, Task, Taskora, WorkerRecord
from taskora.function_task import AnyTask

TESTS = Path(__file__).resolve().parents[2]
T = TypeVar("T")


class Harbour:
    """A test's server, application and fleets."""

    def __init__(self, store: Server | Cluster, spawn: Spawn, folder: Path) -> None:
        self._store = store
        self.folder = folder
        self._spawn = spawn
        self._app: Taskora | None = None
        self.programs: list[Program] = []
        self.settings = Settings(url=store.url, folder=str(folder))
        self.evidence = self.settings.evidence

    @property
    def store(self) -> Server:
        """The server, of tests that do something to it; a cluster has several."""
        assert isinstance(self._store, Server)
        return self._store

    def set_up(self, **settings: Any) -> None:
        """Change the settings; before everything else."""
        assert self._app is None
        self.settings = replace(self.settings, **settings)

    @property
    def app(self) -> Taskora:
        """The test's own application."""
        if self._app is None:
            self._app = make_app(self.settings)
        return self._app

    def close(self) -> None:
        """Close the test's connections."""
        if self._app is not None:
            self._app.close()

    # -- jobs

    def task(self, name: str) -> AnyTask:
        return self.app.tasks[name]

    @property
    def square(self) -> Task[Cargo, int]:
        return self.app.tasks["square"]

    @property
    def total(self) -> Task[list[int], int]:
        return self.app.tasks["total"]

    def dispatch(self, task: str, keys: Iterable[int], takes: float = 0.0) -> list[ResultHandle[Any]]:
        """Dispatch one job a key."""
        jobs: list[Cargo] = [{"key": key, "takes": takes} for key in keys]
        return list(self.task(task).dispatch_many(jobs))

    def stats(self, task: str) -> QueueStats:
        return self.app.adapter.jobs.stats(task).run()

    def wait_completed(self, task: str, count: int, timeout: float = 30.0) -> None:
        """Wait until so many jobs of the task are completed."""
        self.wait(lambda: self.stats(task).completed >= count, f"{count} of {task} should complete", timeout)

    def wait_started(self, task: str, count: int, timeout: float = 10.0, among: Iterable[int] | None = None) -> None:
        """Wait until so many runs have begun; of certain jobs only, if they are named."""
        keys = None if among is None else {str(key) for key in among}

        def begun() -> bool:
            notes = self.evidence.notes("start", task)
            return sum(keys is None or note.key in keys for note in notes) >= count

        self.wait(begun, f"{count} of {task} should run", timeout)

    # -- fleets

    def start(
        self,
        *options: str,
        tests_ready: bool = True,
        target: str = "acceptance.fleet.harbour:taskora",
        prefix: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> Program:
        """Start a supervisor, behind a command that gives it its surroundings; returns once all are ready."""
        path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
        argv = [*prefix, sys.executable, "-P", "-m", "taskora.supervisor", *options, target]
        program = self._spawn(argv, env={"PYTHONPATH": path, **self.settings.environ(), **(env or {})})
        # A supervisor's own log has its name, whatever order they end in.
        self.programs.append(program)
        if tests_ready:
            procs = int(options[options.index("--procs") + 1])
            self.wait(lambda: program.log().count("is ready") >= procs + 1, "the fleet should get ready", 15)
        return program

    def workers(self, program: Program) -> list[WorkerRecord]:
        """The fleet's living workers, as registered."""
        children = set(self.children(program))
        return [r for r in self.app.adapter.house.workers().run() if r.role == "worker" and r.pid in children]

    def steward(self, program: Program) -> WorkerRecord:
        """The fleet's steward, once it is registered."""

        def find() -> WorkerRecord | None:
            children = set(self.children(program))
            records = self.app.adapter.house.workers().run()
            return next((r for r in records if r.role == "steward" and r.pid in children), None)

        found = self.wait(find, "the steward should be registered")
        assert found is not None
        return found

    def wait_workers(self, program: Program, count: int) -> list[WorkerRecord]:
        """Wait until so many workers of the fleet are registered."""
        self.wait(lambda: len(self.workers(program)) >= count, f"{count} workers should be registered")
        return sorted(self.workers(program), key=lambda record: record.pid)

    def children(self, program: Program) -> list[int]:
        """Ids of the living processes below the master."""
        return [process.pid for process in program.members() if process.pid != program.pid]

    def wait(self, condition: Callable[[], T], message: str, timeout: float = 30.0) -> T:
        """As `wait_until`, with the logs in the message."""
        try:
            return wait_until(condition, timeout, message)
        except AssertionError as error:
            logs = "\n".join(program.log()[-60000:] for program in self.programs)
            raise AssertionError(f"{error}\n{logs}") from None

    def stop(self, program: Program, timeout: float = 15.0) -> int:
        """TERM, and the exit code; nothing may be left."""
        program.terminate()
        code = program.wait(timeout)
        program.assert_nothing_left()
        return code


def kill(pid: int) -> int:
    """SIGKILL; returns CLOCK_MONOTONIC of just before: on a busy machine much can happen behind it."""
    at_ns = time.monotonic_ns()
    os.kill(pid, signal.SIGKILL)
    return at_ns


def alive(pid: int) -> bool:
    """Whether a process still runs (zombies do not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
