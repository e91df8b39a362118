"""`taskora schedules`: list, pause, resume, trigger and remove schedules."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from taskora.errors import ScheduleNotFoundError
from taskora.model import ScheduleInfo

from .exits import ExitCode
from .screen import Screen, ago, span
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


@command.command("pause")
@click.argument("name")
@target_options
@json_option
def pause(name: str, target: Target, as_json: bool) -> ExitCode:
    """Have a schedule not fire until it is resumed."""
    with target.opened() as app:
        app.schedules.pause(name)
    return _said(Screen(as_json), name, "paused")


@command.command("resume")
@click.argument("name")
@target_options
@json_option
def resume(name: str, target: Target, as_json: bool) -> ExitCode:
    """Have a paused schedule fire again."""
    with target.opened() as app:
        app.schedules.resume(name)
    return _said(Screen(as_json), name, "resumed")


@command.command("remove")
@click.argument("name")
@target_options
@json_option
def remove(name: str, target: Target, as_json: bool) -> ExitCode:
    """Delete a schedule; one that is declared in code comes back with its next start."""
    with target.opened() as app:
        if not app.schedules.remove(name):
            raise ScheduleNotFoundError(f"there is no schedule {name!r}", name=name)
    return _said(Screen(as_json), name, "removed")


@command.command("trigger")
@click.argument("name")
@target_options
@json_option
def trigger(name: str, target: Target, as_json: bool) -> ExitCode:
    """Dispatch a schedule's job now; its next run stays as planned. Prints the job's id."""
    screen = Screen(as_json)
    with target.opened() as app:
        triggered = app.schedules.trigger(name)
    if screen.as_json:
        screen.data({"name": name, "task": triggered.task, "job_id": triggered.id})
    else:
        screen.line(triggered.id)
    return ExitCode.DONE


def _said(screen: Screen, name: str, done: str) -> ExitCode:
    if screen.as_json:
        screen.data({"name": name, "done": done})
    else:
        screen.line(f"schedule {name!r} {done}")
    return ExitCode.DONE


def _when(schedule: ScheduleInfo) -> str:
    if schedule.every is not None:
        return f"every {span(schedule.every)}"
    return f"{schedule.cron} ({schedule.timezone})"


def _next(schedule: ScheduleInfo) -> str:
    if schedule.next_run is None:
        return "paused"
    left_s = (schedule.next_run - datetime.now(UTC)).total_seconds()
    return f"in {span(left_s)}" if left_s > 0 else "due"
