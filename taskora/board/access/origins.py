"""Where a request may come from: what changes something, only from our own pages or from whom the board was told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from taskora.errors import ConfigError
from taskora.quoting import quoted

from .guard import Guard

_ORIGIN = re.compile(r"https?://[a-z0-9.\[\]:_-]+", re.ASCII)
_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,1000}", re.ASCII)
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_KEPT_S: Final = "600"


class Origins:
    """Decides about origins.

    Args:
        cors: Origins of other pages that may use the board with their user's session, such as
            ``https://admin.example.com``; ``*`` for any, without a session: all may look, and act on a board that asks
            who somebody is.

    Raises:
        ConfigError: An entry is no origin.
    """

    def __init__(self, cors: Sequence[str]) -> None:
        self._listed = frozenset(_checked(number, origin) for number, origin in enumerate(cors) if origin != "*")
        self._any = "*" in cors

    def refuse(self, request: Request, guard: Guard) -> str | None:
        """Say why a request that would change something is refused; None when it may.

        Browsers tell by themselves where a request comes from, and pages cannot forge it. A request that does not say
        is a program's, which has no session that a page could ride on.
        """
        site = request.headers.get("sec-fetch-site")
        if site in ("same-origin", "none"):
            return None
        origin = _origin(request)
        if origin is None and site is None:
            if not guard.uses_cookie(request):
                return None
            return "A request with a session must say where it comes from: send the header Origin."
        if origin in self._listed:
            return None
        # Where nobody is asked who they are, any page that an operator looks at could act in their stead.
        if self._any and not guard.lets_everybody_in and not guard.is_recognised(request):
            return None
        if site is None and origin == _own_origin(request):
            return None
        return (
            f"This request comes from {quoted(origin)}, and the board is at {quoted(_own_origin(request))}. Behind a "
            "proxy, have it pass on the host and the scheme; other sites are listed with cors=[…]."
        )

    def preflight(self, request: Request) -> Response | None:
        """Answer what a browser asks before it sends another page's request; None when this is no such question."""
        asked = request.headers.get("access-control-request-method")
        if request.method != "OPTIONS" or asked is None or "origin" not in request.headers:
            return None
        allowed = self._allowed(request)
        if not allowed:
            return PlainTextResponse("This origin is not among those of cors=[…].", 403, {"Vary": "Origin"})
        names = request.headers.get("access-control-request-headers", "")
        headers = {**allowed, "Vary": "Origin", "Access-Control-Max-Age": _KEPT_S}
        headers["Access-Control-Allow-Methods"] = _METHODS
        if names and _NAMES.fullmatch(names):
            headers["Access-Control-Allow-Headers"] = names
        return Response(status_code=204, headers=headers)

    def mark(self, request: Request, response: Response) -> None:
        """Tell a browser whether the page that asked may read the answer."""
        if self._listed or self._any:
            response.headers.add_vary_header("Origin")
        for name, value in self._allowed(request).items():
            response.headers[name] = value

    def _allowed(self, request: Request) -> dict[str, str]:
        origin = request.headers.get("origin", "")
        if _plain(origin) in self._listed:
            return {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
        return {"Access-Control-Allow-Origin": "*"} if self._any and origin else {}


def _checked(number: int, origin: object) -> str:
    plain = _plain(origin) if isinstance(origin, str) else None
    if plain is None or not _ORIGIN.fullmatch(plain):
        raise ConfigError(
            f"cors[{number}]: expected an origin such as 'https://admin.example.com', without a path, or '*'; got "
            f"{quoted(origin)}"
        )
    return plain


def _plain(origin: str) -> str:
    """Write an origin as browsers do: in small letters, without the port that its scheme implies."""
    lowered = origin.lower()
    return lowered.removesuffix(_DEFAULT_PORTS.get(lowered.partition("://")[0], "\0"))


def _own_origin(request: Request) -> str:
    host = request.headers.get("host") or request.url.netloc
    return _plain(f"{request.url.scheme}://{host}")


def _origin(request: Request) -> str | None:
    """Return where a request says that it comes from; None when it does not say."""
    said = request.headers.get("origin")
    if said is not None:
        return _plain(said)
    referer = request.headers.get("referer")
    if referer is None:
        return None
    try:
        parts = urlsplit(referer)
    except ValueError:
        return "null"
    return _plain(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
