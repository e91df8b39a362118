"""Replies as they arrive on an event loop: one future a round trip, and no stream or task between socket and reader."""

from __future__ import annotations

import asyncio
from typing import Any

import hiredis

from taskora.connection.request import Disconnected, Replies

_MORE = object()


class ReplyStream(asyncio.Protocol):
    """Takes a transport over and gives its replies in order. An error of the server is a reply, not raised.

    Args:
        transport: A connection on which the login is done and nothing is under way.
        server: What it is connected to, for messages.
    """

    def __init__(self, transport: asyncio.Transport, server: str) -> None:
        self._server = server
        self._transport = transport
        self._reader = hiredis.Reader(notEnoughData=_MORE)
        self._replies: list[Any] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._lost: Disconnected | None = None
        transport.set_protocol(self)

    def send(self, data: bytes) -> None:
        """Send without waiting; what the socket does not take at once follows by itself."""
        self._transport.write(data)

    async def take(self, count: int, timeout_s: float) -> Replies:
        """Wait for so many replies.

        Raises:
            Disconnected: The connection is lost, or they did not come in time.
        """
        if len(self._replies) < count:
            await self._wait(count, timeout_s)
        taken, self._replies = self._replies[:count], self._replies[count:]
        return taken

    async def _wait(self, count: int, timeout_s: float) -> None:
        if self._lost is not None:
            raise self._lost
        loop = asyncio.get_running_loop()
        self._wanted = count
        self._waiter = loop.create_future()
        timer = loop.call_later(timeout_s, self._give_up, timeout_s)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _give_up(self, timeout_s: float) -> None:
        self._end(Disconnected(f"{self._server}: no answer within {timeout_s:g} s"))

    def _end(self, error: Disconnected) -> None:
        self._lost = self._lost or error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    # Called by the transport

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _MORE:
                self._replies.append(reply)
        except hiredis.ProtocolError as error:
            self._end(Disconnected(f"{self._server}: not a Redis server's answer: {error}"))
        if self._waiter is not None and len(self._replies) >= self._wanted and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end(Disconnected(f"{self._server}: {exc or 'the server closed the connection'}"))
