"""`taskora`: the way in. A command's module is imported when it is needed, so that `--help` is quick."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from taskora.errors import TaskoraError
from taskora.quoting import shown

from .exits import ExitCode, code_of

_COMMANDS: Final = {
    "demo": "Analyse the standard library on a fleet of its own: a working queue in one command.",
    "dispatch": "Have a job done.",
    "wait": "Follow a job or workflow to its end, and print its result.",
    "inspect": "Count jobs by state, or list those in one.",
    "job": "Show all of a job, or cancel it.",
    "dlq": "List, group and retry failed jobs.",
    "graph": "Print a workflow's graph as JSON, for Mermaid or for Graphviz.",
    "workflows": "List workflows.",
    "workers": "List the processes that work.",
    "supervisors": "List supervisors with their children; recycle workers, scale and drain.",
    "top": "Watch tasks, workers and rates.",
    "board": "Serve the dashboard.",
    "audit": "List who did what.",
    "flow": "Show the keys that control a task's flow, and what is collected for its batches.",
    "pause": "Have no worker claim jobs of a task, or list what is paused.",
    "resume": "Let workers claim jobs of a paused task again.",
    "schedules": "List, pause, resume, trigger and remove schedules.",
    "doctor": "Check the server, its settings, and what is stuck.",
    "bench": "Measure this installation on a server.",
}
_EPILOG: Final = """\b
Exit codes:
  0 done   1 a job, workflow or check failed   2 usage   3 no such job, workflow, schedule, task or supervisor
  4 the app did not load   5 a wrong option   69 the server does not answer   124 timeout   130 Ctrl-C
"""


class _Commands(click.Group):
    """Finds commands by their module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: object = importlib.import_module(f"{__package__}.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else f" There are: {', '.join(_COMMANDS)}."
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="taskora", prog_name="taskora")
def cli() -> None:
    """Look at a Taskora application and its server, and give it work.

    Workers are started by taskora-supervise.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and end the process with its exit code."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        ended: object = cli.main(args=arguments, prog_name="taskora", standalone_mode=False)
        sys.stdout.flush()
        return ended if isinstance(ended, int) else ExitCode.DONE
    except click.UsageError as error:
        error.show()
        return ExitCode.USAGE
    except click.ClickException as error:
        _complain(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except TaskoraError as error:
        _complain(str(error))
        return code_of(error)
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter would complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE


def _complain(message: str) -> None:
    line = " | ".join(part.strip() for part in message.splitlines() if part.strip())
    click.echo(f"taskora: {shown(line, keep=chr(9))}", err=True)
