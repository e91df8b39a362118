"""`taskora pause`: have no worker claim jobs of a task."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import click

from .exits import ExitCode
from .missing import no_task
from .screen import Screen, ago
from .table import Column
from .target import Target, json_option, target_options


@click.command("pause")
@click.argument("task", required=False)
@target_options
@json_option
def command(task: str | None, target: Target, as_json: bool) -> ExitCode:
    """Have no worker claim jobs of TASK until it is resumed; without TASK, list what is paused.

    Jobs that run go on to their end; new, delayed and scheduled ones wait. Workers of other implementations do not know
    of it.
    """
    screen = Screen(as_json)
    with target.opened() as app:
        inspector = app.inspect()
        if task is None:
            _list_paused(screen, inspector.paused())
        elif task not in (known := inspector.tasks()):
            raise no_task(task, known)
        else:
            changed = inspector.pause(task)
            screen.tell(
                {"task": task, "paused": True, "changed": changed},
                f"task {task!r} {'is paused' if changed else 'was paused already'}",
            )
    return ExitCode.DONE


def _list_paused(screen: Screen, paused: Mapping[str, datetime]) -> None:
    if screen.as_json:
        screen.data(paused)
        return
    columns = [Column("task", shrinks=True), Column("paused", "right")]
    screen.table(columns, [[name, ago(at)] for name, at in paused.items()], "no task is paused")
