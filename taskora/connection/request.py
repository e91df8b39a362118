"""What is sent to the server, and what its answers mean."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import hiredis

from taskora.lua import Script

T = TypeVar("T")
Arg: TypeAlias = str | bytes | int | float
Command: TypeAlias = tuple[Arg, ...]


class ScriptCall(NamedTuple):
    """A script with its keys, all of one slot on a cluster, and its arguments."""

    script: Script
    keys: Sequence[str]
    args: Sequence[Arg]


Request: TypeAlias = Sequence[Command | ScriptCall]
"""Commands that are written at once and answered in order."""

Replies: TypeAlias = list[Any]


class Producer(NamedTuple):
    """Names a call uniquely, so that the server can tell a repetition from a new one.

    Attributes:
        name: Of a stream of calls of which each ends before the next begins.
        number: Of the call in it, from 1; a repetition has the same.
    """

    name: str
    number: int


Steps: TypeAlias = Generator[Request, Replies, T]
Operation: TypeAlias = Callable[[Producer], Steps[T]]
"""An operation: yields requests, is sent their replies, returns its result. It may be begun again from the start."""


class Disconnected(Exception):  # noqa: N818 - an event between our own rooms, which no user sees
    """The connection was lost, or the server is not ready to answer: the operation may be repeated on a new one."""


# Its annotation names a tuple of one element, which no command is.
_pack = cast("Callable[[tuple[Arg, ...]], bytes]", hiredis.pack_command)  # pyright: ignore[reportUnknownMemberType]


def pack(request: Request) -> bytes:
    """Write a request in the server's protocol."""
    parts = [
        _pack(
            ("EVALSHA", item.script.sha, len(item.keys), *item.keys, *item.args)
            if isinstance(item, ScriptCall)
            else item
        )
        for item in request
    ]
    return parts[0] if len(parts) == 1 else b"".join(parts)


def pack_source(call: ScriptCall) -> bytes:
    """Write a script call that brings its source, for a server that does not know it."""
    return _pack(("EVAL", call.script.source, len(call.keys), *call.keys, *call.args))


def is_unknown_script(error: Exception) -> bool:
    """Tell whether the server asks for the script's source."""
    return type(error).__name__ == "NoScriptError" or str(error).startswith("NOSCRIPT")
