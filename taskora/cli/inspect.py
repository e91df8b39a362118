"""`taskora inspect`: count jobs by state, or list those in one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import click

from taskora.inspector import Inspector, Throughput
from taskora.looking import Jobs
from taskora.model import JobInfo, QueueStats, State

from .exits import ExitCode
from .missing import no_task
from .payload import readable
from .screen import Screen, ago, fields_of, span
from .table import Column
from .target import Target, json_option, target_options
from .together import refuse_without

_STATES: Final = tuple(state.value for state in State)
_MINUTES: Final = 60


@click.command("inspect")
@click.argument("task", required=False)
@click.option("--state", type=click.Choice(_STATES), help="List the jobs in this state.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="With --state: how many.")
@click.option("--offset", type=click.IntRange(0), default=0, help="With --state: how many to skip.")
@target_options
@json_option
def command(task: str | None, state: str | None, limit: int, offset: int, target: Target, as_json: bool) -> ExitCode:
    """Count jobs by state, of TASK or of all tasks, or list those in one state.

    Jobs that run next come first, ended ones the newest first. The counts of `delayed` include `retrying`.
    """
    refuse_without("--state", state is not None, "limit", "offset")
    screen = Screen(as_json)
    with target.opened() as app:
        inspector = app.inspect()
        if task is not None:
            known = inspector.tasks()
            if task not in known and inspector.stats(task) == QueueStats():
                raise no_task(task, known)
        if state is None:
            _show_counts(inspector, task, screen)
        else:
            jobs = _lister(inspector, State(state))(task, limit=limit, offset=offset)
            _show_jobs(readable(app, jobs), state, screen)
    return ExitCode.DONE


def _show_counts(inspector: Inspector, task: str | None, screen: Screen) -> None:
    counts = inspector.stats_by_task() if task is None else {task: inspector.stats(task)}
    recent = inspector.throughput(task, count=_MINUTES)
    if screen.as_json:
        screen.data({"tasks": counts, "throughput": recent})
        return
    states = tuple(fields_of(QueueStats()))
    columns = [Column("task", shrinks=True), *(Column(state, "right", paint=_paint_count(screen)) for state in states)]
    rows = [[name, *fields_of(stats).values()] for name, stats in counts.items()]
    screen.table(columns, rows, "no worker has published a task here yet")
    if rows:
        screen.line(_summary(recent))


def _summary(recent: Sequence[Throughput]) -> str:
    completed, failed = sum(minute.completed for minute in recent), sum(minute.failed for minute in recent)
    last = recent[-2:]
    return (
        f"last hour: {completed:,} completed, {failed:,} failed; "
        f"this minute and the one before: {sum(minute.completed + minute.failed for minute in last):,} ended"
    )


def _show_jobs(jobs: Jobs, state: str, screen: Screen) -> None:
    if screen.as_json:
        screen.data(jobs)
        return
    columns = [
        Column("id"), Column("task", shrinks=True), Column("attempt", "right"), Column("dispatched", "right"),
        Column("took", "right"), Column("error" if state in ("failed", "retrying") else "note", shrinks=True),
    ]  # fmt: skip
    rows = [
        [job.id, job.task, job.attempt, ago(job.timestamp), took(job), job.error or job.cancel_reason] for job in jobs
    ]
    screen.table(columns, rows, f"no {state} jobs")


def took(job: JobInfo) -> str | None:
    """Say how long a job's last run took; None when it has not ended."""
    if job.processed_on is None or job.finished_on is None:
        return None
    return span((job.finished_on - job.processed_on).total_seconds())


def _lister(inspector: Inspector, state: State) -> Callable[..., Jobs]:
    listers: Mapping[State, Callable[..., Jobs]] = {
        State.WAITING: inspector.waiting, State.ACTIVE: inspector.active, State.DELAYED: inspector.delayed,
        State.RETRYING: inspector.retrying, State.COMPLETED: inspector.completed, State.FAILED: inspector.failed,
        State.EXPIRED: inspector.expired, State.CANCELLED: inspector.cancelled,
    }  # fmt: skip
    return listers[state]


def _paint_count(screen: Screen) -> Callable[[str, str], str]:
    # Nothing is not worth looking at.
    return lambda text, padded: click.style(padded, dim=True) if screen.colors and text == "0" else padded
