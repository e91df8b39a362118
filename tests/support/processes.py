"""Running a program beside the test, with its output in a file and everything that it started in one session."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import psutil

from support.waiting import wait_until


class Program:
    """A process that leads a session of its own, so that all that it forks can be found and ended.

    Args:
        argv: The command.
        cwd: Its working folder; the log is written there too.
        env: Added to this process's environment.
    """

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> None:
        self.argv = list(argv)
        self.cwd = cwd
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.log_path = cwd / f"{Path(self.argv[0]).name}-{id(self):x}.log"

    def start(self) -> "Program":
        """Starts it; standard output and error go to `log_path`."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self._env}
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*ending_with_us(), *self.argv],
                cwd=self.cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        return self._started().pid

    @property
    def running(self) -> bool:
        return self._started().poll() is None

    def log(self) -> str:
        """What it wrote so far."""
        return self.log_path.read_text(errors="replace")

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal to the first process only, as an operator does."""
        self._started().send_signal(number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kills the first process only; `end_all` is for the whole session."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = 30.0) -> int:
        """Waits for the first process to end and returns its exit code (negative: the signal).

        Raises:
            AssertionError: It still runs after ``timeout`` seconds; the log is in the message.
        """
        try:
            return self._started().wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} still runs after {timeout:g} s\n{self.log()}") from None

    def wait_for_log(self, text: str, timeout: float = 15.0) -> None:
        """Waits until ``text`` is in the log, and fails early when the program ends without it."""

        def seen_or_ended() -> bool:
            return text in self.log() or not self.running

        try:
            wait_until(seen_or_ended, timeout)
        except AssertionError:
            raise AssertionError(f"{self} did not write {text!r} in {timeout:g} s\n{self.log()}") from None
        assert text in self.log(), f"{self} ended without writing {text!r}\n{self.log()}"

    def members(self) -> list[psutil.Process]:
        """Every living process of its session, itself included; one that left the session is not seen."""
        return list(_session_members(self.pid))

    def assert_nothing_left(self, timeout: float = 5.0) -> None:
        """Fails when a process of its session still lives ``timeout`` seconds from now."""
        wait_until(lambda: not self.members(), timeout, f"{self} left processes behind: {self.members()}\n{self.log()}")

    def end_all(self) -> None:
        """Kills and reaps whatever of the session is left."""
        if self._process is None:
            return
        for member in self.members():
            member.kill()
        self._process.wait(10.0)
        wait_until(lambda: not self.members(), message=f"{self} could not be killed")

    def __str__(self) -> str:
        return f"{' '.join(self.argv)} (pid {self._process.pid if self._process else 'none'})"

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{' '.join(self.argv)} was not started")
        return self._process


class Spawn(Protocol):
    """The fixture `spawn`: starts a program in the test's folder and ends it with the test."""

    def __call__(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Program: ...


def script(source: str, folder: Path, name: str = "app") -> list[str]:
    """Writes ``source`` as a module and returns the command that runs it with this interpreter."""
    path = folder / f"{name}.py"
    path.write_text(source)
    return [sys.executable, str(path)]


def ending_with_us() -> list[str]:
    """A command prefix by which the kernel ends what is started when an interrupted or killed test run cannot."""
    setpriv = shutil.which("setpriv")
    # The kernel watches the thread that forked, not the process, so it must be one that lives as long.
    if setpriv is None or threading.current_thread() is not threading.main_thread():
        return []
    return [setpriv, "--pdeathsig", "KILL"]


def _session_members(session: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
