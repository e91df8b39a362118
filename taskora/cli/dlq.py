"""`taskora dlq`: list, group and retry failed jobs."""

from __future__ import annotations

import click

from taskora.amounts import counted
from taskora.dead_letters import FAILURES_GROUPED, DeadLetters
from taskora.errors import JobNotFoundError
from taskora.inspector import Inspector
from taskora.readable import readable

from .exits import ExitCode
from .missing import no_task
from .screen import Screen, ago
from .table import Column
from .target import Target, json_option, target_options


@click.group("dlq")
def command() -> None:
    """List, group and retry failed jobs (the dead letters)."""


@command.command("list")
@click.argument("task", required=False)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many to skip.")
@target_options
@json_option
def list_(task: str | None, limit: int, offset: int, target: Target, as_json: bool) -> ExitCode:
    """List failed jobs, of TASK or of all tasks, the newest first."""
    screen = Screen(as_json)
    with target.opened() as app:
        _check_task(app.inspect(), task)
        found = readable(app, app.dead_letters.list(task, limit=limit, offset=offset))
    if screen.as_json:
        screen.data(found)
        return ExitCode.DONE
    columns = [
        Column("id"), Column("task", shrinks=True), Column("attempt", "right"), Column("failed", "right"),
        Column("type", shrinks=True), Column("error", shrinks=True),
    ]  # fmt: skip
    rows = [[job.id, job.task, job.attempt, ago(job.finished_on), job.error_type, job.error] for job in found]
    screen.table(columns, rows, "no failed jobs")
    return ExitCode.DONE


@command.command("groups")
@click.argument("task", required=False)
@target_options
@json_option
def groups(task: str | None, target: Target, as_json: bool) -> ExitCode:
    """Count failed jobs by task, error and message, numbers and ids in it aside; the largest group first.

    The newest 1,000 failures of each task are looked at.
    """
    screen = Screen(as_json)
    with target.opened() as app:
        _check_task(app.inspect(), task)
        found = app.dead_letters.groups(task)
    if screen.as_json:
        screen.data(found)
        return ExitCode.DONE
    columns = [
        Column("count", "right"), Column("task", shrinks=True), Column("type", shrinks=True),
        Column("message", shrinks=True), Column("first", "right"), Column("last", "right"), Column("newest job"),
    ]  # fmt: skip
    rows = [
        [g.count, g.task, g.error_type, g.fingerprint, ago(g.first_seen), ago(g.last_seen), g.newest_id] for g in found
    ]
    screen.table(columns, rows, "no failed jobs")
    if any(sum(g.count for g in found if g.task == name) >= FAILURES_GROUPED for name in {g.task for g in found}):
        screen.note(f"only the newest {FAILURES_GROUPED:,} failures of a task were looked at")
    return ExitCode.DONE


@command.command("retry")
@click.argument("job_id")
@click.option("--task", metavar="NAME", help="Its task, if the id stands in several.")
@target_options
@json_option
def retry(job_id: str, task: str | None, target: Target, as_json: bool) -> ExitCode:
    """Queue a failed or cancelled job anew, with its first attempt and without a deadline.

    A workflow that it was a node of has ended, and stays as it ended.
    """
    screen = Screen(as_json)
    with target.opened() as app:
        job = app.inspect().find(job_id) if task is None else app.inspect().find(task, job_id)
        done = job is not None and _retried(app.dead_letters, task, job_id)
    if job is None:
        raise JobNotFoundError(f"there is no job {job_id}: it never existed, or retention removed it", job_id=job_id)
    if screen.as_json:
        screen.data({"id": job_id, "task": job.task, "retried": done})
    elif done:
        screen.line(f"job {job_id} of {job.task!r} is queued again")
        if job.workflow_id is not None:
            screen.note(f"its workflow {job.workflow_id} has ended and does not get its result")
    else:
        screen.note(f"job {job_id} of {job.task!r} is {job.state}: only failed and cancelled jobs can be retried")
    return ExitCode.DONE if done else ExitCode.FAILED


@command.command("retry-all")
@click.argument("task", required=False)
@target_options
@json_option
def retry_all(task: str | None, target: Target, as_json: bool) -> ExitCode:
    """Queue all failed jobs anew, of TASK or of all tasks, the oldest first. Prints how many."""
    screen = Screen(as_json)
    with target.opened() as app:
        _check_task(app.inspect(), task)
        count = app.dead_letters.retry_all(task)
    screen.tell({"task": task, "retried": count}, f"{counted(count, 'job is', 'jobs are')} queued again")
    return ExitCode.DONE


@command.command("retry-group")
@click.argument("task")
@click.argument("message")
@click.option("--type", "error_type", metavar="CLASS", help="Only errors of this class.")
@target_options
@json_option
def retry_group(task: str, message: str, error_type: str | None, target: Target, as_json: bool) -> ExitCode:
    """Queue the failed jobs of TASK anew whose MESSAGE is this, as `dlq groups` writes it. Prints how many."""
    screen = Screen(as_json)
    with target.opened() as app:
        _check_task(app.inspect(), task)
        count = app.dead_letters.retry_group(task, message, error_type=error_type)
    screen.tell(
        {"task": task, "fingerprint": message, "error_type": error_type, "retried": count},
        f"{counted(count, 'job is', 'jobs are')} queued again",
    )
    return ExitCode.DONE


def _retried(dead_letters: DeadLetters, task: str | None, job_id: str) -> bool:
    return dead_letters.retry(job_id) if task is None else dead_letters.retry(task, job_id)


def _check_task(inspector: Inspector, task: str | None) -> None:
    if task is not None and task not in (known := inspector.tasks()) and not inspector.stats(task).failed:
        raise no_task(task, known)
