"""Stack dumps: faulthandler writes them in C, also while the GIL is held; the master logs them with their origin."""

from __future__ import annotations

import faulthandler
import logging
import signal
import time
from typing import Final

from .pipes import LineReader

_log: Final = logging.getLogger(__name__)
_SETTLED_NS: Final = 150_000_000
_MOST_LINES: Final = 2_000


def offer_stacks(fd: int) -> None:
    """In a child: answer SIGUSR1 with the stacks of all threads on `fd`, and a fatal signal with those at the fault."""
    faulthandler.enable(file=fd, all_threads=True)
    # A child of the zygote inherits the registration but not the handler: register anew.
    faulthandler.unregister(signal.SIGUSR1)
    faulthandler.register(signal.SIGUSR1, file=fd, all_threads=True, chain=False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})


class StackLog:
    """In the master: collects a child's dump and logs it as one record."""

    __slots__ = ("_lines", "_origin", "_since_ns", "reader")

    def __init__(self, fd: int, origin: dict[str, object]) -> None:
        self.reader: LineReader = LineReader(fd)
        self._origin = origin
        self._lines: list[str] = []
        self._since_ns = 0

    def read(self) -> None:
        """Take what has come."""
        fresh = [line.decode(errors="replace") for line in self.reader.read_lines()]
        room = _MOST_LINES - len(self._lines)
        self._lines += fresh[:room]
        self._since_ns = time.monotonic_ns()

    def due_ns(self) -> int | None:
        """When a dump that has begun counts as complete, CLOCK_MONOTONIC."""
        return self._since_ns + _SETTLED_NS if self._lines else None

    def emit(self) -> None:
        """Log what there is as one record."""
        if self._lines:
            text = "\n".join(self._lines)
            self._lines.clear()
            _log.warning("stacks:\n%s", text, extra={"action": "stacks", **self._origin})

    def close(self) -> None:
        """Log the rest and close."""
        if self.reader.fd >= 0:
            self.read()
            self.emit()
            self.reader.close()
