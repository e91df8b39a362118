"""Schedules: when they run next, and what can be done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from starlette.responses import Response

from taskora.amounts import span_in_parts
from taskora.board.access.roles import Role
from taskora.board.reading import read_payload
from taskora.board.screens import to_json
from taskora.board.view import Action, Field, Outcome, Question, View
from taskora.board.visit import NotFoundError, Visit
from taskora.clock import from_ms
from taskora.duration import Duration, read_duration
from taskora.errors import ConfigError
from taskora.model import ScheduleInfo, State
from taskora.schedules.changes import UNSET
from taskora.schedules.occurrences import next_occurrence

_RUNS_SHOWN: Final = 5
_OVERLAPS: Final = (("yes", "run beside it"), ("no", "skip the run"))


async def show(visit: Visit) -> Response:
    """List the schedules."""
    found = await visit.app.schedules.list_async()
    states = await _last_states(visit, found)
    rows = [
        (schedule, when(schedule), list(next_runs(schedule)), state)
        for schedule, state in zip(found, states, strict=True)
    ]
    return visit.page("schedules.html", "Schedules", watch="time", rows=rows)


async def _last_states(visit: Visit, schedules: Sequence[ScheduleInfo]) -> list[State | None]:
    """Tell what became of the last job of each schedule; None where it never ran, or its job is gone."""

    async def state_of(schedule: ScheduleInfo) -> State | None:
        if not schedule.last_job_id:
            return None
        outcome = await visit.app.adapter.jobs.outcome(schedule.task, schedule.last_job_id).run_async()
        return None if outcome is None else outcome.state

    return await asyncio.gather(*map(state_of, schedules))


def when(schedule: ScheduleInfo) -> str:
    """Say when a schedule runs."""
    if schedule.every is not None:
        return f"every {span_in_parts(schedule.every)}"
    return f"{schedule.cron} in {schedule.timezone}"


def next_runs(schedule: ScheduleInfo) -> Iterator[datetime]:
    """Tell the next five runs in the schedule's zone; none of one that is paused, or cannot be read."""
    first = schedule.next_run
    if first is None:
        return iter(())
    if schedule.every is not None:
        step = timedelta(seconds=schedule.every)
        return (first + number * step for number in range(_RUNS_SHOWN))
    return islice(_cron_runs(schedule, first), _RUNS_SHOWN)


def _cron_runs(schedule: ScheduleInfo, at: datetime) -> Iterator[datetime]:
    try:
        zone = ZoneInfo(schedule.timezone)
        while True:
            yield at.astimezone(zone)
            at = from_ms(next_occurrence(schedule.cron or "", schedule.timezone, int(at.timestamp() * 1000)))
    except (ConfigError, ValueError, OSError):
        return


# Actions


async def _need(visit: Visit) -> ScheduleInfo:
    name = visit.need("name")
    for schedule in await visit.app.schedules.list_async():
        if schedule.name == name:
            return schedule
    raise NotFoundError(f"There is no schedule {name!r}.")


async def ask_pause(visit: Visit) -> Question:
    """Say what pausing does."""
    schedule = await _need(visit)
    return Question(
        f"Pause {schedule.name}", "It does not fire until it is resumed; missed runs follow its rule.", "Pause"
    )


async def pause(visit: Visit) -> Outcome:
    """Pause a schedule."""
    schedule = await _need(visit)
    await visit.app.schedules.pause_async(schedule.name)
    return Outcome(f"{schedule.name} is paused")


async def ask_resume(visit: Visit) -> Question:
    """Say what resuming does."""
    schedule = await _need(visit)
    return Question(f"Resume {schedule.name}", f"It runs {when(schedule)} again.", "Resume")


async def resume(visit: Visit) -> Outcome:
    """Resume a schedule."""
    schedule = await _need(visit)
    await visit.app.schedules.resume_async(schedule.name)
    return Outcome(f"{schedule.name} fires again")


