"""Where children are born: by a plain fork of the master, or by the zygote that holds the imported app."""

from __future__ import annotations

import contextlib
import logging
import os
import select
from dataclasses import dataclass
from typing import Final, Protocol

from .beats import Beats, Role
from .config import SupervisorConfig
from .exitcodes import ExitCode
from .fork import fork_child
from .logs import name_origin
from .process import start_ticks
from .seat import Bodies, Seat
from .stacks import offer_stacks
from .tallies import Area, Tallies

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One child to be born."""

    slot: int
    role: Role
    generation: int
    nonce: str
    cell: int
    cpus: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ends:
    """One side's ends of the three pipes between the master and a child."""

    control: int
    report: int
    stacks: int

    def all(self) -> tuple[int, int, int]:
        """The descriptors."""
        return (self.control, self.report, self.stacks)

    def close(self) -> None:
        """Close all three."""
        for fd in self.all():
            os.close(fd)


def open_pipes() -> tuple[Ends, Ends]:
    """Make a child's pipes: the master's ends and the child's. Only the child's report and stack ends may block.

    Raises:
        OSError: there are not enough descriptors; none was taken.
    """
    fds: list[int] = []
    try:
        for flags in (os.O_CLOEXEC | os.O_NONBLOCK, os.O_CLOEXEC, os.O_CLOEXEC):
            fds += os.pipe2(flags)
    except OSError:
        # Too few are left for all three: those that were made must not be missing at the next attempt, too.
        for fd in fds:
            os.close(fd)
        raise
    control_r, control_w, report_r, report_w, stacks_r, stacks_w = fds
    os.set_blocking(report_r, False)
    os.set_blocking(stacks_r, False)
    return Ends(control_w, report_r, stacks_r), Ends(control_r, report_w, stacks_w)


class Nursery(Protocol):
    """Gives birth on order."""

    @property
    def open(self) -> bool:
        """Whether `bear` can be called now."""
        ...

    def bear(self, order: Order, ends: Ends) -> int:
        """Start a child of this process with the child's `ends`, and return its id.

        Raises:
            OSError: no process could be made now.
        """
        ...


@dataclass(frozen=True, slots=True)
class Upbringing:
    """What every child of this fleet has in common."""

    bodies: Bodies
    beats: Beats
    config: SupervisorConfig
    tallies: Tallies | None = None

    def live(self, order: Order, ends: Ends) -> int:
        """The whole life of a child, from its first line to its exit code."""
        if _abandoned(ends.control):
            # Born after the master gave up waiting for it: the cell may have passed to another.
            return ExitCode.DONE
        cell = self.beats.cell(order.cell)
        pid = os.getpid()
        cell.born(pid, start_ticks(pid) or 0)
        offer_stacks(ends.stacks)
        name_origin(order.slot if order.role == "worker" else "steward", order.generation)
        cpus = _bind(order)
        seat = Seat(
            slot=order.slot,
            generation=order.generation,
            role=order.role,
            nonce=order.nonce,
            beat=cell,
            beats=self.beats,
            control_fd=ends.control,
            report_fd=ends.report,
            cpus=cpus,
            config=self.config,
            area=self._area(order),
        )
        body = self.bodies.worker if order.role == "worker" else self.bodies.steward
        try:
            return body(seat)
        except ImportError:
            _log.exception("the app could not be imported", extra={"action": "child.import"})
            return ExitCode.APP_LOAD_FAILED

    def _area(self, order: Order) -> Area | None:
        if self.tallies is None:
            return None
        area = self.tallies.areas[order.cell]
        area.begin()
        return area


@dataclass(frozen=True, slots=True)
class ForkNursery:
    """The master forks the child itself; the child imports the app."""

    upbringing: Upbringing

    @property
    def open(self) -> bool:
        """Always."""
        return True

    def bear(self, order: Order, ends: Ends) -> int:
        """Fork."""
        return fork_child(lambda: self.upbringing.live(order, ends), keep=ends.all())


def _abandoned(control_fd: int) -> bool:
    poller = select.poll()
    poller.register(control_fd, 0)
    return any(event & select.POLLHUP for _, event in poller.poll(0))


def _bind(order: Order) -> tuple[int, ...]:
    if not order.cpus:
        return ()
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, order.cpus)
        return order.cpus
    # The allowed set can shrink while we run (CPU hot-unplug, a changed cpuset): an unbound worker still works.
    _log.warning("slot %d could not be bound to CPU %s", order.slot, order.cpus, extra={"action": "child.pin"})
    return ()
