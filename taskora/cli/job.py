"""`taskora job`: show all of a job, or cancel it."""

from __future__ import annotations

from datetime import datetime

import click

from taskora.amounts import span
from taskora.app import Taskora
from taskora.keys import reason_text
from taskora.model import CancelOutcome, JobInfo, PastAttempt
from taskora.readable import readable

from .exits import ExitCode
from .inspect import took
from .missing import no_job
from .screen import Screen, ago, written
from .target import Target, json_option, target_options
from .together import refuse_without

_CANCELLED: dict[CancelOutcome, str] = {
    "cancelled": "was cancelled",
    "flagged": "runs; its worker was told to stop it",
    "not_cancellable": "has ended already",
}


@click.command("job")
@click.argument("job_id")
@click.option("--task", metavar="NAME", help="Its task; without it all tasks are searched.")
@click.option("--cancel", is_flag=True, help="Cancel it.")
@click.option("--reason", metavar="TEXT", default="", help="With --cancel: why.")
@target_options
@json_option
def command(job_id: str, task: str | None, cancel: bool, reason: str, target: Target, as_json: bool) -> ExitCode:
    """Show all of a job: state, payload, result, error, progress, log; or cancel it."""
    refuse_without("--cancel", cancel, "reason")
    screen = Screen(as_json)
    with target.opened() as app:
        inspector = app.inspect()
        job = inspector.find(job_id) if task is None else inspector.find(task, job_id)
        if job is None:
            raise no_job(job_id, task)
        if cancel:
            return _cancel(app, job, reason, screen)
        (job,) = readable(app, [job])
    if screen.as_json:
        screen.data(job)
    else:
        _show(job, screen)
    return ExitCode.DONE


def _cancel(app: Taskora, job: JobInfo, reason: str, screen: Screen) -> ExitCode:
    outcome = app.adapter.jobs.cancel(job.task, job.id, reason_text(reason)).run()
    screen.tell({"id": job.id, "task": job.task, "outcome": outcome}, f"job {job.id} {_CANCELLED[outcome]}")
    return ExitCode.FAILED if outcome == "not_cancellable" else ExitCode.DONE


def _show(job: JobInfo, screen: Screen) -> None:
    facts: list[tuple[str, object]] = [
        ("job", job.id),
        ("task", job.task),
        ("state", screen.paint_state(job.state.value, job.state.value)),
        ("attempt", job.attempt),
        ("version", job.version),
        ("took", took(job)),
        ("workflow", f"{job.workflow_id} node {job.node}" if job.workflow_id else None),
        ("data", _json(job.data)),
        ("progress", _json(job.progress)),
        ("result", _json(job.result)),
        ("error", f"{job.error_type}: {job.error}" if job.error and job.error_type else job.error),
        ("cancelled", job.cancel_reason),
    ]
    for name, value in facts:
        if value is not None:
            screen.line(f"{screen.bold(f'{name:10}')} {value}")
    for state, at in job.timeline:
        screen.line(f"{screen.bold('timeline  ')} {_clock(at)}  {state}, {ago(at)}")
    for past in job.past_attempts:
        screen.line(f"{screen.bold('attempt   ')} {_clock(past.finished_on)}  {_told(past)}")
    for entry in job.logs:
        meta = f" {_json(entry.meta)}" if entry.meta else ""
        screen.line(f"{screen.bold('log       ')} {_clock(entry.timestamp)}  {entry.level:5} {entry.message}{meta}")
    if job.traceback:
        screen.line(job.traceback.rstrip())


def _told(past: PastAttempt) -> str:
    error = " ".join((past.error or "").split())
    said = ": ".join(part for part in (past.error_type, error) if part)
    why = f"{past.reason} ({past.cause})" if past.cause else past.reason
    ran_s = None if past.processed_on is None else (past.finished_on - past.processed_on).total_seconds()
    begun = "" if ran_s is None else f" after {span(ran_s)}"
    worker = f" on {past.worker}" if past.worker else ""
    followed = f"; {past.followed_by}" if past.followed_by else ""
    due = f" at {_clock(past.retry_at)}" if past.retry_at else ""
    return f"{past.number} {why}{begun}{worker}{f': {said}' if said else ''}{' …' if past.cut else ''}{followed}{due}"


def _json(value: object) -> str | None:
    return None if value is None else written(value)


def _clock(at: datetime) -> str:
    return at.astimezone().isoformat(sep=" ", timespec="milliseconds")
