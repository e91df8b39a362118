"""`taskora wait`: follow a job or workflow to its end."""

from __future__ import annotations

import click

from taskora.duration import read_duration, to_seconds

from .exits import ExitCode
from .following import follow, show_ending
from .screen import Screen
from .target import Target, json_option, target_options


@click.command("wait")
@click.argument("any_id", metavar="JOB_ID|WORKFLOW_ID")
@click.option("--task", metavar="NAME", help="The job's task; without it all tasks are searched.")
@click.option("--timeout", metavar="TIME", help="How long to wait, such as 30s; then the exit code is 124.")
@target_options
@json_option
def command(any_id: str, task: str | None, timeout: str | None, target: Target, as_json: bool) -> ExitCode:
    """Follow a job or workflow to its end, and print its result.

    Progress goes to standard error, as a bar on a terminal and as lines elsewhere. The exit code is 1 when it failed,
    expired or was cancelled.
    """
    timeout_s = None if timeout is None else to_seconds(read_duration(timeout), "timeout")
    ending = target.run(lambda app: follow(app, any_id, task, timeout_s))
    return show_ending(ending, Screen(as_json))
