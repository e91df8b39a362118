"""What the doctor finds on the server, as far as it costs next to nothing to ask."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from taskora import checks
from taskora.app import Taskora
from taskora.checks import Check
from taskora.errors import AdapterError
from taskora.inspector import ServerFacts


@dataclass(frozen=True, slots=True)
class Health:
    """The condition of the server, and what is not well.

    Attributes:
        server: What it says of itself.
        found: What to worry about; ``taskora doctor`` looks deeper.
        unserved: Tasks that have jobs to run and no worker.
    """

    server: ServerFacts
    found: tuple[Check, ...]
    unserved: frozenset[str]


async def look_after(app: Taskora) -> Health:
    """Read the condition of the server and of the workers."""
    inspector = app.inspect()
    server = await inspector.server_async()
    try:
        settings = await app.adapter.vitals.settings(checks.SETTINGS).run_async()
    except AdapterError:  # CONFIG is forbidden on most servers that somebody else runs
        settings = None
    stats, workers = await asyncio.gather(inspector.stats_by_task_async(), inspector.workers_async())
    found = [
        *checks.check_server(server),
        checks.check_persistence(server, settings),
        *checks.check_hash_limits(settings),
        *checks.check_workers(stats, workers),
    ]
    worrying = tuple(check for check in found if check.verdict in ("warn", "fail"))
    return Health(server, worrying, frozenset(checks.unserved(stats, workers)))
