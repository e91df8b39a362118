"""Sessions that live in a signed cookie: nothing is kept on the server.

The bytes are JSON, as base64, a dot, and a signature of that base64 text and of the board that it is for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote

import orjson
from starlette.requests import Request

from .roles import Role, User


class Session(NamedTuple):
    """Who signed in, and until when that counts.

    Attributes:
        user: Who.
        expires_ms: Milliseconds since the epoch; None for never.
    """

    user: User
    expires_ms: int | None


def sign(session: Session, key: str, board: str) -> str:
    """Return a session as a cookie's value, percent-encoded; no board of another name takes it."""
    user = {"id": session.user.name, "role": session.user.role.value}
    payload = base64.b64encode(orjson.dumps({"user": user, "exp": session.expires_ms})).decode()
    return quote(f"{payload}.{_signature(payload, key, board)}", safe="")


def verify(value: str, key: str, board: str) -> Session | None:
    """Read a cookie's value; None when we did not sign it for this board, or it says nothing that we know.

    Whether it has expired is not looked at.
    """
    payload, dot, signature = unquote(value).rpartition(".")
    expected = _signature(payload, key, board).encode()
    if not dot or not hmac.compare_digest(signature.encode("utf-8", "replace"), expected):
        return None
    try:
        said: object = orjson.loads(base64.b64decode(payload, validate=True))
    except ValueError:
        return None
    return _session(said)


def values_of(request: Request, name: str) -> Iterator[str]:
    """List all values that a browser sent for a cookie.

    It sends several when another application of the host, or an attacker beside it, set one of this name for another
    path; a dictionary would keep whichever came last.
    """
    for header in request.headers.getlist("cookie"):
        for part in header.split(";"):
            found, _, value = part.strip().partition("=")
            if found == name:
                yield value


def _signature(payload: str, key: str, board: str) -> str:
    # Which ends where cannot be mistaken: a board's part has a fixed length.
    of_board = hashlib.sha256(board.encode("utf-8", "replace")).digest()
    digest = hmac.new(key.encode(), of_board + payload.encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _session(said: object) -> Session | None:
    match said:
        case {"user": {"id": str(name), "role": str(role)}, "exp": None | int() as expires} if role in set(Role):
            if isinstance(expires, bool):
                return None
            return Session(User(name, Role(role)), expires)
        case _:
            return None
