"""What to say when there is no such thing."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import ClassVar

import click

from .exits import ExitCode


class NotFound(click.ClickException):
    """What a command names does not exist."""

    exit_code: ClassVar[int] = ExitCode.NOT_FOUND


def no_task(task: str, known: Sequence[str]) -> NotFound:
    """Make the error for an unknown task."""
    close = difflib.get_close_matches(task, known, n=1)
    if close:
        hint = f"did you mean {close[0]!r}?"
    elif known:
        hint = f"there are: {', '.join(known)}"
    else:
        hint = "no worker has published any; name your application with --app"
    return NotFound(f"there is no task {task!r}; {hint}")


def no_job(job_id: str, task: str | None) -> NotFound:
    """Make the error for an unknown job."""
    where = (
        "in any task that workers have published (name another with --task)" if task is None else f"of task {task!r}"
    )
    return NotFound(f"there is no job {job_id} {where}; it never existed, or retention removed it")


def no_job_or_workflow(any_id: str) -> NotFound:
    """Make the error for an id that names nothing."""
    return NotFound(
        f"there is no workflow {any_id}, and no such job in any task that workers have published (name another with "
        "--task); it never existed, or retention removed it"
    )


def no_workflow(workflow_id: str) -> NotFound:
    """Make the error for an unknown workflow."""
    return NotFound(f"there is no workflow {workflow_id}; it never existed, or it ended and retention removed it")
