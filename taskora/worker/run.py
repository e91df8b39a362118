"""One job in this worker's hands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from taskora.context import AbortReason, Context, Signal
from taskora.middleware import MiddlewareContext
from taskora.model import Claimed
from taskora.protocols import Runnable
from taskora.worker.journal import Journal

C = TypeVar("C", bound=Context)


class Run:
    """A claimed job from its claim until its outcome is written.

    Attributes:
        job: What was claimed.
        task: Its task.
        started_s: Monotonic time of the claim.
        aborted: Why it should stop; None while it should not.
        data: Its payload, once read.
        stop: Interrupts the handler, while it runs.
        handled: Whether the handler was called.
        over: Whether its outcome is decided; what the handler still does is ignored.
        atask: The asyncio task that carries it; kept, since the loop does not keep it alive.
        journal: What the handler has reported, once it has a context.
    """

    __slots__ = (
        "_context",
        "_signal",
        "aborted",
        "atask",
        "data",
        "handled",
        "job",
        "journal",
        "make_journal",
        "over",
        "started_s",
        "stop",
        "task",
    )

    def __init__(self, job: Claimed, task: Runnable, make_journal: Callable[[Run], Journal]) -> None:
        self.job: Claimed = job
        self.task: Runnable = task
        self.started_s: float = time.monotonic()
        self.aborted: AbortReason | None = None
        self.atask: asyncio.Task[None] | None = None
        self.data: object = None
        self.stop: Callable[[], None] | None = None
        self.handled: bool = False
        self.over: bool = False
        self.make_journal: Callable[[Run], Journal] = make_journal
        self.journal: Journal | None = None
        self._context: Context | None = None
        self._signal: Signal | None = None

    @property
    def context(self) -> Context:
        """The handler's context, made when first asked for."""
        if self._context is None:
            self._context = self._make_context(Context)
        return self._context

    def middleware_context(self) -> MiddlewareContext:
        """Make the context, before anybody asks for it, one that middleware can work with."""
        context = self._make_context(MiddlewareContext)
        self._context = context
        return context

    def _make_context(self, kind: type[C]) -> C:
        self._signal = Signal(self.job, asyncio.get_running_loop())
        if self.aborted is not None:
            self._signal.fire(self.aborted)
        return kind(self.job, self.task.options.retry.attempts, self._signal, self.make_journal(self))

    def abort(self, reason: AbortReason) -> bool:
        """Fire the signal; False when it had fired before."""
        if self.aborted is not None:
            return False
        self.aborted = reason
        if self._signal is not None:
            self._signal.fire(reason)
        return True
