"""The REST API: what is read, and which actions of the pages can be done by programs too."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from taskora.board.pages import ACTIONS
from taskora.board.pages.workflows import STATES as WORKFLOW_STATES
from taskora.board.reading import asked_task, counts_of, need_job, offset_of, options_of
from taskora.board.view import Action
from taskora.board.visit import NotFoundError, Visit
from taskora.errors import ConfigError
from taskora.listing import check_task
from taskora.model import JobInfo, QueueStats, State
from taskora.readable import readable

from . import shapes

Answer: TypeAlias = Callable[[Visit], Awaitable[object]]

_STARTED_S: Final = time.monotonic()
_MOST: Final = 1000
_SMALL_NODES: Final = 200  # a graph of so many is read for the names in it


class Route(NamedTuple):
    """Something that programs may ask for.

    Attributes:
        method: Of HTTP.
        path: Below ``api/``; a part in braces matches any and becomes a value of the visit.
        what: Reads the answer, or the action to do.
        defaults: Values that a program may leave out.
    """

    method: str
    path: str
    what: Answer | Action
    defaults: Mapping[str, str] = {}  # nobody writes to it


async def overview(visit: Visit) -> object:
    """Everything at a glance."""
    stats, health = await asyncio.gather(visit.desk.stats(), visit.desk.health())
    options = {task: await options_of(visit, task) for task in stats}
    totals = {name: sum(getattr(one, name) for one in stats.values()) for name in QueueStats.__slots__}
    return {
        "tasks": [
            {"name": task, "stats": shapes.stats_shape(count), "config": shapes.config_shape(options[task])}
            for task, count in stats.items()
        ],
        "totals": totals,
        "redis": shapes.server_shape(health.server),
        "uptime": round((time.monotonic() - _STARTED_S) * 1000),
    }


async def config(visit: Visit) -> object:
    """How the board was made."""
    settings = visit.desk.settings
    return {
        "title": settings.title,
        "logo": settings.logo,
        "favicon": settings.favicon,
        "theme": settings.theme,
        "readOnly": settings.read_only,
        "refreshInterval": round(settings.refresh_s * 1000),
        "authEnabled": settings.can_log_out,
        "role": visit.user.role.value,
    }


async def jobs(visit: Visit) -> object:
    """Jobs of a task in a state."""
    state = visit.value("state", "waiting")
    chosen = State(state) if state in set(State) else State.WAITING
    return await _jobs(visit, chosen, asked_task(visit))


async def _jobs(visit: Visit, state: State, task: str | None) -> list[object]:
    limit, offset = visit.number("limit", 20, _MOST), offset_of(visit, task)
    read = getattr(visit.inspector, f"{state.value}_async")
    found: list[JobInfo] = await read(task, limit=limit, offset=offset) if limit else []
    # Large ones take a while, and others must not wait for it.
    return await asyncio.to_thread(lambda: [shapes.job_shape(visit, job) for job in readable(visit.app, found)])


async def stats(visit: Visit) -> object:
    """Counts of a task, and the keys that it takes."""
    task = asked_task(visit)
    count, keys = await asyncio.gather(visit.inspector.stats_async(task), visit.inspector.keys_async(task))
    return {
        **shapes.stats_shape(count),
        "keyCount": sum(1 for key in keys if key.count),
        "memoryBytes": sum(key.memory for key in keys),
    }


async def migrations(visit: Visit) -> object:
    """Payload versions under way."""
    task = asked_task(visit)
    if task not in await visit.inspector.tasks_async() and not any(await counts_of(visit, task)):
        raise NotFoundError("Task not found")
    return shapes.migration_shape(await visit.inspector.migrations_async(task))


async def job(visit: Visit) -> object:
    """All of a job."""
    try:
        return await asyncio.to_thread(shapes.job_shape, visit, await need_job(visit), whole=True)
    except NotFoundError:
        raise NotFoundError("Job not found") from None


async def schedules(visit: Visit) -> object:
    """All schedules."""
    return [shapes.schedule_shape(visit, one) for one in await visit.app.schedules.list_async()]


async def workflows(visit: Visit) -> object:
    """Workflows, the newest first."""
    state = visit.value("state")
    if state and state not in WORKFLOW_STATES:
        raise ConfigError(f"state: expected one of {', '.join(WORKFLOW_STATES)}")
    limit, offset = visit.number("limit", 20, _MOST), visit.number("offset", 0)
    found = await visit.inspector.workflows_async(state=state or None, limit=limit, offset=offset)
    small = [one.id for one in found if one.node_count <= _SMALL_NODES]
    records = await asyncio.gather(*(visit.inspector.workflow_async(workflow_id) for workflow_id in small))
    read = dict(zip(small, records, strict=True))
    return [shapes.summary_shape(one, read.get(one.id)) for one in found]


async def workflow(visit: Visit) -> object:
    """A workflow with its nodes."""
    record = await visit.inspector.workflow_async(visit.need("id"))
    if record is None:
        raise NotFoundError("Workflow not found")
    return shapes.workflow_shape(visit, record)


async def dead_letters(visit: Visit) -> object:
    """Failed jobs, the newest first."""
    task = visit.value("task")
    return await _jobs(visit, State.FAILED, check_task(task) if task else None)


async def throughput(visit: Visit) -> object:
    """What ended, by stretches of time."""
    task = visit.value("task")
    bucket_ms, count = visit.number("bucket", 60_000), visit.number("count", 60, 1440)
    found = await visit.inspector.throughput_async(
        check_task(task) if task else None, bucket=bucket_ms / 1000, count=count
    )
    return shapes.throughput_shape(found)


def _action(path: str) -> Action:
    return next(action for action in ACTIONS if action.path == path)


ROUTES: Final = (
    Route("GET", "overview", overview),
    Route("GET", "config", config),
    Route("GET", "tasks/{task}/jobs", jobs),
    Route("GET", "tasks/{task}/stats", stats),
    Route("GET", "tasks/{task}/migrations", migrations),
    Route("POST", "tasks/{task}/pause", _action("task/pause")),
    Route("POST", "tasks/{task}/resume", _action("task/resume")),
    Route("POST", "tasks/{task}/retry-all", _action("task/retry-all")),
    Route("POST", "tasks/{task}/clean", _action("task/clean"), {"state": "completed"}),
    Route("GET", "jobs/{id}", job),
    Route("POST", "jobs/{id}/retry", _action("job/retry")),
    Route("POST", "jobs/{id}/cancel", _action("job/cancel")),
    Route("GET", "schedules", schedules),
    Route("POST", "schedules/{name}/pause", _action("schedule/pause")),
    Route("POST", "schedules/{name}/resume", _action("schedule/resume")),
    Route("POST", "schedules/{name}/trigger", _action("schedule/trigger")),
    Route("PUT", "schedules/{name}", _action("schedule/edit")),
    Route("DELETE", "schedules/{name}", _action("schedule/delete")),
    Route("GET", "workflows", workflows),
    Route("GET", "workflows/{id}", workflow),
    Route("POST", "workflows/{id}/cancel", _action("workflow/cancel")),
    Route("GET", "dlq", dead_letters),
    Route("POST", "dlq/{id}/retry", _action("job/retry")),
    Route("POST", "dlq/retry-all", _action("dead-letters/retry-all")),
    Route("GET", "throughput", throughput),
)


def _pattern(path: str) -> re.Pattern[str]:
    # Names of tasks and schedules may have slashes in them.
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(path)), re.DOTALL)


# A name goes before what matches any.
_IN_ORDER: Final = [(route, _pattern(route.path)) for route in sorted(ROUTES, key=lambda route: "{" in route.path)]


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a request with the values of its path; None when there is none."""
    wanted = "GET" if method == "HEAD" else method
    for route, pattern in _IN_ORDER:
        match = pattern.fullmatch(path) if route.method == wanted else None
        if match is not None:
            return route, match.groupdict()
    return None
