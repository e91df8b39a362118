"""Payload versions of jobs that have not ended."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from markupsafe import Markup
from starlette.responses import Response

from taskora.board.drawing.versions import version_bar
from taskora.board.view import Action, View
from taskora.board.visit import PAGE_SIZE, Visit
from taskora.migration import MigrationStatus


async def show(visit: Visit) -> Response:
    """Show which versions are still under way, task by task."""
    tasks = sorted(await visit.inspector.tasks_async())
    offset = visit.number("offset", 0)
    chosen = tasks[offset : offset + PAGE_SIZE]
    found = await asyncio.gather(*(visit.inspector.migrations_async(task) for task in chosen))
    return visit.page(
        "migrations.html", "Migrations", watch="*", found=[(one, _bar(one)) for one in found], offset=offset,
        size=PAGE_SIZE, more=len(tasks) > offset + PAGE_SIZE,
    )  # fmt: skip


def _bar(status: MigrationStatus) -> Markup:
    under_way = Counter(status.waiting) + Counter(status.active) + Counter(status.delayed)
    return version_bar(under_way, status.version)


VIEWS: Final = (View("migrations", show),)
ACTIONS: Final[tuple[Action, ...]] = ()
