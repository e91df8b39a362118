"""`taskora audit`: list who did what."""

from __future__ import annotations

import click
import orjson

from .exits import ExitCode
from .screen import Screen, ago
from .table import Column
from .target import Target, json_option, target_options


@click.command("audit")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Those before this entry.")
@target_options
@json_option
def command(limit: int, before: str | None, target: Target, as_json: bool) -> ExitCode:
    """List who did what, the newest first.

    About 10,000 acts are kept. With --json each is a line of its own.
    """
    screen = Screen(as_json)
    with target.opened() as app:
        found = app.inspect().audit(limit=limit, before=before)
    if screen.as_json:
        for entry in found:
            screen.data(entry)
        return ExitCode.DONE
    columns = [
        Column("when", "right"), Column("who", shrinks=True), Column("role"), Column("action"),
        Column("outcome"), Column("count", "right"), Column("target", shrinks=True), Column("detail", shrinks=True),
    ]  # fmt: skip
    rows = [
        [ago(e.at), e.who, e.role, e.action, e.outcome, e.count, orjson.dumps(e.target).decode(), e.detail]
        for e in found
    ]
    screen.table(columns, rows, "nothing was noted yet")
    return ExitCode.DONE
