"""Headers that every answer of the board carries, and what a browser may do with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from taskora.errors import ConfigError
from taskora.quoting import quoted

_COOKIES: Final = "taskora.cookies"
_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]+", re.ASCII)
_FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), usb=()"
    ),
    "Cache-Control": "no-store",
}


class Pictured(Protocol):
    """Settings that name pictures, by address or path."""

    @property
    def logo(self) -> str | None: ...

    @property
    def favicon(self) -> str | None: ...


def add_cookie(scope: MutableMapping[str, Any], cookie: str) -> None:
    """Have a ``Set-Cookie`` sent with the answer, whoever makes it."""
    scope.setdefault(_COOKIES, []).append(cookie)


def content_policy(pictures: Iterable[str | None]) -> str:
    """Return what the board's pages may load: what it serves itself, and pictures from where these addresses are.

    Raises:
        ConfigError: An address has a host that no policy can name.
    """
    origins = dict.fromkeys(origin for origin in map(_origin_of, pictures) if origin)
    images = " ".join(("'self'", "data:", *origins))
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def protected(app: ASGIApp, settings: Pictured) -> ASGIApp:
    """Return an application whose answers carry the headers, unless they say something else themselves.

    Static files say how long they may be kept; everything else is kept nowhere. Bodies pass as they come.

    Raises:
        ConfigError: See ``content_policy``.
    """
    fixed = {**_FIXED, "Content-Security-Policy": content_policy((settings.logo, settings.favicon))}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in fixed.items():
                    headers.setdefault(name, value)
                for cookie in scope.get(_COOKIES, ()):
                    headers.append("Set-Cookie", cookie)
            await send(message)

        await app(scope, receive, send_more)

    return answer


def _origin_of(address: str | None) -> str:
    """Return where a picture is, if not here."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        raise ConfigError(f"logo, favicon: expected an address or a path, got {quoted(address)}") from None
    if not parts.netloc:
        return ""
    if parts.scheme not in ("", "http", "https") or not _HOST.fullmatch(parts.netloc):
        raise ConfigError(f"logo, favicon: expected an address of http or https, or a path; got {quoted(address)}")
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme else parts.netloc
