"""Waiting in memory for jobs and workflows to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from taskora.adapters.memory.bells import Bell, job_topic, workflow_topic
from taskora.adapters.memory.jobs import outcome_of
from taskora.adapters.memory.store import Store
from taskora.adapters.memory.workflows import workflow_outcome_of
from taskora.errors import AdapterError
from taskora.model import Outcome
from taskora.workflow_model import WorkflowOutcome

T = TypeVar("T")


class MemoryWaiter:
    """See ``Waiter`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bells: set[Bell] = set()
        self._closed = False

    async def job(self, task: str, job_id: str) -> Outcome | None:
        """See ``Waiter``."""
        return await self._wait(
            job_topic(task, job_id),
            lambda: outcome_of(self._store.queue(task).jobs.get(job_id)),
            lambda outcome: outcome.state.terminal,
        )

    async def workflow(self, workflow_id: str) -> WorkflowOutcome | None:
        """See ``Waiter``."""
        return await self._wait(
            workflow_topic(workflow_id),
            lambda: workflow_outcome_of(self._store.flows.by_id.get(workflow_id)),
            lambda outcome: outcome.state != "running",
        )

    async def close(self) -> None:
        """See ``Waiter``."""
        self._closed = True
        for bell in self._bells:
            bell.ring()
        while self._bells:  # noqa: ASYNC110 - each leaves on its next turn
            await asyncio.sleep(0)

    async def _wait(self, topic: str, read: Callable[[], T | None], ended: Callable[[T], bool]) -> T | None:
        if self._closed:
            raise AdapterError("the application is closed; a result can no longer be awaited")
        bell = Bell()
        self._bells.add(bell)
        with self._store.lock:
            self._store.bells.hang(bell, (topic,))
        try:
            while True:
                with self._store.lock:
                    outcome = read()
                if outcome is None or ended(outcome):
                    return outcome
                await bell.wait()
                if self._closed:
                    raise AdapterError("the application was closed while this result was awaited")
        finally:
            self._bells.discard(bell)
            with self._store.lock:
                self._store.bells.take_down(bell, (topic,))
