"""Replies as they arrive on an event loop: one future a round trip, and no stream or task between socket and reader."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Any, cast

import hiredis

from taskora.connection.refusals import distrust, refusal
from taskora.connection.request import Disconnected, Replies
from taskora.errors import AdapterError

_MORE = object()
_CHUNK = 65_536


class ReplyStream(asyncio.BufferedProtocol):
    """Takes a transport over and gives its replies in order. An error of the server is a reply, not raised.

    Args:
        transport: A connection on which the login is done and nothing is under way.
        server: What it is connected to, for messages.
        said: What the server has said already.
    """

    def __init__(self, transport: asyncio.Transport, server: str, said: bytes = b"") -> None:
        self._server = server
        self._transport = transport
        self._speaks_tls = transport.get_extra_info("sslcontext") is not None
        self._reader = hiredis.Reader(notEnoughData=_MORE)
        # Filled again and again: left to itself, the loop makes one four times as large for each read, which takes
        # longer than all else that is done with a short reply.
        self._buffer = bytearray(_CHUNK)
        self._replies: list[Any] = []
        self._wanted = 0
        self._waiter: asyncio.Future[Replies] | None = None
        self._arrived: Callable[[Replies], None] | None = None
        self._lost: Disconnected | AdapterError | None = None
        self._until_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        transport.set_protocol(self)
        self._hear(said)

    def send(self, data: bytes) -> None:
        """Send without waiting; what the socket does not take at once follows by itself."""
        self._transport.write(data)

    def take(
        self, count: int, timeout_s: float, arrived: Callable[[Replies], None] | None = None
    ) -> asyncio.Future[Replies]:
        """Return what to await for so many replies. Whoever gives it up closes the connection.

        Args:
            count: How many.
            timeout_s: How long to wait.
            arrived: Called with them as soon as they are read, a turn of the loop before whoever awaits them has them,
                unless one is an error. What it raises is raised there.

        Raises:
            Disconnected: There, when the connection is lost, or they did not come in time.
        """
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        self._wanted, self._arrived = count, arrived
        if len(self._replies) >= count:
            self._answer(waiter)
        elif self._lost is not None:
            waiter.set_exception(self._lost)
        else:
            self._set_timer(timeout_s)
        return waiter

    def _answer(self, waiter: asyncio.Future[Replies]) -> None:
        count = self._wanted
        taken, self._replies = self._replies[:count], self._replies[count:]
        try:
            if self._arrived is not None and not any(isinstance(reply, Exception) for reply in taken):
                self._arrived(taken)
        except Exception as error:  # noqa: BLE001 - it is raised where the replies are waited for
            waiter.set_exception(error)
        else:
            waiter.set_result(taken)

    def _set_timer(self, timeout_s: float) -> None:
        """Note until when to wait. One timer serves many round trips: it looks again when it goes off too early."""
        loop = asyncio.get_running_loop()
        self._until_s = loop.time() + timeout_s
        if self._timer is None or self._timer.when() > self._until_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(self._until_s, self._time_is_over, timeout_s)

    def _time_is_over(self, timeout_s: float) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        left_s = self._until_s - asyncio.get_running_loop().time()
        if left_s > 0:
            self._set_timer(left_s)
        else:
            self._end(Disconnected(f"{self._server}: no answer within {timeout_s:g} s"))

    def _end(self, error: Disconnected | AdapterError) -> None:
        self._lost = self._lost or error
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def fail(self, error: Disconnected) -> None:
        """Give the connection up, whoever waits included."""
        self._end(error)
        self._transport.abort()

    async def hang_up(self) -> None:
        """End what is left of a connection that was closed, which nobody waits for: what it had not sent, and TLS."""
        self._transport.abort()
        if self._speaks_tls:
            await asyncio.sleep(0)

    def _hear_last_words(self) -> None:
        """Read what the transport left unread: it does not read once it could not write, and the server may say why."""
        connected = self._transport.get_extra_info("socket")
        if self._speaks_tls or self._lost is not None or connected is None:
            return
        with contextlib.suppress(OSError):
            self._hear(os.read(connected.fileno(), _CHUNK))

    def _hear(self, said: bytes) -> None:
        self._reader.feed(said)
        with contextlib.suppress(hiredis.ProtocolError):
            while (reply := self._reader.gets()) is not _MORE:
                self._replies.append(reply)

    # Called by the transport

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where to put the next bytes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self._reader.feed(cast("bytes", self._buffer), 0, nbytes)  # any buffer will do
        try:
            while (reply := self._reader.gets()) is not _MORE:
                self._replies.append(reply)
        except hiredis.ProtocolError as error:
            self._end(Disconnected(f"{self._server}: not a Redis server's answer: {error}"))
        waiter = self._waiter
        if waiter is None or len(self._replies) < self._wanted or waiter.done():
            return
        self._answer(waiter)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if exc is not None:
            self._hear_last_words()
        if self._replies and isinstance(self._replies[-1], Exception):  # it said why
            said = refusal(self._replies[-1], ("the connection",), self._server)
            self._end(said if isinstance(said, Disconnected) else Disconnected(str(said)))
        why = str(exc or "the server closed the connection")
        self._end(distrust(why, self._server) or Disconnected(f"{self._server}: {why}"))
