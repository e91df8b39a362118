"""The programs of a storm, and the service manager that starts them again: real supervisors and real producers.

Supervisors and producers that die are started anew, as systemd would do; what is below a supervisor is its own affair.
"""

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from faults.app import Settings
from faults.checker import Exit
from faults.circumstances import Life
from support import Program

TESTS = Path(__file__).resolve().parents[1]
_RESTART_S = 0.3
_READY = re.compile(r"slot \d+ \(pid \d+, generation \d+\) is ready")
_STARTED = re.compile(r"(slot \d+|steward) \(pid (\d+), generation \d+\) started")


class Service:
    """A program that is to run, whatever ends it.

    Args:
        name: For messages.
        argv: The command.
        settings: Of the application.
        died: Told of each end.
    """

    def __init__(self, name: str, argv: Sequence[str], settings: Settings, died: Callable[[Exit], None]) -> None:
        self.name = name
        self.wanted = True
        self.programs: list[Program] = []
        self._argv = [sys.executable, "-P", *argv]
        self._settings = settings
        self._died = died
        self._asked = ""
        self._restart_s: float | None = None

    @property
    def program(self) -> Program:
        """The last one that was started."""
        return self.programs[-1]

    @property
    def running(self) -> bool:
        return bool(self.programs) and self._restart_s is None and self.program.running

    def start(self) -> None:
        path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
        env = {"PYTHONPATH": path, **self._settings.environ()}
        self._asked, self._restart_s = "", None
        self.programs.append(Program(self._argv, Path(self._settings.folder), env).start())

    def send(self, number: signal.Signals) -> None:
        """Signal its first process; one that ends it is no surprise then."""
        if self.running:
            if number in (signal.SIGTERM, signal.SIGKILL):
                self._asked = signal.Signals(number).name if self._asked != "SIGKILL" else self._asked
            self.program.send_signal(number)

    def expect_end(self) -> None:
        """It was told to end by other means, and is not to be started again."""
        self.wanted, self._asked = False, self._asked or "stop"

    def _excuse(self) -> str:
        return ""

    def tend(self) -> None:
        """Take note of its end, and start it again after a moment."""
        if not self.programs or self.program.running:
            return
        if self._restart_s is None:
            self._died(Exit(self.name, self.program.wait(1), self._asked or self._excuse()))
            self._restart_s = time.monotonic() + _RESTART_S
        elif self.wanted and time.monotonic() >= self._restart_s:
            self.start()


class FleetService(Service):
    """A supervisor with its children."""

    def __init__(self, name: str, procs: int, settings: Settings, died: Callable[[Exit], None]) -> None:
        options = ["--procs", str(procs), "--heartbeat-timeout", "3s", "--drain-timeout", "4s", "--max-crashes", "2"]
        super().__init__(name, ["-m", "taskora.supervisor", *options, "faults.app:taskora"], settings, died)
        self._roles: dict[int, str] = {}
        self._read = 0
        self._logged: Program | None = None

    def pids(self, role: str) -> list[int]:
        """Living children of its present master with a role: ``worker`` or ``steward``."""
        if not self.running:
            return []
        self._learn_roles()
        return sorted(pid for pid in children(self.program.pid) if self._roles.get(pid) == role)

    def everybody(self) -> list[int]:
        """The master and all below it, from top to bottom."""
        return [pid for pid in (self.program.pid, *children(self.program.pid)) if alive(pid)] if self.running else []

    def role(self, pid: int) -> str:
        return self._roles.get(pid, "master" if pid == self.program.pid else "child")

    def is_ready(self) -> bool:
        return self.running and self._was_ready()

    def _excuse(self) -> str:
        # A fleet that cannot reach its server when it starts gives up, for its service manager to try again.
        return "" if self._was_ready() else "no server"

    def _was_ready(self) -> bool:
        return _READY.search(self.program.log()) is not None

    def _learn_roles(self) -> None:
        if self._logged is not self.program:
            self._logged, self._read = self.program, 0
        with self.program.log_path.open("rb") as log:
            log.seek(self._read)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        for who, pid in _STARTED.findall(whole.decode(errors="replace")):
            self._roles[int(pid)] = "steward" if who == "steward" else "worker"


class Census:
    """Who lives, by looking often."""

    def __init__(self, fleets: Sequence[FleetService]) -> None:
        self._fleets = fleets
        self._living: dict[int, Life] = {}
        self._gone: list[Life] = []

    @property
    def lives(self) -> list[Life]:
        return [*self._gone, *self._living.values()]

    def look(self) -> None:
        """Take note of who came and who went."""
        for fleet in self._fleets:
            for pid in fleet.everybody():
                if pid not in self._living:
                    now_ns = time.monotonic_ns()
                    self._living[pid] = Life(pid, fleet.name, fleet.role(pid), now_ns, now_ns)
        for pid, life in list(self._living.items()):
            before_ns = time.monotonic_ns()
            if alive(pid):
                self._living[pid] = Life(pid, life.fleet, life.role, life.born_ns, before_ns)
            else:
                del self._living[pid]
                self._gone.append(Life(pid, life.fleet, life.role, life.born_ns, life.seen_ns, time.monotonic_ns()))


def children(pid: int) -> list[int]:
    """The children of a process, by the kernel."""
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def alive(pid: int) -> bool:
    """Whether a process runs or is stopped; zombies are dead."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
