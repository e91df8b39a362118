"""Who did what."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from taskora.board.view import Action, View
from taskora.board.visit import Visit

_ENTRIES: Final = 50


async def show(visit: Visit) -> Response:
    """List what was done, the newest first."""
    before = visit.value("before") or None
    entries = await visit.inspector.audit_async(limit=_ENTRIES + 1, before=before)
    more = entries[_ENTRIES - 1].id if len(entries) > _ENTRIES else None
    return visit.page("audit.html", "Audit", watch="time", entries=entries[:_ENTRIES], more=more, before=before)


VIEWS: Final = (View("audit", show),)
ACTIONS: Final[tuple[Action, ...]] = ()
