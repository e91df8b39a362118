"""Replies for plain code: straight from the socket, which halves what the client library's own reading costs."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import hiredis

_MORE = object()
_CHUNK = 65_536
_CHECK_S = 1.0


class BlockingStream:
    """Sends on a socket and reads the replies. An error of the server is a reply, not raised.

    Args:
        connected: A socket on which the login is done and nothing is under way.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._timeout_s = connected.gettimeout()
        self._reader = hiredis.Reader(notEnoughData=_MORE)

    def send(self, data: bytes) -> None:
        """Send it all.

        Raises:
            OSError: The connection is lost, or the server does not take it in time.
        """
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionError(self._last_words() or str(error)) from error

    def read(self, timeout_s: float) -> Any:
        """Wait for the next reply.

        Raises:
            OSError: The connection is lost, or nothing came in time.
        """
        while (reply := self._next()) is _MORE:
            if timeout_s != self._timeout_s:
                self._socket.settimeout(timeout_s)
                self._timeout_s = timeout_s
            data = self._socket.recv(_CHUNK)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._reader.feed(data)
        return reply

    def _last_words(self) -> str:
        """What the server said before it closed the connection, if it said why."""
        self._socket.settimeout(0)
        try:
            self._reader.feed(self._socket.recv(_CHUNK))
            reply = self._next()
        except OSError:
            return ""
        return str(reply) if isinstance(reply, Exception) else ""

    def _next(self) -> Any:
        try:
            return self._reader.gets()
        except hiredis.ProtocolError as error:
            raise ConnectionError(f"not a Redis server's answer: {error}") from error


class GuardedStream(BlockingStream):
    """The same for a connection that may have to be given up although it is alive.

    Args:
        connected: See ``BlockingStream``.
        check: Called at most once a second, before something is sent and while an answer is waited for. What it raises
            is raised by ``send`` and ``read``.
    """

    def __init__(self, connected: socket.socket, check: Callable[[], None]) -> None:
        super().__init__(connected)
        self._check = check
        self._check_at_s = time.monotonic() + _CHECK_S

    def send(self, data: bytes) -> None:
        """See ``BlockingStream``."""
        self._check_if_due()
        super().send(data)

    def read(self, timeout_s: float) -> Any:
        """See ``BlockingStream``."""
        until_s = time.monotonic() + timeout_s
        while True:
            left_s = until_s - time.monotonic()
            try:
                return super().read(max(min(left_s, _CHECK_S), 0.001))
            except TimeoutError:
                if left_s <= _CHECK_S:
                    raise
            self._check_if_due()

    def _check_if_due(self) -> None:
        if time.monotonic() >= self._check_at_s:
            self._check()
            self._check_at_s = time.monotonic() + _CHECK_S
