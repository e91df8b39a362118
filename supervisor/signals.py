"""Signals: in the master they only enqueue; in a child they are held from the fork until its body is ready for them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Generator, Iterable
from types import FrameType
from typing import Final

HANDLED: Final = frozenset(
    {
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGHUP,
        signal.SIGTTIN,
        signal.SIGTTOU,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGWINCH,
        signal.SIGCHLD,
    }
)
# What a terminal or an operator sends to the whole group is the master's to act on.
_MASTERS_BUSINESS: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR2)


def _note(_number: int, _frame: FrameType | None) -> None:
    """Nothing: the interpreter has written the number to the wake-up descriptor before it calls this."""


class SignalInbox:
    """The master's signals as a descriptor to wait on. Handlers run no code, so they can neither lock nor log."""

    __slots__ = ("_read_fd", "_write_fd")

    def __init__(self) -> None:
        self._read_fd = -1
        self._write_fd = -1

    def open(self) -> None:
        """Route every handled signal here, from now on and for the rest of the process's life."""
        self._read_fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # A full pipe means that the loop has 64 K signals to read already; the warning would run in the handler.
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in HANDLED:
            signal.signal(number, _note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)

    def fileno(self) -> int:
        """For the selector."""
        return self._read_fd

    def take(self) -> list[int]:
        """The numbers that came since the last call, in order."""
        try:
            return list(os.read(self._read_fd, 65_536))
        except BlockingIOError:
            return []


def hold_signals(numbers: Iterable[int] = HANDLED) -> None:
    """Hold these signals for good: an interpreter, or an event loop, that ends takes its handlers away first."""
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


@contextlib.contextmanager
def signals_held() -> Generator[None]:
    """Hold every handled signal, so that none falls between a fork and the child's own handlers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def reset_signals() -> None:
    """A child's first act: forget the master's handlers. The signals stay held."""
    signal.set_wakeup_fd(-1)
    for number in HANDLED:
        signal.signal(number, signal.SIG_DFL)


def leave_to_master(*others: int) -> None:
    """Let INT, QUIT, HUP and USR2 pass by: a terminal sends them to the whole group, and the master acts on them.

    A handler that does nothing, not SIG_IGN, since programs that a job starts would inherit that.

    Args:
        others: more signals to pass by: SIGTERM in the steward, which ends when it is told to.
    """
    for number in (*_MASTERS_BUSINESS, *others):
        signal.signal(number, _note)


def unblock_signals() -> None:
    """A body calls this once its handlers are in place; what came meanwhile is delivered now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
