"""`taskora inspect`: count jobs by state, list those in one, or find some by their payload."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import click

from taskora.amounts import span
from taskora.app import Taskora
from taskora.indexing import check_path, entry_of
from taskora.inspector import Inspector, Throughput
from taskora.listing import check_cursor
from taskora.looking import Jobs
from taskora.model import JobInfo, Page, QueueStats, State
from taskora.readable import readable

from .exits import ExitCode
from .missing import no_task
from .screen import Screen, ago, fields_of
from .table import Column
from .target import Target, json_option, target_options
from .together import refuse_without

_STATES: Final = tuple(state.value for state in State)
_MINUTES: Final = 60


@click.command("inspect")
@click.argument("task", required=False)
@click.option("--state", type=click.Choice(_STATES), help="List the jobs in this state.")
@click.option("--where", metavar="PATH=VALUE", help="List the jobs of TASK with this value in their payload.")
@click.option("--cursor", metavar="TEXT", help="With --where: go on behind the page that ended with this.")
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="With --state or --where: how many."
)
@click.option("--offset", type=click.IntRange(0), default=0, help="With --state: how many to skip.")
@target_options
@json_option
def command(
    task: str | None, state: str | None, where: str | None, cursor: str | None, limit: int, offset: int,
    target: Target, as_json: bool,
) -> ExitCode:  # fmt: skip
    """Count jobs by state, of TASK or of all tasks, list those in one state, or find some by their payload.

    Jobs that run next come first, ended ones the newest first. The counts of `delayed` include `retrying`.
    What a task indexes can be searched: `--where user_id=42`; the newest dispatch comes first.
    """
    refuse_without("--state or --where", state is not None or where is not None, "limit")
    refuse_without("--state", state is not None, "offset")
    refuse_without("--where", where is not None, "cursor")
    path, value = _condition(where, task, state)
    check_cursor(cursor)
    screen = Screen(as_json)
    with target.opened() as app:
        inspector = app.inspect()
        if task is not None:
            known = inspector.tasks()
            if task not in known and inspector.stats(task) == QueueStats():
                raise no_task(task, known)
        if task is not None and where is not None:
            _show_found(app, inspector.search(task, path, value, limit=limit, cursor=cursor), screen)
        elif state is None:
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


def _condition(where: str | None, task: str | None, state: str | None) -> tuple[str, str]:
    if where is None:
        return "", ""
    if task is None or state is not None:
        raise click.UsageError("--where finds jobs of one task in all states: name the TASK, and leave --state out.")
    path, equals, value = where.partition("=")
    if not equals:
        raise click.UsageError(f"--where: expected PATH=VALUE, such as user_id=42; got {where!r}.")
    entry_of(check_path(path, "where"), value, "where")
    return path, value


def _show_found(app: Taskora, page: Page, screen: Screen) -> None:
    jobs = readable(app, page.jobs)
    if screen.as_json:
        screen.data({"jobs": jobs, "cursor": page.cursor})
        return
    columns = [
        Column("id"), Column("state"), Column("attempt", "right"), Column("dispatched", "right"),
        Column("took", "right"), Column("note", shrinks=True),
    ]  # fmt: skip
    rows = [
        [job.id, job.state, job.attempt, ago(job.timestamp), took(job), job.error or job.cancel_reason] for job in jobs
    ]
    screen.table(columns, rows, "no job has this value")
    if page.cursor is not None:
        screen.note(f"there are more: --cursor {page.cursor}")


def _summary(recent: Sequence[Throughput]) -> str:
    told = ", ".join(f"{count:,} {how}" for how, count in _ended(recent).items())
    return f"last hour: {told}; this minute and the one before: {sum(_ended(recent[-2:]).values()):,} ended"


def _ended(minutes: Sequence[Throughput]) -> dict[str, int]:
    return {
        "completed": sum(minute.completed for minute in minutes),
        "failed": sum(minute.failed for minute in minutes),
        "cancelled": sum(minute.cancelled for minute in minutes),
        "expired": sum(minute.expired for minute in minutes),
    }


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
