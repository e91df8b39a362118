"""One child process as its parent sees it: its descriptor, its signals, its end."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_START_TIME: Final = 19
_USER_TIME, _SYSTEM_TIME = 11, 12


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: by itself with a code, or by a signal."""

    code: int | None
    signal: int | None

    @property
    def cause(self) -> str:
        """`exit:1` or `signal:9`."""
        return f"signal:{self.signal}" if self.signal is not None else f"exit:{self.code}"

    @property
    def clean(self) -> bool:
        """It ended by itself with 0."""
        return self.code == 0


class Process:
    """A child that has not been reaped: its id cannot have passed to another process."""

    __slots__ = ("_pidfd", "pid")

    def __init__(self, pid: int) -> None:
        """Watch a child of this process."""
        self.pid: int = pid
        self._pidfd = _pidfd(pid)

    def fileno(self) -> int:
        """Readable when the process has ended; -1 where the kernel has no pidfds and only SIGCHLD tells."""
        return self._pidfd

    def send(self, number: int) -> None:
        """Send a signal; an ended process gets none."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send(signal.SIGKILL)

    def reap(self) -> Exit | None:
        """Its end, once; None while it runs."""
        try:
            found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            return Exit(None, 0)
        if found is None:
            return None
        if found.si_code == os.CLD_EXITED:
            return Exit(found.si_status, None)
        return Exit(None, found.si_status)

    def close(self) -> None:
        """Close the descriptor, once."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1


def _pidfd(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except OSError:
        # An old kernel, a strict seccomp profile, no descriptor left: SIGCHLD still tells.
        return -1


def reap_strangers(known: frozenset[int]) -> None:
    """As PID 1, or as a subreaper: take leave of processes that others left behind, without a word."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        # One of ours that ended: it is reaped by its own id, and strangers behind it at the next turn.
        if found is None or found.si_pid in known:
            return
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, found.si_pid, os.WEXITED | os.WNOHANG)


def start_ticks(pid: int) -> int | None:
    """A process's start time in clock ticks since boot; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name is in parentheses and may itself hold any character.
    return int(stat.rpartition(")")[2].split()[_START_TIME])


def cpu_ticks(pid: int) -> int | None:
    """The CPU time that a process has taken, in clock ticks; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return int(fields[_USER_TIME]) + int(fields[_SYSTEM_TIME])


def is_stopped(pid: int) -> bool:
    """Whether SIGSTOP or a terminal stopped a process; one under a debugger does not count."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "T"
