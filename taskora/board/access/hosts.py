"""Which names a board answers to that serves this machine alone."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from taskora.quoting import quoted

_REFUSED: Final = 421


def is_local(host: str) -> bool:
    """Tell whether a name or an address is that of the machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def for_this_machine(app: ASGIApp) -> ASGIApp:
    """Return an application that is not to be had under another name than one of this machine.

    Whoever owns a name can have it lead to this machine for a while. Their pages, open in a browser here, would be of
    the board's own origin then, and could read and do everything.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = Headers(scope=scope).get("host", "localhost")
            if not is_local(_name_in(given)):
                await PlainTextResponse(
                    f"This board serves its own machine, as localhost; it was asked for as {quoted(given)}. When a "
                    "proxy in front lets people in, start it with --unprotected.",
                    _REFUSED,
                )(scope, receive, send)
                return
        await app(scope, receive, send)

    return answer


def _name_in(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
