"""Which application or server a command is about."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import click

from taskora.app import Taskora
from taskora.loading import load_app

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Target:
    """What the command line and the environment name.

    Attributes:
        app: ``module:attribute``; None for none.
        url: Where the server is; None for ``$TASKORA_URL``, else the embedded server.
        prefix: Text that sets the keys apart, where no application says it.
    """

    app: str | None
    url: str | None
    prefix: str | None

    @contextmanager
    def opened(self) -> Generator[Taskora]:
        """Give the application, or one without tasks on the server; its connections of plain code end with this.

        Raises:
            AppLoadError: The application cannot be loaded.
            ConfigError: The URL or the prefix is wrong.
        """
        app = self.load()
        try:
            yield app
        finally:
            app.close()

    def run(self, body: Callable[[Taskora], Coroutine[object, object, T]]) -> T:
        """Run a coroutine with the application on an event loop; all its connections end with this.

        Raises:
            AppLoadError: The application cannot be loaded.
            ConfigError: The URL or the prefix is wrong.
        """
        app = self.load()

        async def live() -> T:
            try:
                return await body(app)
            finally:
                await app.close_async()

        return asyncio.run(live())

    def load(self) -> Taskora:
        """Load or make the application. Nothing is connected.

        Raises:
            AppLoadError: The application cannot be loaded.
            ConfigError: The URL or the prefix is wrong.
        """
        return load_app(self.app) if self.app else Taskora(self.url, prefix=self.prefix)


def target_options(command: F) -> F:
    """Add ``--app``, ``--url`` and ``--prefix`` to a command, which gets them as ``target``."""

    def gather(context: click.Context, _: click.Parameter, prefix: str | None) -> Target:
        app, url = context.params.pop("app_name", None), context.params.pop("url", None)
        if app and url:
            raise click.UsageError("--app and --url exclude each other: an application says where its server is.")
        if app and prefix:
            raise click.UsageError("--app and --prefix exclude each other: an application says its prefix.")
        if not url and not app:
            app = os.environ.get("TASKORA_APP") or None
        return Target(app, url, prefix)

    options = [
        click.option(
            "--app", "app_name", metavar="MODULE:ATTR", is_eager=True,
            help="The application, such as app:taskora.  [default: $TASKORA_APP]",
        ),
        click.option(
            "--url", metavar="URL", is_eager=True,
            help="A server, when there is no application.  [default: $TASKORA_URL, else the embedded server]",
        ),
        click.option("--prefix", "target", metavar="TEXT", callback=gather, help="Prefix of the keys, with --url."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def json_option(command: F) -> F:
    """Add ``--json`` to a command, which gets it as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON for programs.")(command)
