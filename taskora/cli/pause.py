"""`taskora pause`: have no worker claim jobs of a task."""

from __future__ import annotations

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
        if task is not None:
            if task not in (known := inspector.tasks()):
                raise no_task(task, known)
            changed = inspector.pause(task)
        else:
            paused = inspector.paused()
    if task is None:
        if screen.as_json:
            screen.data(paused)
        else:
            columns = [Column("task", shrinks=True), Column("paused", "right")]
            screen.table(columns, [[name, ago(at)] for name, at in paused.items()], "no task is paused")
    elif screen.as_json:
        screen.data({"task": task, "paused": True, "changed": changed})
    else:
        screen.line(f"task {task!r} {'is' if changed else 'was'} paused{'' if changed else ' already'}")
    return ExitCode.DONE
