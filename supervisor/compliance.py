"""What the master does of that which somebody asked for through the steward. It trusts nothing that comes this way."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from .config import MAX_PROCS
from .fleet import Fleet
from .pipes import Message

_log: Final = logging.getLogger(__name__)
_REMEMBERED: Final = 1024
_LONGEST_ID: Final = 64


class Compliance:
    """Acts on requests, once each, by what signals and limits do already.

    Args:
        fleet: What is asked for something.
        allowed: Whether it takes requests at all.
        roll: Begins a rolling restart, for a reason.
        stop: Begins the end, for a reason; nothing where it has begun.
    """

    __slots__ = ("_allowed", "_fleet", "_known", "_roll", "_stop")

    def __init__(
        self, fleet: Fleet, *, allowed: bool, roll: Callable[[str], None], stop: Callable[[str], None]
    ) -> None:
        self._fleet = fleet
        self._allowed = allowed
        self._roll = roll
        self._stop = stop
        self._known: deque[str] = deque(maxlen=_REMEMBERED)

    def hear(self, message: Message) -> None:
        """Do what a message asks for; one that was heard before, or that asks for nothing, does nothing."""
        request_id = message.get("request")
        if not isinstance(request_id, str) or not 0 < len(request_id) <= _LONGEST_ID:
            return
        if not self._allowed or request_id in self._known:
            return
        self._known.append(request_id)
        if self._fleet.stopping:
            _log.info("a request came too late: the fleet drains", extra={"action": "request"})
            return
        why, slot, procs = f"request {request_id}", message.get("slot"), message.get("procs")
        match message.get("action"):
            case "recycle" if slot is None:
                self._roll(why)
            case "recycle" if isinstance(slot, int) and not isinstance(slot, bool):
                self._recycle(slot, why)
            case "scale" if isinstance(procs, int) and not isinstance(procs, bool) and 1 <= procs <= MAX_PROCS:
                _log.info("scaling, asked for by %s", why, extra={"action": "request"})
                self._fleet.scale(procs)
            case "drain":
                self._stop(why)
            case _:
                _log.warning("%r is no request", request_id, extra={"action": "request"})

    def _recycle(self, slot: int, why: str) -> None:
        post = self._fleet.posts.get(slot)
        if post is None or not post.is_ready or post.successor is not None:
            _log.info("slot %d has no worker to recycle, or is being replaced", slot, extra={"action": "request"})
            return
        _log.info("slot %d is recycled, asked for by %s", slot, why, extra={"action": "request"})
        # Its replacement boots while it drains: work goes on.
        self._fleet.vacate(post, "recycle:request")
