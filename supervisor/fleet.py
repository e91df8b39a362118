"""The fleet: its posts, who holds them, who is leaving, and what an end means."""

from __future__ import annotations

import logging
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from .beats import Beats, Role
from .children import Child, Limits, new_nonce
from .config import SupervisorConfig
from .cpus import allowed_cpus, pin_for
from .notices import Notices
from .nursery import Nursery, Order
from .oom import OomWatch
from .posts import Post
from .process import Exit
from .retirement import NS, Reason
from .seat import STEWARD_SLOT

_log: Final = logging.getLogger(__name__)
_JITTER: Final = 0.1


@dataclass(frozen=True, slots=True)
class Obituary:
    """How a child's end is to be understood.

    Attributes:
        cause: `exit:1`, `signal:9`, `oom`, `hung`, `boot-timeout`, `drain-timeout`, `wants-end`, `recycle:jobs`, ...
        charged: its jobs pay for it: nobody had asked for this end.
        expected: the post is filled again without a delay, and no restart is counted.
    """

    cause: str
    charged: bool
    expected: bool


def obituary(child: Child, end: Exit, *, oom: bool = False) -> Obituary:
    """Tell an end that we inflicted from one that was asked for and from one that just happened.

    Args:
        child: who ended.
        end: how.
        oom: the kernel has just killed somebody for want of memory.
    """
    if child.sentence is not None:
        return Obituary(child.sentence.cause, charged=False, expected=child.retirement is not None)
    if child.retirement is not None and end.clean:
        return Obituary(child.retirement.reason, charged=False, expected=True)
    cause = "oom" if oom and end.signal == signal.SIGKILL else end.cause
    return Obituary(cause, charged=True, expected=child.retirement is not None)


