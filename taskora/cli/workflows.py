"""`taskora workflows`: list workflows."""

from __future__ import annotations

from typing import cast, get_args

import click

from taskora.workflow_model import WorkflowState

from .exits import ExitCode
from .screen import Screen, ago
from .table import Column
from .target import Target, json_option, target_options


@click.command("workflows")
@click.option("--state", type=click.Choice(get_args(WorkflowState)), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many to skip.")
@target_options
@json_option
def command(state: str | None, limit: int, offset: int, target: Target, as_json: bool) -> ExitCode:
    """List workflows, the newest first."""
    screen = Screen(as_json)
    with target.opened() as app:
        chosen = cast("WorkflowState | None", state)
        found = app.inspect().workflows(state=chosen, limit=limit, offset=offset)
    if screen.as_json:
        screen.data(found)
        return ExitCode.DONE
    columns = [
        Column("id"), Column("name", shrinks=True), Column("state", paint=screen.paint_state),
        Column("nodes", "right"), Column("created", "right"),
    ]  # fmt: skip
    rows = [[flow.id, flow.name, flow.state, flow.node_count, ago(flow.created_at)] for flow in found]
    screen.table(columns, rows, f"no {state} workflows" if state else "no workflows")
    return ExitCode.DONE
