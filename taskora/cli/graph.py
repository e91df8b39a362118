"""`taskora graph`: print a workflow's graph."""

from __future__ import annotations

import click

from taskora.workflows import WorkflowHandle

from .exits import ExitCode
from .missing import no_workflow
from .target import Target, target_options


@click.command("graph")
@click.argument("workflow_id")
@click.option(
    "--format", "form", type=click.Choice(("json", "mermaid", "dot")), default="json", show_default=True,
    help="json: networkx's node-link form. dot: for Graphviz.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@target_options
def command(workflow_id: str, form: str, as_json: bool, target: Target) -> ExitCode:
    """Print a workflow's graph, with the state of each node."""
    with target.opened() as app:
        if app.inspect().workflow(workflow_id) is None:
            raise no_workflow(workflow_id)
        handle = app.workflow(workflow_id)
        click.echo(_written(handle, "json" if as_json else form).rstrip("\n"))
    return ExitCode.DONE


def _written(handle: WorkflowHandle[object], form: str) -> str:
    if form == "mermaid":
        return handle.to_mermaid()
    return handle.to_dot() if form == "dot" else handle.to_json()
