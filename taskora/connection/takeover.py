"""From the client library's connection to ours: it opens one and logs in, and the replies are read by us."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from taskora.connection.reply_stream import ReplyStream
from taskora.connection.request import Disconnected


class Looped(Protocol):
    """What we use of the client library's asyncio connection."""

    _reader: asyncio.StreamReader | None
    _writer: asyncio.StreamWriter | None

    async def connect(self) -> None: ...
    async def disconnect(self, nowait: bool) -> None: ...


class _ReadAhead(Protocol):
    """What a reader of the standard library has read, and how the connection ended, if it has."""

    _buffer: bytearray
    _eof: bool
    _exception: Exception | None


def taken_over(connection: Looped, server: str) -> ReplyStream:
    """Read on where the client library stopped: its own reading costs more than ours and Redis's.

    Raises:
        Disconnected: It has given the connection up, or lost it.
    """
    # It has no public way to its transport, nor the standard library one to what a reader has read ahead: that a
    # server refuses us may have come already, and the end of the connection with it.
    writer, reader = connection._writer, connection._reader  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    if writer is None or reader is None:
        raise vanished(server)
    ahead = cast("_ReadAhead", reader)
    said, ended, why = bytes(ahead._buffer), ahead._eof, ahead._exception  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    stream = ReplyStream(cast("asyncio.Transport", writer.transport), server, said)
    if ended or why is not None:  # nobody will say so again
        stream.connection_lost(why)
    return stream


def vanished(server: str) -> Disconnected:
    """Make the error for a connection that is not there any more once it was opened. Whoever uses it opens another."""
    return Disconnected(f"{server}: the connection was given up while it was opened")
