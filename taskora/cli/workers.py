"""`taskora workers`: list the processes that work."""

from __future__ import annotations

import click

from taskora.amounts import size

from .exits import ExitCode
from .screen import Screen, ago
from .table import Column
from .target import Target, json_option, target_options


@click.command("workers")
@target_options
@json_option
def command(target: Target, as_json: bool) -> ExitCode:
    """List the processes that are there: workers, and the stewards of supervisors.

    One that was killed disappears within 15 seconds.
    """
    screen = Screen(as_json)
    with target.opened() as app:
        found = sorted(app.inspect().workers(), key=lambda worker: (worker.host, worker.role, worker.pid))
    if screen.as_json:
        screen.data(found)
        return ExitCode.DONE
    columns = [
        Column("host", shrinks=True), Column("pid", "right"), Column("role"), Column("leads"),
        Column("active", "right"), Column("done", "right"), Column("failed", "right"), Column("memory", "right"),
        Column("started", "right"), Column("version"), Column("tasks", shrinks=True),
    ]  # fmt: skip
    rows = [
        [w.host, w.pid, w.role, "leader" if w.leader else "", w.active, w.done, w.failed, size(w.rss),
         ago(w.started_at), w.version, ", ".join(w.tasks)]
        for w in found
    ]  # fmt: skip
    screen.table(columns, rows, "no workers; start some with: taskora-supervise MODULE:ATTR")
    return ExitCode.DONE
