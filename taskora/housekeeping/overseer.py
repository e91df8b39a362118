"""Ends workflows whose time is over, and does what a worker still owed one when it died."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from taskora.adapters.protocol import HouseStore, WorkflowStore

from .pace import Pace

log: logging.Logger = logging.getLogger("taskora.housekeeping")
TIMED_OUT = "workflow timeout"  # the reason that every implementation gives
_PER_ROUND = 100


class Overseer:
    """Looks after running workflows.

    Args:
        house: Knows which are overdue or owed something.
        workflows: Where they are.
        pace: How often.
    """

    name = "workflows"

    def __init__(self, house: HouseStore, workflows: WorkflowStore, pace: Pace) -> None:
        self._house = house
        self._workflows = workflows
        self._pace = pace
        self._gone: set[str] = set()

    async def round(self) -> float:
        """Cancel what is overdue and continue what is owed; returns the seconds until the next round."""
        # A deadline whose workflow was deleted by hand stays in the list: look past it.
        for workflow in await self._house.overdue_workflows(_PER_ROUND + len(self._gone)).run_async():
            if workflow not in self._gone:
                await self._guarded(workflow, self._cancel)
        owed = await self._house.owed_workflows(round(self._pace.owed_s * 1000), _PER_ROUND).run_async()
        for workflow in owed:
            await self._guarded(workflow, self._continue)
        return self._pace.workflows_s

    async def _cancel(self, workflow: str) -> None:
        if await self._workflows.cancel_workflow(workflow, TIMED_OUT).run_async():
            log.warning("workflow %s: cancelled, its deadline has passed", workflow)
        else:
            self._gone.add(workflow)

    async def _continue(self, workflow: str) -> None:
        while await self._workflows.continue_workflow(workflow).run_async():
            pass

    async def _guarded(self, workflow: str, act: Callable[[str], Awaitable[None]]) -> None:
        try:
            await act(workflow)
        except Exception:  # one workflow's trouble must not stop the others
            log.exception("workflow %s could not be looked after; the next round tries again", workflow)
