"""`taskora dispatch`: have a job done."""

from __future__ import annotations

import sys

import click
import orjson

from taskora.app import Taskora
from taskora.config import MAX_PRIORITY
from taskora.dispatch_by_name import dispatch_by_name
from taskora.duration import read_duration, to_ms, to_seconds
from taskora.errors import ConfigError
from taskora.ids import new_id
from taskora.keys import check_job_id
from taskora.model import NewJob

from .exits import ExitCode
from .following import Ending, follow_job, show_ending
from .missing import no_task
from .screen import Screen
from .target import Target, json_option, target_options
from .together import refuse_without


@click.command("dispatch")
@click.argument("task")
@click.argument("data", metavar="[DATA_JSON]", required=False)
@click.option("--delay", metavar="TIME", default="0s", help="Time until the job is due, such as 5m.")
@click.option("--priority", type=click.IntRange(0, MAX_PRIORITY), default=0, help="A higher one runs first.")
@click.option("--ttl", metavar="TIME", help="Time until it expires if no worker takes it.  [default: the task's]")
@click.option("--job-id", metavar="ID", help="Its id; a job that has it is left as it is.")
@click.option("--wait", "waits", is_flag=True, help="Follow the job to its end, as taskora wait does.")
@click.option("--timeout", metavar="TIME", help="With --wait: how long.")
@target_options
@json_option
def command(
    task: str,
    data: str | None,
    delay: str,
    priority: int,
    ttl: str | None,
    job_id: str | None,
    waits: bool,
    timeout: str | None,
    target: Target,
    as_json: bool,
) -> ExitCode:
    """Have a job of TASK done, with DATA_JSON as its payload; `-` reads it from standard input.

    With --app the payload is checked against the task's type. Without it the task must have been published by a
    worker, which checks the payload when it runs the job.
    """
    refuse_without("--wait", waits, "timeout")
    payload = _payload(data)
    timeout_s = None if timeout is None else to_seconds(read_duration(timeout), "timeout")
    screen = Screen(as_json)
    job = NewJob(
        new_id() if job_id is None else check_job_id(job_id),
        payload,
        to_ms(read_duration(delay), "delay"),
        priority,
        0 if ttl is None else _ttl_ms(ttl),
        job_id is not None,
    )

    async def live(app: Taskora) -> Ending | None:
        stored_id, stored = await _store(app, task, job)
        if not waits:
            _show_stored(screen, task, stored_id, stored)
            return None
        return await follow_job(app, task, stored_id, timeout_s)

    ending = target.run(live)
    return ExitCode.DONE if ending is None else show_ending(ending, screen)


def _ttl_ms(text: str) -> int:
    ttl_ms = to_ms(read_duration(text), "ttl")
    if ttl_ms == 0:
        raise ConfigError(f"ttl: must be more than 0, got {text!r}; leave it out for the task's")
    return ttl_ms


def _payload(text: str | None) -> bytes:
    raw = sys.stdin.read() if text == "-" else "null" if text is None else text
    try:
        return orjson.dumps(orjson.loads(raw))
    except orjson.JSONDecodeError as error:
        raise click.UsageError(
            f"DATA_JSON is not JSON: {error}. A text needs double quotes within the shell's own: '\"like this\"'."
        ) from error


async def _store(app: Taskora, task: str, job: NewJob) -> tuple[str, bool]:
    stored = await dispatch_by_name(app, task, job)
    if stored is None:
        raise no_task(task, await app.inspect().tasks_async())
    return stored


def _show_stored(screen: Screen, task: str, job_id: str, stored: bool) -> None:
    if screen.as_json:
        screen.data({"id": job_id, "task": task, "enqueued": stored})
    else:
        screen.line(job_id)
        if not stored:
            screen.note(f"task {task!r} has job {job_id} already; nothing was dispatched")
