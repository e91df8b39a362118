"""`taskora board`: serve the dashboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import click

from taskora.duration import read_duration
from taskora.errors import ConfigError
from taskora.loading import load_attribute

from .exits import ExitCode
from .target import Target, target_options

if TYPE_CHECKING:
    from taskora.board import AuthCallable, Board, SessionLogin, Theme


@click.command("board")
@click.argument("app", metavar="[MODULE:ATTR]", required=False)
@click.option("--port", type=click.IntRange(0, 65535), default=3000, show_default=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--base-path", default="/board", show_default=True, metavar="PATH", help="Path of the board.")
@click.option("--auth", metavar="MODULE:ATTR", help="A SessionLogin, or a function of the request: who is let in.")
@click.option("--unprotected", is_flag=True, help="Serve other machines without --auth: a proxy lets people in.")
@click.option("--read-only", is_flag=True, help="Nobody may change anything.")
@click.option("--redact", multiple=True, metavar="NAME", help="A field that is never shown. May be repeated.")
@click.option("--title", default="taskora", show_default=True, help="Shown in the header.")
@click.option(
    "--theme", type=click.Choice(("auto", "light", "dark")), default="auto", show_default=True, help="Its colours."
)
@click.option("--refresh", default="2s", show_default=True, metavar="TIME", help="Least time between updates.")
@target_options
def command(
    app: str | None,
    port: int,
    host: str,
    base_path: str,
    auth: str | None,
    unprotected: bool,
    read_only: bool,
    redact: tuple[str, ...],
    title: str,
    theme: str,
    refresh: str,
    target: Target,
) -> ExitCode:
    """Serve the dashboard of an application, or of all tasks on a server, until it is interrupted.

    With an application, payloads that are dispatched from the board are checked against its tasks' types.
    """
    if app and (target.app or target.url):
        raise click.UsageError("MODULE:ATTR names the application: leave --app and --url out.")
    create_board = _load()
    login: object = None
    if auth is not None:
        login = load_attribute(auth, "auth", "app:login", "is it the name of your SessionLogin(...)?")
    taskora = (Target(app, None, None) if app else target).load()
    create_board(
        taskora,
        base_path=base_path.rstrip("/"),
        auth=cast("SessionLogin | AuthCallable | None", login),
        read_only=read_only,
        redact=redact,
        title=title,
        theme=cast("Theme", theme),
        refresh_interval=read_duration(refresh),
    ).listen(port, host=host, unprotected=unprotected)
    return ExitCode.DONE


def _load() -> Callable[..., Board]:
    try:
        from taskora.board import create_board
    except ModuleNotFoundError as error:
        raise ConfigError(f"the board needs {error.name}: install taskora[board]") from error
    return create_board
