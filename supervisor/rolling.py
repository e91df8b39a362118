"""A rolling restart: one post at a time, its successor ready before its holder drains."""

from __future__ import annotations

import logging
from collections import deque
from enum import Enum
from typing import Final

from .children import Child
from .fleet import Fleet
from .posts import Post

_log: Final = logging.getLogger(__name__)


class Progress(Enum):
    """How a roll stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Roll:
    """One roll-out. The steward comes last, so that it can recover what the workers' turn leaves behind."""

    __slots__ = ("_fleet", "_former", "_post", "_queue")

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._queue = deque(fleet.all_posts())
        self._post: Post | None = None
        self._former: Child | None = None

    def step(self) -> Progress:
        """Go on as far as possible without waiting."""
        while True:
            if self._former is not None:
                if self._former in self._fleet.leaving:
                    return Progress.RUNNING
                self._former = None
            if self._post is None and not self._begin_next():
                return Progress.RUNNING if self._queue else Progress.DONE
            progress = self._replace()
            if progress is not Progress.DONE:
                return progress

    def _begin_next(self) -> bool:
        """Start the next post's successor; False when there is none, or none can be started now."""
        while self._queue:
            post = self._queue[0]
            if self._fleet.has(post):
                if not self._fleet.start_successor(post):
                    return False
                self._post = post
                self._queue.popleft()
                return True
            # It was given up by a scale-down meanwhile.
            self._queue.popleft()
        return False

    def _replace(self) -> Progress:
        post = self._post
        if post is None:
            return Progress.DONE
        if post.successor is None:
            self._post = None
            # A scale-down took the post away with its successor; anything else is a failure of the new code.
            if not self._fleet.has(post):
                return Progress.DONE
            _log.error(
                "rolling restart stopped: the new child of slot %s did not become ready; the others stay as they are",
                post.slot,
                extra={"action": "roll.failed", "slot": post.slot},
            )
            return Progress.FAILED
        if not post.successor.ready_ns:
            return Progress.RUNNING
        self._post = None
        former = post.promote()
        if former is not None:
            self._fleet.dismiss(former, "roll")
            self._former = former
        return Progress.DONE
