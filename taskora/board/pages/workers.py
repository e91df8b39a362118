"""Processes that work: supervisors with their children, what they can be asked for, and workers on their own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final

from starlette.responses import Response

from taskora.adapters.request_store import LARGEST_SLOT, MOST_PROCS
from taskora.board.access.roles import Role
from taskora.board.view import Action, Field, Outcome, Question, View
from taskora.board.visit import NotFoundError, Visit
from taskora.errors import ConfigError, SupervisorNotFoundError
from taskora.fleets import ChildInfo, SupervisorInfo

_ANSWER_S: Final = 3.0


async def show(visit: Visit) -> Response:
    """List supervisors and workers."""
    supervisors, workers = await asyncio.gather(visit.inspector.supervisors_async(), visit.inspector.workers_async())
    supervised = {child.worker for supervisor in supervisors for child in supervisor.children if child.worker}
    alone = [worker for worker in workers if worker.role == "worker" and worker.id not in supervised]
    return visit.page("workers.html", "Workers", watch="time", supervisors=supervisors, alone=alone)


# Actions


async def ask_recycle(visit: Visit) -> Question:
    """Say which processes would be replaced, and what they run."""
    supervisor, slot = await _need(visit), _slot(visit)
    if slot is None:
        return Question(
            f"Recycle {_workers(len(supervisor.children))} on {supervisor.host}",
            "Each is replaced by a new process with the code as it is now, one after another, each new one ready "
            f"before the old one drains. {_running(supervisor.children)}",
            "Recycle all",
        )
    children = [child for child in supervisor.children if child.slot == slot]
    if not children:
        raise NotFoundError(f"{supervisor.host} has no worker in slot {slot}.")
    return Question(
        f"Recycle the worker in slot {slot} on {supervisor.host}",
        f"It drains, while a new process starts in its place. {_running(children)}",
        "Recycle",
    )


async def recycle(visit: Visit) -> Outcome:
    """Ask for new processes."""
    supervisor, slot = await _need(visit), _slot(visit)
    asked = visit.app.supervisors.recycle_async(supervisor.id, slot)
    what = f"{_workers(len(supervisor.children))} are" if slot is None else f"the worker in slot {slot} is"
    count = len(supervisor.children) if slot is None else 1
    return await _outcome(visit, asked, f"{supervisor.host}: {what} being replaced", count)


async def ask_scale(visit: Visit) -> Question:
    """Ask for the number of workers."""
    supervisor = await _need(visit)
    now = _wanted(supervisor)
    return Question(
        f"Scale {supervisor.host}",
        f"It has {_workers(now)} with {_jobs(supervisor.children)}. Those that are too many drain, idle ones first. It "
        "keeps the new number until it ends, and starts with its own one again.",
        "Scale",
        fields=(Field("procs", "Worker processes", "number", str(now), hint=f"1 to {MOST_PROCS}"),),
    )


async def scale(visit: Visit) -> Outcome:
    """Ask for so many workers."""
    supervisor = await _need(visit)
    visit.need("procs")
    procs = visit.number("procs", 0, MOST_PROCS)
    asked = visit.app.supervisors.scale_async(supervisor.id, procs)
    return await _outcome(
        visit, asked, f"{supervisor.host} is to have {_workers(procs)}", abs(procs - _wanted(supervisor))
    )


async def ask_drain(visit: Visit) -> Question:
    """Say that all of it would end."""
    supervisor = await _need(visit)
    return Question(
        f"Drain {supervisor.host}",
        f"The whole supervisor (pid {supervisor.pid}) ends with its {_workers(len(supervisor.children))}, as by "
        f"SIGTERM. {_running(supervisor.children)} systemd, Kubernetes or whatever else started it may start it again.",
        "Drain",
        danger=True,
    )


async def drain(visit: Visit) -> Outcome:
    """Ask a supervisor to end."""
    supervisor = await _need(visit)
    asked = visit.app.supervisors.drain_async(supervisor.id)
    return await _outcome(visit, asked, f"{supervisor.host} drains, and ends then", len(supervisor.children))


async def _need(visit: Visit) -> SupervisorInfo:
    supervisor_id = visit.need("id")
    for supervisor in await visit.inspector.supervisors_async():
        if supervisor.id == supervisor_id:
            if not supervisor.remote_control:
                raise ConfigError(f"The supervisor on {supervisor.host} takes no requests.")
            return supervisor
    raise NotFoundError(f"There is no supervisor {supervisor_id!r} (any more).")


async def _outcome(visit: Visit, asking: Awaitable[str], message: str, count: int) -> Outcome:
    """Ask, and wait a little for the answer."""
    try:
        asked = await asking
    except SupervisorNotFoundError as error:
        raise NotFoundError(str(error)) from None
    found = await visit.app.supervisors.outcome_async(asked, timeout=_ANSWER_S)
    data: dict[str, object] = {"requestId": asked, "state": "asked" if found is None else found.state}
    if found is not None and found.state == "refused":
        return Outcome(f"The supervisor refused: {found.reason}", 0, data, status=409)
    if found is not None and found.state == "accepted":
        return Outcome(message, count, data)
    return Outcome("It was asked, and has not answered yet; it does not act on it after a minute.", count, data)


def _slot(visit: Visit) -> int | None:
    return visit.number("slot", 0, LARGEST_SLOT) if visit.value("slot") else None


def _wanted(supervisor: SupervisorInfo) -> int:
    return len(supervisor.children) if supervisor.procs is None else supervisor.procs


def _workers(count: int) -> str:
    return f"{count:,} worker process{'' if count == 1 else 'es'}"


def _jobs(children: Sequence[ChildInfo]) -> str:
    count = sum(child.active for child in children)
    return f"{count:,} running job{'' if count == 1 else 's'}"


def _running(children: Sequence[ChildInfo]) -> str:
    return f"{_jobs(children)} may go on to the end; what takes longer than the drain timeout goes back to its queue."


VIEWS: Final = (View("workers", show),)
ACTIONS: Final = (
    Action("supervisor/recycle", "supervisor.recycle", ask_recycle, recycle),
    Action("supervisor/scale", "supervisor.scale", ask_scale, scale, Role.ADMIN),
    Action("supervisor/drain", "supervisor.drain", ask_drain, drain, Role.ADMIN),
)
