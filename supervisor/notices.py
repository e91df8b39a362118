"""What the steward must be told about dead workers, kept until it has recovered them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from .pipes import Message


class Line(Protocol):
    """A line to the steward."""

    def send(self, message: Message) -> bool:
        """Queue a message."""
        ...


class Notices:
    """One notice per dead worker identity, from its reaping to the steward's acknowledgement."""

    __slots__ = ("_left", "_pending", "_steward")

    def __init__(self) -> None:
        self._pending: dict[str, Message] = {}
        self._left: dict[str, Message] = {}
        self._steward: Line | None = None

    def __len__(self) -> int:
        """Workers whose jobs are not recovered yet."""
        return len(self._pending)

    def died(
        self,
        worker: str,
        *,
        slot: int,
        cause: str,
        charged: bool,
        active: int,
        holders: Sequence[str],
        answered: Mapping[str, int],
    ) -> None:
        """Report a worker that has been reaped. Never call it for one that may still run."""
        message: Message = {
            "dead": worker,
            "slot": slot,
            "cause": cause,
            "charged": charged,
            "active": active,
            "holders": list(holders),
            "answered": dict(answered),
        }
        self._pending[worker] = message
        if self._steward is not None:
            self._steward.send(message)

    def steward_ready(self, line: Line) -> None:
        """A steward has come: tell it everything that its predecessor did not acknowledge. Recovery is idempotent."""
        self._steward = line
        for message in (*self._left.values(), *self._pending.values()):
            line.send(message)

    def steward_died(self, steward: str) -> None:
        """Have the next steward give up what this one had. Nobody waits for it: it runs out by itself, too."""
        self._left[steward] = {"left": steward}

    def steward_gone(self, line: Line) -> None:
        """This steward has ended: what it did not acknowledge waits for the next one."""
        if self._steward is line:
            self._steward = None

    def recovered(self, worker: str) -> None:
        """The steward has dealt with it."""
        self._pending.pop(worker, None)
        self._left.pop(worker, None)
