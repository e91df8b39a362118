"""The first page: all tasks, what they did today, and how the server is."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Final

from starlette.responses import Response

from taskora.board.history import latency_chart, throughput_chart
from taskora.board.view import Action, View
from taskora.board.visit import Visit
from taskora.model import State

STATES: Final = tuple(State)


async def show(visit: Visit) -> Response:
    """Show counts, charts, tasks and the server."""
    desk = visit.desk
    stats, throughput, latency, health, paused = await asyncio.gather(
        desk.stats(), desk.throughput(), desk.latency(), desk.health(), desk.paused()
    )
    counts = {task: asdict(count) for task, count in stats.items()}
    for count in counts.values():
        count["delayed"] = max(0, count["delayed"] - count["retrying"])
    busiest = sorted(counts, key=lambda task: (-counts[task]["active"], -counts[task]["waiting"], task))
    return visit.page(
        "overview.html",
        "Overview",
        watch="*",
        states=STATES,
        totals={state: sum(count[state] for count in counts.values()) for state in STATES},
        rows=[(task, counts[task], task in paused) for task in busiest],
        throughput=throughput_chart(throughput),
        latency=latency_chart(latency),
        server=health.server,
        checks=health.found,
        unserved=health.unserved,
    )


VIEWS: Final = (View("", show),)
ACTIONS: Final[tuple[Action, ...]] = ()
