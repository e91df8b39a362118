"""A place in the fleet that is always to be filled: one per worker slot, and the steward's."""

from __future__ import annotations

import time

from .backoff import Backoff, BackoffPolicy
from .beats import Role
from .children import Child
from .exitcodes import ExitCode
from .process import Exit
from .slot_record import SlotRecord


class Post:
    """One place, its present holder and its history.

    Attributes:
        slot: the worker's slot, or -1.
        role: what fills it.
        child: its holder; None while it is empty.
        successor: a process that boots to take the holder's place in a rolling restart.
        restart_at_ns: an empty post is filled from then on, CLOCK_MONOTONIC.
        failed_boots: children in a row that ended before they were ready.
        refused_until_ns: no process could be made for it; the next attempt, CLOCK_MONOTONIC.
        boot_code: the exit code of the last of those, as the fleet's own code.
    """

    __slots__ = (
        "backoff",
        "boot_code",
        "child",
        "failed_boots",
        "record",
        "refused_until_ns",
        "restart_at_ns",
        "role",
        "slot",
        "successor",
    )

    def __init__(self, slot: int, role: Role, policy: BackoffPolicy, record: SlotRecord | None) -> None:
        self.slot: int = slot
        self.role: Role = role
        self.record: SlotRecord | None = record
        self.backoff: Backoff = Backoff(policy)
        self.child: Child | None = None
        self.successor: Child | None = None
        self.restart_at_ns: int = 0
        self.refused_until_ns: int = 0
        self.failed_boots: int = 0
        self.boot_code: ExitCode = ExitCode.BOOT_FAILED

    @property
    def is_ready(self) -> bool:
        """A ready child holds it."""
        return self.child is not None and self.child.is_ready

    @property
    def wants_child(self) -> bool:
        """It is empty and nobody is on the way."""
        return self.child is None and self.successor is None

    def children(self) -> list[Child]:
        """Its holder and the holder's successor."""
        return [child for child in (self.child, self.successor) if child is not None]

    def took_office(self) -> None:
        """Its child is ready."""
        self.failed_boots = 0

    def postpone(self, ready_for_ns: int = 0) -> int:
        """After an unexpected end: set and return the time until the next start, nanoseconds."""
        delay_ns = self.backoff.died(ready_for_ns=ready_for_ns)
        self.restart_at_ns = time.monotonic_ns() + delay_ns
        return delay_ns

    def refused(self) -> int:
        """No process could be made: set and return the time until the next attempt, nanoseconds."""
        delay_ns = max(self.backoff.died(ready_for_ns=0), int(self.backoff.policy.base_s * 1e9))
        self.restart_at_ns = self.refused_until_ns = time.monotonic_ns() + delay_ns
        return delay_ns

    def boot_failed(self, end: Exit) -> None:
        """Its child ended before it was ready."""
        self.failed_boots += 1
        app = end.code == ExitCode.APP_LOAD_FAILED
        self.boot_code = ExitCode.APP_LOAD_FAILED if app else ExitCode.BOOT_FAILED

    def promote(self) -> Child | None:
        """Put the successor in; returns the former holder, who is to leave."""
        former, self.child, self.successor = self.child, self.successor, None
        return former

    def remove(self, child: Child) -> bool:
        """Forget a child that ended or leaves; whether it was here."""
        if child is self.child:
            self.child = None
            return True
        if child is self.successor:
            self.successor = None
            return True
        return False
