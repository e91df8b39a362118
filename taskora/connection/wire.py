"""One raw connection, blocking or on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any, Protocol, cast

from taskora.connection.blocking_stream import BlockingStream, GuardedStream
from taskora.connection.endpoint import Endpoint
from taskora.connection.faults import armed
from taskora.connection.refusals import NotNow, distrust, refusal, silent_end
from taskora.connection.reply_stream import ReplyStream
from taskora.connection.request import (
    Disconnected,
    Replies,
    Request,
    ScriptCall,
    is_unknown_script,
    pack,
    pack_source,
)
from taskora.connection.route import Guard, Route
from taskora.connection.takeover import Looped, taken_over, vanished

CONNECT_TIMEOUT_S = 2.0
REPLY_TIMEOUT_S = 10.0
_HELLO: Request = [("HELLO",)]


class _Blocking(Protocol):
    """What we use of the client library's blocking connection: as with the other, it connects and we read."""

    _sock: socket.socket | None

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...


def _explained(error: BaseException, server: str, unheard: bool) -> BaseException:
    """Turn what a lost connection raises into ``Disconnected``, and a refused login into an ``AdapterError``."""
    from redis.exceptions import AuthenticationError, RedisError, ResponseError
    from redis.exceptions import ConnectionError as LostError
    from redis.exceptions import TimeoutError as SlowError

    if not isinstance(error, (RedisError, OSError)):
        return error
    # The client library wraps a refused login as a lost connection, and makes one of a server that is full.
    refused = error if isinstance(error, (ResponseError, AuthenticationError)) else error.__cause__
    if isinstance(refused, (ResponseError, AuthenticationError)):
        return refusal(refused, ("the login",), server)
    if "max number of clients" in str(error):
        return refusal(Exception(str(error)), ("the connection",), server)
    if not isinstance(error, (LostError, SlowError, OSError)):
        return error
    advice = silent_end(str(error)) if unheard else ""
    return distrust(str(error), server) or Disconnected(f"{server}: {error}{advice}")


