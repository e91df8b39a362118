"""Replacing workers that have done enough jobs, or that have grown too big."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from .children import Child
from .fleet import Fleet
from .memory import resident_bytes
from .posts import Post
from .retirement import NS

_MEMORY_PERIOD_NS: Final = 5 * NS


class Recycling:
    """Checks the limits of `--max-jobs` and `--max-rss`; a worker that is over one drains and is replaced."""

    __slots__ = ("_fleet", "_measure", "_next_look_ns", "_period_ns")

    def __init__(
        self, fleet: Fleet, measure: Callable[[int], int | None] = resident_bytes, period_ns: int = _MEMORY_PERIOD_NS
    ) -> None:
        self._fleet = fleet
        self._measure = measure
        self._period_ns = period_ns
        self._next_look_ns = 0

    def check(self) -> None:
        """Look at the job counts, and every five seconds at the memory."""
        if self._fleet.stopping:
            return
        if self._fleet.config.max_jobs is not None:
            self._check_jobs()
        now_ns = time.monotonic_ns()
        if self._fleet.config.max_rss_bytes is not None and now_ns >= self._next_look_ns:
            self._next_look_ns = now_ns + self._period_ns
            self._check_memory()

    def _check_jobs(self) -> None:
        for post, child in self._holders():
            limit = child.limits.jobs if child.limits is not None else None
            if limit is not None and child.beat.done + child.beat.failed >= limit:
                # Its replacement boots while it drains: work goes on.
                self._fleet.vacate(post, "recycle:jobs")

    def _check_memory(self) -> None:
        # One at a time, and no replacement before the big one is gone: both at once may be what the host cannot hold.
        if any(_recycles_memory(child) for child in self._fleet.children()):
            return
        for _, child in self._holders():
            limit = child.limits.rss_bytes if child.limits is not None else None
            used = self._measure(child.process.pid) if limit is not None else None
            if limit is not None and used is not None and used > limit:
                child.retire("recycle:memory", self._fleet.drain_s(child))
                return

    def _holders(self) -> list[tuple[Post, Child]]:
        posts = list(self._fleet.posts.values())
        return [(post, post.child) for post in posts if post.child is not None and post.child.is_ready]


def _recycles_memory(child: Child) -> bool:
    return child.retirement is not None and child.retirement.reason == "recycle:memory"
