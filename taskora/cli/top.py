"""`taskora top`: watch tasks, workers and rates."""

from __future__ import annotations

from typing import Final

import click

from taskora.app import Taskora
from taskora.duration import read_duration, to_seconds
from taskora.errors import AdapterError, ConfigError

from .exits import ExitCode
from .live import Terminal, is_terminal
from .overview import Line, lay_out, look
from .screen import Screen
from .table import fit
from .target import Target, json_option, target_options

_LEAST_S: Final = 0.5


@click.command("top")
@click.option("--interval", default="2s", show_default=True, metavar="TIME", help="Time between two looks.")
@click.option("--once", is_flag=True, help="Look once, and write it as text.")
@target_options
@json_option
def command(interval: str, once: bool, target: Target, as_json: bool) -> ExitCode:
    """Watch tasks, workers and rates. Press q to quit.

    Rates are of this minute and the one before. The busiest tasks come first. Where there is no terminal, or with
    --json, it looks once.
    """
    pause_s = to_seconds(read_duration(interval), "interval")
    if pause_s < _LEAST_S:
        raise ConfigError(f"interval: {interval} is less than {_LEAST_S} seconds")
    screen = Screen(as_json)
    with target.opened() as app:
        if once or as_json or not is_terminal():
            _show_once(app, screen)
        else:
            _watch(app, Terminal(screen.colors), pause_s)
    return ExitCode.DONE


def _show_once(app: Taskora, screen: Screen) -> None:
    overview = look(app)
    if screen.as_json:
        screen.data(overview)
        return
    for line in lay_out(overview, screen.width, None):
        screen.line(screen.bold(line.text) if line.heading and line.text else line.text)


def _watch(app: Taskora, terminal: Terminal, pause_s: float) -> None:
    overview = look(app)
    trouble = ""
    with terminal.taken():
        try:
            while True:
                width, height = terminal.width, terminal.height
                foot = trouble or "q quits, any other key looks again"
                lines = lay_out(overview, width, max(1, height - 1))
                terminal.draw([*lines, Line(fit(foot, width))][:height])
                if terminal.wait_for_key(pause_s) in ("q", "Q", "\x1b"):
                    return
                try:
                    overview, trouble = look(app), ""
                except AdapterError as error:
                    # What was seen last stays, with its time; the server may come back.
                    trouble = " ".join(str(error).split())
        except KeyboardInterrupt:
            return