class Fleet:
    """All posts. It knows how to fill and vacate them; when to do so is for others to say."""

    def __init__(
        self,
        config: SupervisorConfig,
        beats: Beats,
        nursery: Nursery,
        notices: Notices,
        *,
        on_birth: Callable[[Child], None],
        on_end: Callable[[Child], None],
    ) -> None:
        self.config = config
        self.beats = beats
        self.notices = notices
        self.generation = 1
        self.ever_ready: bool = False
        self.stopping = False
        self.leaving: list[Child] = []
        self.killed_ready: int = 0
        self.exits: Counter[tuple[Role, str]] = Counter()
        self._nursery = nursery
        self._on_birth = on_birth
        self._on_end = on_end
        self._allowed = allowed_cpus()
        self._oom = OomWatch()
        self.posts: dict[int, Post] = {}
        self.steward: Post = Post(STEWARD_SLOT, "steward", config.backoff, None)
        for slot in range(config.procs):
            self._add_post(slot)

    def _add_post(self, slot: int) -> None:
        self.posts[slot] = Post(slot, "worker", self.config.backoff, self.beats.record(slot))
        self.beats.target = len(self.posts)

    def all_posts(self) -> list[Post]:
        """The workers' posts by slot, then the steward's."""
        return [*(self.posts[slot] for slot in sorted(self.posts)), self.steward]

    def _by_need(self) -> list[Post]:
        """All posts, as they are filled where there is not room for all: without a steward nobody's jobs come back."""
        first, *others = (self.posts[slot] for slot in sorted(self.posts))
        return [first, self.steward, *others]

    def has(self, post: Post) -> bool:
        """Whether a post is still one of these: a scale-down gives posts up, a later scale-up makes new ones."""
        return post is self.steward or self.posts.get(post.slot) is post

    def children(self) -> list[Child]:
        """Every process of the fleet that has not been reaped."""
        return [*(child for post in self.all_posts() for child in post.children()), *self.leaving]

    def workers(self) -> list[Child]:
        """As `children`, without stewards."""
        return [child for child in self.children() if child.order.role == "worker"]

    def ready_count(self) -> int:
        """Worker posts held by a ready child."""
        return sum(post.is_ready for post in self.posts.values())

    # -- births

    def fill(self) -> None:
        """Start a child for every post that is empty and due."""
        if not self._nursery.open:
            return
        now_ns = time.monotonic_ns()
        for post in [self.steward] if self.stopping else self._by_need():
            if post.wants_child and now_ns >= post.restart_at_ns:
                post.child = self._bear(post)

    def start_successor(self, post: Post) -> bool:
        """Start the process that is to take a post over; False when none can be made now."""
        if not self._nursery.open or time.monotonic_ns() < post.refused_until_ns:
            return False
        post.successor = self._bear(post)
        return post.successor is not None

    def _bear(self, post: Post) -> Child | None:
        cell = self.beats.free_cell()
        if cell is None:
            post.refused()
            return None
        cpus = pin_for(post.slot, self._allowed) if self.config.pin_cpus and post.role == "worker" else ()
        order = Order(
            slot=post.slot, role=post.role, generation=self.generation, nonce=new_nonce(), cell=cell.index, cpus=cpus
        )
        try:
            child = Child.bear(self._nursery, order, cell)
        except OSError as error:
            # Out of processes, memory or descriptors: the others go on, this post tries again, later each time.
            delay_ns = post.refused()
            _log.error(
                "%s could not be started (%s); next attempt in %.1f s",
                "the steward" if post is self.steward else f"slot {post.slot}",
                error,
                delay_ns / NS,
                extra={"action": "child.refused", "slot": post.slot},
            )
            return None
        child.limits = Limits(self.config.max_jobs, self.config.max_rss_bytes, random.uniform(1 - _JITTER, 1 + _JITTER))
        self._on_birth(child)
        _log.info("%s started", child.name, extra={"action": "child.start", **child.origin})
        return child

    # -- readiness

    def notice_ready(self, child: Child) -> None:
        """Take note of a child that has just become ready."""
        if not child.notice_ready():
            return
        _log.info("%s is ready", child.name, extra={"action": "child.ready", **child.origin})
        post = self.post_of(child)
        if post is not None:
            post.took_office()
        if child.order.role == "steward":
            self.notices.steward_ready(child.control)
        else:
            self.ever_ready = True

    def post_of(self, child: Child) -> Post | None:
        """The post that a child holds or is to hold; None when it leaves."""
        post = self.posts.get(child.order.slot) if child.order.role == "worker" else self.steward
        return post if post is not None and child in post.children() else None

    # -- ends

    def vacate(self, post: Post, reason: Reason) -> None:
        """Let a post's holder drain beside its replacement, which can start at once."""
        child = post.child
        if child is not None:
            post.child = None
            self.dismiss(child, reason)

    def dismiss(self, child: Child, reason: Reason) -> None:
        """Let a child that holds no post any more drain."""
        self.leaving.append(child)
        child.retire(reason, self.drain_s(child))

    def drain_s(self, child: Child) -> float:
        """How long a child may drain: one that never was ready has nothing to finish."""
        return self.config.drain_timeout_s if child.ready_ns else 0.0

    def scale(self, workers: int) -> None:
        """Grow or shrink to so many workers; those that leave are idle ones if there are any."""
        target = max(1, min(workers, self.beats.slots))
        if self.stopping or target == len(self.posts):
            return
        _log.info("%d workers become %d", len(self.posts), target, extra={"action": "fleet.scale"})
        while len(self.posts) < target:
            self._add_post(next(slot for slot in range(self.beats.slots) if slot not in self.posts))
        while len(self.posts) > target:
            self._remove_post(min(self.posts.values(), key=_keep_first))

    def _remove_post(self, post: Post) -> None:
        del self.posts[post.slot]
        self.beats.target = len(self.posts)
        for child in post.children():
            post.remove(child)
            self.dismiss(child, "scale")
        if post.record is not None:
            post.record.clear()

    def bury(self, child: Child, end: Exit) -> None:
        """A child has been reaped: report what it left behind, and see to its post."""
        # It may have become ready and ended between two looks.
        self.notice_ready(child)
        verdict = obituary(child, end, oom=end.signal == signal.SIGKILL and self._oom.killed())
        self.exits[child.order.role, verdict.cause] += 1
        self._log_end(child, end, verdict)
        self._report(child, end, verdict)
        if self.stopping and child.killed and child.ready_ns:
            self.killed_ready += 1
        self._settle_post(child, end, verdict)
        self._on_end(child)
        child.close()

    def _log_end(self, child: Child, end: Exit, verdict: Obituary) -> None:
        level = logging.INFO if verdict.expected and end.clean else logging.ERROR
        extra = {"action": "child.end", "cause": verdict.cause, "end": end.cause, **child.origin}
        _log.log(level, "%s ended: %s (%s)", child.name, verdict.cause, end.cause, extra=extra)

    def _report(self, child: Child, end: Exit, verdict: Obituary) -> None:
        if child.order.role == "steward":
            self.notices.steward_gone(child.control)
            if child.beat.worker and not end.clean:
                self.notices.steward_died(child.beat.worker)
            return
        worker, active = child.beat.worker, child.beat.active
        if worker and not (end.clean and active == 0):
            self.notices.died(
                worker,
                slot=child.order.slot,
                cause=verdict.cause,
                charged=verdict.charged,
                active=active,
                holders=child.beat.holders,
                answered=child.beat.answered,
            )

    def _settle_post(self, child: Child, end: Exit, verdict: Obituary) -> None:
        post = self.post_of(child)
        if child in self.leaving:
            self.leaving.remove(child)
        if post is None:
            return
        held = child is post.child
        post.remove(child)
        if post.record is not None:
            post.record.ended(verdict.cause, unexpected=not verdict.expected)
        if verdict.expected or not held:
            return
        if not child.ready_ns:
            post.boot_failed(end)
        delay_ns = post.postpone(child.ready_for_ns())
        if delay_ns:
            _log.warning(
                "slot %s waits %.1f s before its next start",
                post.slot,
                delay_ns / NS,
                extra={"action": "child.backoff", "slot": post.slot},
            )

    def due_ns(self) -> Iterator[int]:
        """When something here needs to be done next, CLOCK_MONOTONIC."""
        for child in self.children():
            yield from child.due_ns()
        if self._nursery.open:
            posts = [self.steward] if self.stopping else self.all_posts()
            yield from (post.restart_at_ns for post in posts if post.wants_child)


def _keep_first(post: Post) -> tuple[int, int, int]:
    """Smallest leaves first: an empty post, then an idle child, then the highest slot."""
    child = post.child
    busy = 0 if child is None or not child.is_ready else 1 + min(child.beat.active, 1)
    return (busy, child.order.generation if child is not None else 0, -post.slot)
