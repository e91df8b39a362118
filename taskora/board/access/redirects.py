"""Addresses to go on to after signing in: only those of the board."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote, urlencode

from starlette.requests import Request

_LONGEST: Final = 2_000


def board_of(request: Request) -> str:
    """Return the path of the board as the browser writes it, without a slash at its end."""
    return quote(str(request.scope["taskora.prefix"]))


def login_address(request: Request) -> str:
    """Return the address of the login page, which leads back to what a request asked for."""
    path = quote(f"{request.scope['taskora.prefix']}/{request.scope['taskora.path']}")
    query = request.scope.get("query_string", b"").decode("latin-1")
    target = f"{path}?{query}" if query else path
    known = checked_target(request, target)
    suffix = f"?{urlencode({'redirect': known})}" if known != f"{board_of(request)}/" else ""
    return f"{board_of(request)}/login{suffix}"


def checked_target(request: Request, target: str) -> str:
    """Return where to go on to: the target when it is a page of this board, and else the board itself.

    Browsers read a backslash as a slash, drop tabs and newlines, and walk up at ``..``, also at an encoded one.
    """
    board = board_of(request)
    path, _, _ = target.partition("?")
    below = path.removeprefix(f"{board}/") if path.startswith(f"{board}/") else None
    is_ours = (
        below is not None
        and len(target) <= _LONGEST
        and target.isascii()
        and target.isprintable()
        and not set(target) & set("\\ #")
        and "//" not in target
        and not {".", ".."} & set(unquote(path).split("/"))
        and "\\" not in unquote(path)
        and below.rstrip("/") not in ("login", "auth/login", "auth/logout")
    )
    return target if is_ours else f"{board}/"
