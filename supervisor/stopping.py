"""The fleet's end: the workers drain, the steward recovers what was killed, then it ends too."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Final

from .exitcodes import ExitCode
from .fleet import Fleet
from .retirement import NS

_log: Final = logging.getLogger(__name__)


class Stop:
    """Brings the fleet down in order. `step` is called at each turn until it names an exit code."""

    __slots__ = ("_code", "_fleet", "_recover_until_ns", "_steward_until_ns")

    def __init__(self, fleet: Fleet, code: ExitCode = ExitCode.DONE) -> None:
        """Begin: every worker is asked to drain.

        Args:
            fleet: the fleet to bring down.
            code: what to exit with when nothing else is to be said: a failed boot ends the fleet too.
        """
        self._fleet = fleet
        self._code = code
        self._recover_until_ns: int | None = None
        self._steward_until_ns: int | None = None
        fleet.stopping = True
        fleet.beats.stopping = True
        for post in fleet.posts.values():
            for child in post.children():
                # It may be ready already, with its word still unread.
                fleet.notice_ready(child)
                child.retire("stop", fleet.drain_s(child))

    def hurry(self) -> None:
        """A second signal: running jobs go back now."""
        for child in self._fleet.children():
            if child.retirement is not None:
                child.retirement.hurry()

    def step(self) -> ExitCode | None:
        """Go on as far as possible without waiting; the exit code once everything has ended."""
        if self._fleet.workers():
            return None
        now_ns = time.monotonic_ns()
        if self._recovers(now_ns) or self._steward_ends(now_ns):
            return None
        if self._code is ExitCode.DONE and self._fleet.killed_ready:
            return ExitCode.KILLED
        return self._code

    def _recovers(self, now_ns: int) -> bool:
        """Wait for the steward to deal with the dead, within limits: their locks run out in any case."""
        notices = self._fleet.notices
        if not len(notices) or self._steward_until_ns is not None:
            return False
        if self._recover_until_ns is None:
            self._recover_until_ns = now_ns + int(self._fleet.config.steward_timeout_s * NS)
        if now_ns < self._recover_until_ns:
            return True
        _log.warning(
            "%d dead worker(s) were not recovered in time; their jobs return when their locks run out",
            len(notices),
            extra={"action": "stop.unrecovered"},
        )
        return False

    def _steward_ends(self, now_ns: int) -> bool:
        stewards = [child for child in self._fleet.children() if child.order.role == "steward"]
        if self._steward_until_ns is None:
            self._steward_until_ns = now_ns + int(self._fleet.config.steward_timeout_s * NS)
            # From now on a steward that ends stays away.
            self._fleet.steward.restart_at_ns = now_ns + 3_600 * NS
            for steward in stewards:
                steward.retire("stop", self._fleet.config.steward_timeout_s if steward.ready_ns else 0.0)
        return bool(stewards)

    def due_ns(self) -> Iterator[int]:
        """When the wait for the steward is over, CLOCK_MONOTONIC."""
        if self._recover_until_ns is not None and self._steward_until_ns is None:
            yield self._recover_until_ns