async def ask_trigger(visit: Visit) -> Question:
    """Say what triggering does."""
    schedule = await _need(visit)
    return Question(
        f"Trigger {schedule.name}", f"One job of {schedule.task} is dispatched now; the plan stays as it is.", "Trigger"
    )


async def trigger(visit: Visit) -> Outcome:
    """Dispatch a schedule's job now."""
    schedule = await _need(visit)
    handle = await visit.app.schedules.trigger_async(schedule.name)
    return Outcome(f"{schedule.name}: job {handle.id} was dispatched", 1, {"jobId": handle.id})


async def ask_edit(visit: Visit) -> Question:
    """Show a schedule's options for editing."""
    schedule = await _need(visit)
    every = "" if schedule.every is None else f"{schedule.every:g}s"
    return Question(
        f"Edit {schedule.name}",
        "A schedule that is declared in code takes its declared options again when a worker with other code starts.",
        "Save",
        fields=(
            Field("every", "Every", value=every, hint="Such as 30s, 5m, 1d; or a cron expression below."),
            Field("cron", "Cron", value=schedule.cron or "", hint="minute hour day month weekday"),
            Field("timezone", "Time zone", value=schedule.timezone),
            Field("on_missed", "Missed runs", value=schedule.on_missed, hint="skip, catch-up or catch-up-limit:N"),
            Field("overlap", "While the last job runs", "choice", "yes" if schedule.overlap else "no", _OVERLAPS),
            Field("data", "Payload", "json", to_json(visit.desk.shown.data(schedule.data, schedule.task))),
        ),
    )


async def edit(visit: Visit) -> Outcome:
    """Change a schedule; what was left as it is stays as it is."""
    schedule = await _need(visit)
    every, cron = visit.value("every").strip(), visit.value("cron").strip()
    stays_every = schedule.every is not None and every == f"{schedule.every:g}s"
    shown_data = to_json(visit.desk.shown.data(schedule.data, schedule.task))
    data = visit.value("data", shown_data).replace("\r\n", "\n")
    await visit.app.schedules.update_async(
        schedule.name,
        every=_duration(visit, every) if every and not stays_every else None,
        cron=cron if cron and cron != schedule.cron else None,
        timezone=_changed(visit, "timezone", schedule.timezone),
        on_missed=_changed(visit, "onMissed" if "onMissed" in visit.values else "on_missed", schedule.on_missed),
        overlap={"yes": True, "no": False, "true": True, "false": False}.get(visit.value("overlap")),
        data=UNSET if data == shown_data else read_payload(data),
    )
    return Outcome(f"{schedule.name} is changed")


def _duration(visit: Visit, text: str) -> Duration:
    """Read a period: with its unit, or from programs in milliseconds."""
    in_ms = visit.path.startswith("api/") and text.isascii() and text.isdigit() and len(text) < 16
    return int(text) / 1000 if in_ms else read_duration(text)


def _changed(visit: Visit, name: str, before: str) -> str | None:
    given = visit.value(name).strip()
    return given if given and given != before else None


async def ask_remove(visit: Visit) -> Question:
    """Say what deleting does."""
    schedule = await _need(visit)
    return Question(
        f"Delete {schedule.name}",
        "The schedule is deleted. One that is declared in code comes back when a worker starts.",
        "Delete",
        danger=True,
    )


async def remove(visit: Visit) -> Outcome:
    """Delete a schedule."""
    schedule = await _need(visit)
    removed = await visit.app.schedules.remove_async(schedule.name)
    return Outcome(f"{schedule.name} is deleted", int(removed))


VIEWS: Final = (View("schedules", show),)
ACTIONS: Final = (
    Action("schedule/pause", "schedule.pause", ask_pause, pause),
    Action("schedule/resume", "schedule.resume", ask_resume, resume),
    Action("schedule/trigger", "schedule.trigger", ask_trigger, trigger),
    Action("schedule/edit", "schedule.edit", ask_edit, edit, Role.ADMIN),
    Action("schedule/delete", "schedule.delete", ask_remove, remove, Role.ADMIN),
)
