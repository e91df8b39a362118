"""Waiting for many jobs and workflows to end, on a cluster: by a waiter for each place that their events are in."""

from __future__ import annotations

import asyncio

from taskora.adapters.redis.link import Link
from taskora.adapters.redis.waiter import RedisWaiter
from taskora.errors import AdapterError
from taskora.model import Outcome
from taskora.workflow_model import WorkflowOutcome


class ClusterWaiter:
    """See ``Waiter``. A blocking read covers one slot: two connections for each that somebody waits in."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiters: dict[str, RedisWaiter] = {}
        self._closed = False

    async def job(self, task: str, job_id: str) -> Outcome | None:
        """See ``Waiter``."""
        return await self._waiter(self._link.keys.task(task)).job(task, job_id)

    async def workflow(self, workflow_id: str) -> WorkflowOutcome | None:
        """See ``Waiter``."""
        return await self._waiter(self._link.keys.flows(workflow_id)).workflow(workflow_id)

    async def close(self) -> None:
        """See ``Waiter``."""
        self._closed = True
        await asyncio.gather(*(waiter.close() for waiter in self._waiters.values()))

    def _waiter(self, place: str) -> RedisWaiter:
        if self._closed:
            raise AdapterError("the application is closed; a result can no longer be awaited")
        if place not in self._waiters:
            self._waiters[place] = RedisWaiter(self._link)
        return self._waiters[place]
