"""Processes that work: supervisors with their children, and workers that run on their own."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import Response

from taskora.board.view import Action, View
from taskora.board.visit import Visit


async def show(visit: Visit) -> Response:
    """List supervisors and workers."""
    supervisors, workers = await asyncio.gather(visit.inspector.supervisors_async(), visit.inspector.workers_async())
    supervised = {child.worker for supervisor in supervisors for child in supervisor.children if child.worker}
    alone = [worker for worker in workers if worker.role == "worker" and worker.id not in supervised]
    return visit.page("workers.html", "Workers", watch="time", supervisors=supervisors, alone=alone)


VIEWS: Final = (View("workers", show),)
ACTIONS: Final[tuple[Action, ...]] = ()
