"""Who is silent for no declared reason, and who does not get ready."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from .children import Child
from .fleet import Fleet
from .process import is_stopped
from .retirement import NS

_FROZEN_NS: Final = 2 * NS
PERIOD_S: Final = 0.5


class Health:
    """Judges every child at each turn of the loop."""

    __slots__ = ("_awake_since_ns", "_fleet", "_last_turn_ns", "_timeout_ns")

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._timeout_ns = int(fleet.config.heartbeat_timeout_s * NS)
        self._awake_since_ns = 0
        self._last_turn_ns = time.monotonic_ns()

    def check(self) -> None:
        """Condemn who is hung or late, let go who wants to end."""
        now_ns = time.monotonic_ns()
        # If the master itself did not run, perhaps nobody did (a frozen container): their silence begins now.
        if now_ns - self._last_turn_ns > _FROZEN_NS:
            self._awake_since_ns = now_ns
        self._last_turn_ns = now_ns
        for child in self._fleet.children():
            self._fleet.notice_ready(child)
            if child.sentence is None:
                self._check(child, now_ns)

    def _check(self, child: Child, now_ns: int) -> None:
        config = self._fleet.config
        if not child.ready_ns:
            if now_ns >= self._boot_deadline_ns(child):
                child.condemn("boot-timeout", config.evidence_s)
        elif now_ns >= self._patience_ends_ns(child) and is_stopped(child.process.pid):
            # No job is at fault: their deadlines do not explain it, and none is to be taken for overdue.
            child.condemn("stopped", config.evidence_s)
        elif self.is_hung(child, now_ns):
            child.condemn("hung", config.evidence_s)
        elif child.beat.wants_end and child.retirement is None:
            self._let_go(child)

    def is_hung(self, child: Child, now_ns: int) -> bool:
        """Silent for too long, and past every deadline that would explain it."""
        return now_ns >= self._silence_ends_ns(child)

    def _silence_ends_ns(self, child: Child) -> int:
        return max(self._patience_ends_ns(child), child.beat.hang_deadline_ns)

    def _patience_ends_ns(self, child: Child) -> int:
        return max(child.beat.beat_ns, self._awake_since_ns) + self._timeout_ns

    def _boot_deadline_ns(self, child: Child) -> int:
        return child.started_ns + int(self._fleet.config.boot_timeout_s * NS)

    def _let_go(self, child: Child) -> None:
        post = self._fleet.post_of(child)
        if post is not None and child is post.child:
            self._fleet.vacate(post, "wants-end")
        else:
            child.retire("wants-end", self._fleet.drain_s(child))

    def due_ns(self) -> Iterator[int]:
        """The next deadline of any child, CLOCK_MONOTONIC."""
        for child in self._fleet.children():
            if child.sentence is None:
                yield self._silence_ends_ns(child) if child.ready_ns else self._boot_deadline_ns(child)
