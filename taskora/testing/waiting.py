"""Waiting for a result has the work done that leads to it: nobody else would do it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Protocol, TypeVar

from taskora.adapters.memory import MemoryAdapter
from taskora.adapters.protocol import Waiter
from taskora.waiting import Waiting

T = TypeVar("T")
ON_STAGE: ContextVar[bool] = ContextVar("taskora_on_stage", default=False)
"""Set for handlers that a runner runs, in their threads too: they wait as handlers do in production."""


class Waits(Protocol):
    """What has the work done."""

    def wait_for(self, wait: Callable[[], Coroutine[object, object, T]], timeout_s: float | None) -> T:
        """Work until a wait is over; the timeout is virtual time."""
        ...


class WorkingWaiting(Waiting):
    """See ``Waiting``. A test that waits works meanwhile.

    Args:
        adapter: Where the jobs are.
        stage: What has the work done.
    """

    def __init__(self, adapter: MemoryAdapter, stage: Waits) -> None:
        super().__init__(adapter)
        self._waiters = adapter
        self._stage = stage

    def run(self, wait: Callable[[Waiter], Coroutine[object, object, T]], timeout_s: float | None) -> T:
        """See ``Waiting``."""
        if ON_STAGE.get():
            return super().run(wait, timeout_s)
        return self._stage.wait_for(lambda: wait(self._waiters.waiter()), timeout_s)

    async def run_async(self, wait: Callable[[Waiter], Coroutine[object, object, T]], timeout_s: float | None) -> T:
        """See ``Waiting``."""
        if ON_STAGE.get():
            return await super().run_async(wait, timeout_s)
        return await asyncio.to_thread(self.run, wait, timeout_s)
