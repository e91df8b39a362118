"""Finding a job or a workflow by its id."""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from taskora.board.reading import options_of
from taskora.board.view import Action, View
from taskora.board.visit import Visit
from taskora.errors import ConfigError


async def show(visit: Visit) -> Response:
    """Go to what has the id, or ask for one."""
    wanted = visit.value("id").strip()
    if wanted:
        found = await _find(visit, wanted)
        if found is not None:
            return RedirectResponse(found, 303)
    tasks = await visit.inspector.tasks_async()
    indexed = [(task, options.index) for task in tasks if (options := await options_of(visit, task)) and options.index]
    return visit.page(
        "search.html", "Search", status=404 if wanted else 200, wanted=wanted, indexed=indexed,
        task=visit.value("task"), path=visit.value("where"),
    )  # fmt: skip


async def _find(visit: Visit, wanted: str) -> str | None:
    try:
        job = await visit.inspector.find_async(wanted)
        if job is not None:
            return visit.url("job", task=job.task, id=job.id)
        if await visit.inspector.workflow_async(wanted) is not None:
            return visit.url("workflow", id=wanted)
    except ConfigError:  # what cannot be an id is nobody's
        return None
    return visit.url("task", name=wanted) if wanted in await visit.inspector.tasks_async() else None


VIEWS: Final = (View("search", show),)
ACTIONS: Final[tuple[Action, ...]] = ()
