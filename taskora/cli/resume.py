"""`taskora resume`: let workers claim jobs of a paused task again."""

from __future__ import annotations

import click

from .exits import ExitCode
from .missing import no_task
from .screen import Screen
from .target import Target, json_option, target_options


@click.command("resume")
@click.argument("task")
@target_options
@json_option
def command(task: str, target: Target, as_json: bool) -> ExitCode:
    """Let workers claim jobs of a paused TASK again; idle ones begin at once."""
    screen = Screen(as_json)
    with target.opened() as app:
        inspector = app.inspect()
        changed = inspector.resume(task)
        if not changed and task not in (known := inspector.tasks()):
            raise no_task(task, known)
    screen.tell(
        {"task": task, "paused": False, "changed": changed},
        f"task {task!r} {'is resumed' if changed else 'was not paused'}",
    )
    return ExitCode.DONE
