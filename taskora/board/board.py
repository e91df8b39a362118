"""Making a board, and serving it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from starlette.types import ASGIApp

from taskora.app import Taskora
from taskora.config import check_count, check_flag, check_instance
from taskora.duration import Duration
from taskora.errors import ConfigError

from .access.hosts import for_this_machine, is_local
from .access.login import AuthCallable, SessionLogin
from .api.metrics import metrics
from .application import Application
from .desk import Desk
from .live.relay import Relay
from .live.stream import Streams, events, live
from .live.ticker import Ticker
from .pages import ACTIONS, VIEWS
from .settings import BoardSettings, Formatter, Theme
from .static_files import StaticFile, read_static


class Board:
    """A dashboard of an application. Made by ``create_board``.

    Attributes:
        app: The ASGI application: mount it, or give it to a server.
    """

    def __init__(self, app: Taskora, settings: BoardSettings, static: Mapping[str, StaticFile]) -> None:
        self._taskora = app
        self._settings = settings
        self._streams = Streams()
        desk = Desk(app, settings)
        self.app: Application = Application(
            desk,
            VIEWS,
            ACTIONS,
            {
                "live": live(Ticker(desk), self._streams),
                "api/events": events(Relay(desk), self._streams),
                "metrics": metrics,
            },
            static,
        )

    def listen(self, port: int = 3000, *, host: str = "127.0.0.1", unprotected: bool = False) -> None:
        """Serve the board with uvicorn until the process is told to end; says where on standard output.

        Args:
            port: TCP port; 0 takes a free one.
            host: Address to listen at. Another than one of this machine needs ``auth``; at one of this machine, without
                ``auth``, it answers only to whom asks for ``localhost`` or such an address.
            unprotected: Serve also without ``auth`` to other machines, and by any name: something in front lets people
                in.

        Raises:
            ConfigError: Nobody can listen there, or anybody in reach could act on the queue.
        """
        check_count(port, "port", least=0, most=65_535)
        check_instance(host, str, "host")
        check_flag(unprotected, "unprotected")
        guarded = unprotected or self._settings.auth is not None
        if not (guarded or self._settings.read_only or is_local(host)):
            raise ConfigError(
                f"host: at {host} anybody in reach could act on the queue: give auth=SessionLogin(…) or "
                "read_only=True, or unprotected=True when something in front lets people in"
            )
        if find_spec("uvicorn") is None:
            raise ConfigError("serving needs uvicorn: install taskora[board]")
        try:
            listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except (OSError, OverflowError) as error:
            raise ConfigError(f"port: nobody can listen at {host}:{port}: {error}") from error
        with listener:
            shown_host = f"[{host}]" if ":" in host else host
            address = f"http://{shown_host}:{listener.getsockname()[1]}{self._settings.base_path}/"
            print(f"{self._settings.title} board listening on {address}", flush=True)  # noqa: T201 - it is a program here
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(
                    self._serve(listener, self.app if guarded or not is_local(host) else for_this_machine(self.app))
                )

    async def _serve(self, listener: socket.socket, app: ASGIApp) -> None:
        # Kept out of the module: who mounts the application brings a server of their own.
        import uvicorn

        streams = self._streams

        class Server(uvicorn.Server):
            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                streams.end()
                await super().shutdown(sockets)

        config = uvicorn.Config(app, lifespan="off", log_level="warning", timeout_graceful_shutdown=1)
        try:
            await Server(config).serve([listener])
        finally:
            await self._taskora.adapter.close_loop()


def create_board(
    app: Taskora,
    *,
    base_path: str = "/board",
    auth: SessionLogin | AuthCallable | None = None,
    read_only: bool = False,
    title: str = "taskora",
    logo: str | None = None,
    favicon: str | None = None,
    theme: Theme = "auto",
    refresh_interval: Duration = 2,
    redact: Sequence[str] = (),
    cors: Sequence[str] = (),
    formatters: Mapping[str, Formatter] | None = None,
) -> Board:
    """Make a dashboard of an application.

    It keeps nothing of its own: what it shows is read from the server through the inspector, so that any number of
    boards show the same.

    Args:
        app: The application. Tasks that it does not define are shown too, once a worker has published them.
        base_path: Path of the board when it is not mounted below another; empty for the root.
        auth: Lets people in; None lets in everybody as an administrator.
        read_only: Nobody may change anything, whatever their role.
        title: Shown in the header and by the browser's tab.
        logo: Address of an image for the header.
        favicon: Address of an icon for the browser's tab.
        theme: ``light``, ``dark``, or ``auto`` for what the browser prefers. Each user may choose another.
        refresh_interval: Least time between two updates of a page that is open; 0.25 s or more.
        redact: Names of fields that are never shown, beside those of passwords and tokens; case, ``-`` and ``_`` are
            ignored. They are masked in payloads, results, errors, logs, workflows and events alike.
        cors: Origins whose scripts may use the REST API, such as ``https://ops.example.com``.
        formatters: What to show in place of a payload (``data``) or a result (``result``): functions of the value and
            the task's name. Secrets are masked in what they return.

    Raises:
        ConfigError: An argument is none of those.
    """
    settings = BoardSettings(
        base_path=base_path,
        auth=auth,
        read_only=read_only,
        title=title,
        logo=logo,
        favicon=favicon,
        theme=theme,
        refresh_interval=refresh_interval,
        redact=redact,
        cors=cors,
        formatters=formatters,
    )
    return Board(check_instance(app, Taskora, "app"), settings, read_static())
