"""What the children do when the master is gone."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import sys
import time
from dataclasses import dataclass
from typing import Final

from .beats import Beat, Beats
from .pipes import LineReader
from .process import start_ticks
from .seat import Seat

ORPHAN_GRACE_S: Final = 5.0
"""How long a fleet without its master may drain, seconds."""


class ControlPipe(LineReader):
    """A child's line from the master: `read()` gives its messages, `closed` says that it is gone.

    `fileno()` belongs into the body's event loop: readable means a message, or the end.
    """

    __slots__ = ()

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat.control_fd)


def wait_for_master(control: ControlPipe, timeout_s: float) -> bool:
    """Wait until the master has said something or is gone; False after `timeout_s`."""
    poller = select.poll()
    poller.register(control.fileno(), select.POLLIN)
    return bool(poller.poll(timeout_s * 1000))


def arm_exit(grace_s: float = ORPHAN_GRACE_S) -> None:
    """End this process in C after `grace_s`, whatever its threads do by then, with their stacks on stderr.

    An orphaned worker calls it before it drains: a job that takes the GIL meanwhile cannot keep the process.
    """
    faulthandler.dump_traceback_later(grace_s, exit=True, file=sys.__stderr__ or 2)


@dataclass(frozen=True, slots=True)
class Survivor:
    """A sibling that the steward found when the master was gone.

    Attributes:
        worker: its identity, "" when it had none yet.
        pid: its process id.
        killed: it did not end in time.
    """

    worker: str
    pid: int
    killed: bool


def end_siblings(beats: Beats, own_pid: int, grace_s: float = ORPHAN_GRACE_S) -> list[Survivor]:
    """The steward's last duty without a master: wait for its siblings, kill those that remain.

    Blocks for at most `grace_s` and a moment.

    Args:
        beats: the table.
        own_pid: the steward's own process id.
        grace_s: from now until SIGKILL, seconds.

    Returns:
        Every sibling that was alive at the call, all of them ended at the return.
    """
    deadline_s = time.monotonic() + grace_s
    waiting: dict[int, Beat] = {}
    poller = select.poll()
    for beat in beats.beats():
        fd = _open(beat) if beat.pid not in (0, own_pid) else None
        if fd is not None:
            waiting[fd] = beat
            poller.register(fd, select.POLLIN)
    ended: list[Survivor] = []
    while waiting and (left_s := deadline_s - time.monotonic()) > 0:
        for fd, _ in poller.poll(left_s * 1000):
            poller.unregister(fd)
            ended.append(_leave(fd, waiting.pop(fd), killed=False))
    for fd, beat in waiting.items():
        # What was killed is awaited, so that its jobs can be recovered: its last bytes are out by then.
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(fd, signal.SIGKILL)
        poller.poll(1000)
        poller.unregister(fd)
        ended.append(_leave(fd, beat, killed=True))
    return ended


def _open(beat: Beat) -> int | None:
    """A descriptor of exactly the process that wrote the cell, not of a later one with its id."""
    try:
        fd = os.pidfd_open(beat.pid)
    except OSError:
        return None
    if start_ticks(beat.pid) == beat.start_ticks:
        return fd
    os.close(fd)
    return None


def _leave(fd: int, beat: Beat, *, killed: bool) -> Survivor:
    os.close(fd)
    return Survivor(beat.worker, beat.pid, killed)
