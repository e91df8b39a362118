"""`taskora schedules`: list, pause, resume, trigger and remove schedules."""

from __future__ import annotations

from collections.abc import Callable

import click

from taskora.amounts import span
from taskora.errors import ScheduleNotFoundError
from taskora.model import ScheduleInfo
from taskora.schedules import Schedules

from .exits import ExitCode
from .screen import Screen, ago, until
from .table import Column
from .target import Target, json_option, target_options


@click.group("schedules")
def command() -> None:
    """List, pause, resume, trigger and remove schedules."""


@command.command("list")
@target_options
@json_option
def list_(target: Target, as_json: bool) -> ExitCode:
    """List all schedules by name."""
    screen = Screen(as_json)
    with target.opened() as app:
        found = app.schedules.list()
    if screen.as_json:
        screen.data(found)
        return ExitCode.DONE
    columns = [
        Column("name", shrinks=True), Column("task", shrinks=True), Column("when", shrinks=True),
        Column("next", "right"), Column("last", "right"), Column("last job"),
    ]  # fmt: skip
    rows = [[s.name, s.task, _when(s), _next(s), ago(s.last_run), s.last_job_id] for s in found]
    screen.table(columns, rows, "no schedules")
    return ExitCode.DONE


@command.command("trigger")
@click.argument("name")
@target_options
@json_option
def trigger(name: str, target: Target, as_json: bool) -> ExitCode:
    """Dispatch a schedule's job now; its next run stays as planned. Prints the job's id."""
    screen = Screen(as_json)
    with target.opened() as app:
        triggered = app.schedules.trigger(name)
    screen.tell({"name": name, "task": triggered.task, "job_id": triggered.id}, triggered.id)
    return ExitCode.DONE


def _remove(schedules: Schedules, name: str) -> None:
    if not schedules.remove(name):
        raise ScheduleNotFoundError(f"there is no schedule {name!r}", name=name)


def _add_change(verb: str, done: str, text: str, change: Callable[[Schedules, str], None]) -> None:
    """Add a command that changes a schedule and says so."""

    @command.command(verb, help=text)
    @click.argument("name")
    @target_options
    @json_option
    def changed(name: str, target: Target, as_json: bool) -> ExitCode:
        screen = Screen(as_json)
        with target.opened() as app:
            change(app.schedules, name)
        screen.tell({"name": name, "done": done}, f"schedule {name!r} {done}")
        return ExitCode.DONE


_add_change("pause", "paused", "Have a schedule not fire until it is resumed.", Schedules.pause)
_add_change("resume", "resumed", "Have a paused schedule fire again.", Schedules.resume)
_add_change(
    "remove", "removed", "Delete a schedule; one that is declared in code comes back with its next start.", _remove
)


def _when(schedule: ScheduleInfo) -> str:
    if schedule.every is not None:
        return f"every {span(schedule.every)}"
    return f"{schedule.cron} ({schedule.timezone})"


def _next(schedule: ScheduleInfo) -> str:
    return "paused" if schedule.next_run is None else until(schedule.next_run)