class BlockingWire:
    """A connection for plain code. Used by one thread at a time.

    Args:
        route: Where to connect.
        connect_timeout_s: How long that may take.
    """

    def __init__(self, route: Route, *, connect_timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._route = route
        self._connect_timeout_s = connect_timeout_s
        self._server = route.masked
        self._connection: _Blocking | None = None
        self._stream: BlockingStream | None = None
        self._unheard = False
        self._fault = armed()

    def exchange(self, request: Request, timeout_s: float = REPLY_TIMEOUT_S) -> Replies:
        """Send a request and read its replies.

        Raises:
            Disconnected: The connection is gone; what was sent may have been applied.
            AdapterError: The server refused a command; those before and after it were applied.
        """
        replies = self.answers(request, timeout_s)
        try:
            return checked(request, replies, self._server)
        except Disconnected:
            self.close()
            raise

    def answers(self, request: Request, timeout_s: float = REPLY_TIMEOUT_S) -> Replies:
        """Send a request and read its replies; in the place of a refused command's is the server's error.

        Raises:
            Disconnected: The connection is gone; what was sent may have been applied.
            AdapterError: The server refused the login.
        """
        if self._fault:
            self._fault.before(request)
        try:
            replies = self._exchange(request, timeout_s)
        except BaseException as error:
            self.close()
            explained = _explained(error, self._server, self._unheard)
            if explained is error:
                raise
            raise explained from error
        self._unheard = False
        if self._fault:
            self._fault.applied()
        return replies

    def _exchange(self, request: Request, timeout_s: float) -> Replies:
        stream = self._stream or self._connect()
        stream.send(pack(request))
        replies: Replies = []
        try:
            for _ in request:
                replies.append(stream.read(timeout_s))
        except OSError as error:
            if replies and isinstance(replies[-1], Exception):  # it said why it would close the connection
                raise ConnectionError(str(replies[-1])) from error
            raise
        for at, item in enumerate(request):
            if isinstance(item, ScriptCall) and isinstance(replies[at], Exception) and is_unknown_script(replies[at]):
                stream.send(pack_source(item))
                replies[at] = stream.read(timeout_s)
        return replies

    def _connect(self) -> BlockingStream:
        self._unheard = False
        endpoint = self._route.find()
        self._unheard = endpoint.transport == "tcp"
        made = endpoint.sync_connection(socket_timeout=REPLY_TIMEOUT_S, socket_connect_timeout=self._connect_timeout_s)
        self._connection = cast("_Blocking", made)
        self._connection.connect()
        connected = self._connection._sock  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        if connected is None:
            raise vanished(self._server)
        guard = self._route.guard
        if guard is None:
            self._stream = BlockingStream(connected)
        else:
            self._stream = GuardedStream(connected, partial(guard.check, endpoint))
            self._stream.send(pack(_HELLO))
            guard.admit(endpoint, self._stream.read(self._connect_timeout_s))
        return self._stream

    def close(self) -> None:
        """Close the connection; the next exchange opens a new one."""
        if self._fault:
            self._fault.closed()
        connection, self._connection, self._stream = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.disconnect()


class LoopWire:
    """A connection on one event loop. Requests are answered in order; one task uses it at a time.

    Args:
        route: Where to connect.
        connect_timeout_s: How long that may take.
    """

    def __init__(self, route: Route, *, connect_timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self.route = route
        self._connect_timeout_s = connect_timeout_s
        self._server = route.masked
        self._keeper: AsyncGenerator[None, None] | None = None
        self._stream: ReplyStream | None = None
        self._unheard = False
        self._leave: Callable[[], Awaitable[None]] | None = None
        self._fault = armed()

    async def connect(self) -> None:
        """Open the connection, if it is not.

        Raises:
            Disconnected: The server cannot be reached.
        """
        if self._stream is not None:
            return
        await self.close()  # one that had to be given up
        endpoint = await self.route.find_async()
        made = endpoint.async_connection(socket_timeout=None, socket_connect_timeout=self._connect_timeout_s)
        connection = cast("Looped", made)
        try:
            async with asyncio.timeout(2 * self._connect_timeout_s):
                await connection.connect()
            stream = taken_over(connection, self._server)
        except BaseException as error:
            await connection.disconnect(True)
            explained = _explained(error, self._server, endpoint.transport == "tcp")
            if explained is error:
                raise
            raise explained from error
        self._unheard = endpoint.transport == "tcp"
        self._stream = stream
        self._keeper = self._keep(connection, stream)
        await anext(self._keeper)
        if (guard := self.route.guard) is not None:
            await self._be_admitted(guard, endpoint, stream)

    async def _be_admitted(self, guard: Guard, endpoint: Endpoint, stream: ReplyStream) -> None:
        try:
            stream.send(pack(_HELLO))
            (hello,) = await stream.take(1, self._connect_timeout_s)
            guard.admit(endpoint, hello)
        except Disconnected as error:
            await self.close()
            raise self._advised(error) from error.__cause__
        except BaseException:
            await self.close()
            raise
        self._leave = guard.follow(endpoint, partial(self._drop, stream))

    def _drop(self, stream: ReplyStream, error: Disconnected) -> None:
        if self._stream is stream:
            self._stream = None
        stream.fail(error)

    async def exchange(
        self,
        request: Request,
        timeout_s: float = REPLY_TIMEOUT_S,
        arrived: Callable[[Replies], None] | None = None,
    ) -> Replies:
        """Send a request and read its replies.

        Args:
            request: What to send.
            timeout_s: How long to wait for the replies.
            arrived: Called once with the replies, unless one is an error; mostly a turn of the loop early.

        Raises:
            Disconnected: The connection is gone; what was sent may have been applied.
            AdapterError: The server refused a command; those before and after it were applied.
        """
        try:
            return checked(request, await self.answers(request, timeout_s, arrived), self._server)
        except Disconnected:
            # Perhaps the server is no longer the one that this name stands for.
            await self.close()
            raise

    async def answers(
        self,
        request: Request,
        timeout_s: float = REPLY_TIMEOUT_S,
        arrived: Callable[[Replies], None] | None = None,
    ) -> Replies:
        """Send a request and read its replies; in the place of a refused command's is the server's error.

        ``arrived`` is as in ``exchange``.

        Raises:
            Disconnected: The connection is gone; what was sent may have been applied.
            AdapterError: The server refused the login.
        """
        try:
            stream = self._stream or await self._opened()
            if self._fault:
                self._fault.before(request)
            stream.send(pack(request))
            replies = await stream.take(len(request), timeout_s, None if self._fault else arrived)
            told = self._fault is None and good(replies)
            if not told:
                await self._bring_sources(stream, request, replies, timeout_s)
        except Disconnected as error:
            await self.close()
            raise self._advised(error) from error.__cause__
        except BaseException:
            await self.close()
            raise
        self._unheard = False
        if self._fault:
            self._fault.applied()
        if arrived is not None and not told and good(replies):
            arrived(replies)
        return replies

    async def _opened(self) -> ReplyStream:
        await self.connect()
        if self._stream is None:  # its guard has dropped it
            raise vanished(self._server)
        return self._stream

    @staticmethod
    async def _bring_sources(stream: ReplyStream, request: Request, replies: Replies, timeout_s: float) -> None:
        """Run the scripts of a request that the server does not know, by their sources."""
        for at, item in enumerate(request):
            if isinstance(item, ScriptCall) and isinstance(replies[at], Exception) and is_unknown_script(replies[at]):
                stream.send(pack_source(item))
                (replies[at],) = await stream.take(1, timeout_s)

    def _advised(self, error: Disconnected) -> Disconnected:
        unheard, self._unheard = self._unheard, False
        told = isinstance(error, NotNow) or not unheard
        return error if told else Disconnected(f"{error}{silent_end(str(error))}")

    async def read_push(self, timeout_s: float) -> Any:
        """Read the next message of a subscription.

        Raises:
            Disconnected: The connection is gone, or nothing came within the time.
        """
        if self._stream is None:
            raise Disconnected(f"{self._server}: not connected")
        try:
            (message,) = await self._stream.take(1, timeout_s)
        except BaseException:
            await self.close()
            raise
        return message

    async def close(self) -> None:
        """Close the connection at once; the next exchange opens a new one."""
        if self._fault:
            self._fault.closed()
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await keeper.aclose()

    async def _keep(self, connection: Looped, stream: ReplyStream) -> AsyncGenerator[None, None]:
        """Hold the connection until it is closed, or its loop ends: a loop finishes its generators."""
        try:
            yield
        finally:
            self._stream = None
            with contextlib.suppress(Exception):
                await connection.disconnect(True)
            await stream.hang_up()
            leave, self._leave = self._leave, None
            if leave is not None:
                await leave()


def checked(request: Request, replies: Replies, server: str) -> Replies:
    """Return the replies, or raise the first error among them as one of ours."""
    for at, reply in enumerate(replies):
        if isinstance(reply, Exception):
            raise refusal(reply, request[at], server) from reply
    return replies


def good(replies: Replies) -> bool:
    """Tell whether no command was refused."""
    return not any(isinstance(reply, Exception) for reply in replies)
