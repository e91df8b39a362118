"""What the master waits on: its signals, and every child's end, reports and stacks."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from typing import Final, Protocol

from .children import Child
from .zygote import Zygote

_NS: Final = 1_000_000_000


class HasFd(Protocol):
    """Something with a descriptor."""

    def fileno(self) -> int:
        """The descriptor."""
        ...


Ear = Callable[[], bool]
"""Called when its descriptor is readable; False when there is nothing more to come."""


class Listening:
    """A selector whose entries are functions."""

    __slots__ = ("_selector",)

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, source: HasFd, ear: Ear, *, writes: bool = False) -> None:
        """Call `ear` when `source` is readable, or, if it is to be written to, writable."""
        if source.fileno() >= 0:
            self._selector.register(source.fileno(), selectors.EVENT_WRITE if writes else selectors.EVENT_READ, ear)

    def drop(self, source: HasFd) -> None:
        """Forget a source, before it is closed. Sources that are not here are ignored."""
        self._drop_fd(source.fileno())

    def _drop_fd(self, fd: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def add_child(self, child: Child, on_report: Callable[[Child], None]) -> None:
        """Listen to everything of a child."""

        def reports() -> bool:
            on_report(child)
            return not child.report.closed

        self.add(child.process, _ended)
        self.add(child.report, reports)
        self.add(child.stacks.reader, lambda: _stacks(child))

    def drop_child(self, child: Child) -> None:
        """Before it is closed."""
        for source in (child.process, child.report, child.stacks.reader):
            self.drop(source)

    def add_zygote(self, zygote: Zygote) -> None:
        """Listen to everything of a zygote."""
        self.add(zygote.process, _ended)
        self.add(zygote, zygote.hear)
        self.add(zygote.stacks.reader, lambda: _zygote_stacks(zygote))

    def drop_zygote(self, zygote: Zygote) -> None:
        """Before it is closed."""
        for source in (zygote.process, zygote, zygote.stacks.reader):
            self.drop(source)

    def wait_until(self, due_ns: int) -> None:
        """Wait for the first event, or until CLOCK_MONOTONIC says `due_ns`, and call the ears."""
        left_s = max(0.0, (due_ns - time.monotonic_ns()) / _NS)
        for key, _ in self._selector.select(left_s):
            # An ear before it may have dropped this one, and given its descriptor to another.
            if self._selector.get_map().get(key.fd) is not key:
                continue
            ear: Ear = key.data
            if not ear():
                # At its end a descriptor stays readable: left in, it would turn the loop into a spin.
                self._drop_fd(key.fd)


def _ended() -> bool:
    # The loop reaps right after the wait; a pidfd stays readable until then.
    return True


def _stacks(child: Child) -> bool:
    child.stacks.read()
    return not child.stacks.reader.closed


def _zygote_stacks(zygote: Zygote) -> bool:
    zygote.stacks.read()
    return not zygote.stacks.reader.closed
