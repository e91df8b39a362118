"""Mends workflows that a worker of another implementation left broken: it died between two of its steps.

Such a worker settles a job, advances the workflow and enqueues the next jobs in separate steps, and nothing announces
that one is missing. So the keyspace is searched, slowly, and what looks broken twice, some time apart, is mended; a
job that retention removed before its workflow heard of it runs again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from taskora.adapters.schedule_store import RepairStore

from .pace import Pace

log: logging.Logger = logging.getLogger("taskora.housekeeping")


class Mender:
    """Searches for broken workflows and mends them.

    Args:
        repairs: Where they are.
        pace: How slowly.
    """

    name = "mending of workflows"

    def __init__(self, repairs: RepairStore, pace: Pace) -> None:
        self._repairs = repairs
        self._pace = pace

    async def round(self) -> float:
        """Search once; returns the seconds until the next search."""
        suspects: dict[str, frozenset[str]] = {}
        async for workflow in self._running():
            if broken := await self._examine(workflow):
                suspects[workflow] = broken
        if suspects:
            await asyncio.sleep(self._pace.mend_grace_s)
        for workflow, before in suspects.items():
            if still_broken := before & await self._examine(workflow):
                await self._mend(workflow, still_broken)
        return self._pace.mend_s

    async def _running(self) -> AsyncIterator[str]:
        cursor = 0
        while True:
            cursor, found = await self._repairs.running_workflows(cursor, self._pace.mend_keys).run_async()
            for workflow in found:
                yield workflow
            if cursor == 0:
                return
            await asyncio.sleep(self._pace.mend_pause_s)

    async def _examine(self, workflow: str) -> frozenset[str]:
        try:
            return await self._repairs.broken_nodes(workflow).run_async()
        except Exception:  # one workflow's trouble must not stop the others
            log.exception("workflow %s could not be examined; the next search tries again", workflow)
            return frozenset()

    async def _mend(self, workflow: str, nodes: frozenset[str]) -> None:
        try:
            count = await self._repairs.mend_nodes(workflow, nodes).run_async()
        except Exception:  # one workflow's trouble must not stop the others
            log.exception("workflow %s could not be mended; the next search tries again", workflow)
        else:
            log.warning("workflow %s: mended %d nodes that another worker left: %s", workflow, count, sorted(nodes))
