"""A TCP proxy between the clients of a storm and its server, that does to connections what networks do.

Each group of clients has a link, a port of its own, so that one can be cut off and another not. It knows the server's
protocol well enough to find the reply of a script call.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import hiredis

T = TypeVar("T")
_CHUNK = 65_536
_SLICED = 400  # bytes of each chunk that go one by one; the rest of a large one goes at once
_SCRIPT_CALLS = (b"EVALSHA", b"EVAL")
_STREAMING = (b"SUBSCRIBE", b"PSUBSCRIBE", b"MONITOR")
_LINGER_NOT = struct.pack("ii", 1, 0)


class Framing:
    """Finds the reply of a script call in what passes. What is no longer answered one by one is not followed."""

    def __init__(self) -> None:
        self._requests = hiredis.Reader()
        self._replies = hiredis.Reader()
        self._doomed: deque[bool] = deque()
        self._follows = True

    def requests(self, data: bytes, doom: Callable[[], bool]) -> None:
        """Bytes to the server; ``doom`` is asked, for each script call, whether its reply is to be lost."""
        if not self._follows:
            return
        self._requests.feed(data)
        while (words := self._requests.gets()) is not False:
            name = cast("list[bytes]", words)[0].upper() if words else b""
            if name in _STREAMING:
                self._follows = False
                return
            self._doomed.append(name in _SCRIPT_CALLS and doom())

    def replies(self, data: bytes) -> bool:
        """Bytes from the server; True when a reply that is to be lost ends in them."""
        if not self._follows:
            return False
        self._replies.feed(data)
        lost = False
        while self._replies.gets() is not False:
            lost = (self._doomed.popleft() if self._doomed else False) or lost
        return lost


@dataclass(eq=False, slots=True)
class Link:
    """What one group of clients is connected through. Changed on the proxy's loop only, see `Proxy.run`.

    Attributes:
        latency_s: By how much each chunk is late, both ways.
        slicing: Whether bytes go one by one.
        refusing: Whether new connections are refused.
        flowing: Not set: nothing passes, and nothing is lost either.
        lose: How many script calls from now the reply of one is lost, with its connection; 0 for none.
    """

    name: str
    port: int = 0
    latency_s: float = 0.0
    slicing: bool = False
    refusing: bool = False
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    lose: int = 0
    connections: "list[Connection]" = field(default_factory=list["Connection"])

    def doom(self) -> bool:
        """A script call passes: whether its reply is to be lost."""
        if self.lose:
            self.lose -= 1
            return self.lose == 0
        return False

    def cut(self) -> None:
        """Reset every connection."""
        for connection in list(self.connections):
            connection.cut()

    def heal(self) -> None:
        """As if nothing had been."""
        self.latency_s, self.slicing, self.refusing, self.lose = 0.0, False, False, 0
        self.flowing.set()


class Connection:
    """One client's connection and ours to the server behind it."""

    def __init__(self, link: Link, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._link = link
        self._client = client
        self._server = server
        self._framing = Framing()
        self._shut: set[asyncio.StreamWriter] = set()  # what is still sent to these is lost
        for writer in (client, server):
            connected: socket.socket = writer.get_extra_info("socket")
            if connected.family == socket.AF_INET:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def carry(self, from_client: asyncio.StreamReader, from_server: asyncio.StreamReader) -> None:
        """Until either side ends."""
        self._link.connections.append(self)
        pumps = [
            asyncio.create_task(self._up(from_client)),
            asyncio.create_task(self._down(from_server)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            ends = await asyncio.gather(*pumps, return_exceptions=True)
            self._link.connections.remove(self)
            for writer in (self._client, self._server):
                writer.close()
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, OSError):
                raise end

    def cut(self) -> None:
        """Reset it."""
        connected: socket.socket = self._client.get_extra_info("socket")
        with contextlib.suppress(OSError):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._client.transport.abort()
        self._server.transport.abort()

    def half_close(self, towards_client: bool) -> None:
        """Tell one side that the other sends no more, which it does not know itself."""
        writer = self._client if towards_client else self._server
        self._shut.add(writer)
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()

    async def _up(self, source: asyncio.StreamReader) -> None:
        while data := await source.read(_CHUNK):
            self._framing.requests(data, self._link.doom)
            await self._pass_on(data, self._server)

    async def _down(self, source: asyncio.StreamReader) -> None:
        while data := await source.read(_CHUNK):
            if self._framing.replies(data):
                self.cut()
                return
            await self._pass_on(data, self._client)

    async def _pass_on(self, data: bytes, to: asyncio.StreamWriter) -> None:
        await self._link.flowing.wait()
        if self._link.latency_s:
            await asyncio.sleep(self._link.latency_s)
        if self._link.slicing:
            for at in range(min(len(data), _SLICED)):
                self._write(data[at : at + 1], to)
                await asyncio.sleep(0)
            data = data[_SLICED:]
        self._write(data, to)
        await to.drain()

    def _write(self, data: bytes, to: asyncio.StreamWriter) -> None:
        if to not in self._shut:
            to.write(data)


class Proxy:
    """The proxy, on an event loop in a thread of its own.

    Args:
        upstream: The server's unix socket.
        names: Of the links.
    """

    def __init__(self, upstream: Path, names: tuple[str, ...]) -> None:
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self.links = {name: Link(name) for name in names}
        self._servers: list[asyncio.Server] = []
        self._carrying: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._await(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, name: str) -> str:
        """The address that clients of a link are given."""
        return f"redis://127.0.0.1:{self.links[name].port}"

    def run(self, deed: Callable[[], T]) -> T:
        """Do something to links on their loop, and wait for it."""

        async def done() -> T:
            return deed()

        return self._await(done())

    def heal(self) -> None:
        """All links as if nothing had been."""

        def every_link() -> None:
            for link in self.links.values():
                link.heal()

        self.run(every_link)

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self) -> None:
        for link in self.links.values():
            link.flowing.set()

            async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link = link) -> None:
                await self._serve(link, reader, writer)

            server = await asyncio.start_server(accept, "127.0.0.1", 0)
            link.port = server.sockets[0].getsockname()[1]
            self._servers.append(server)

    async def _serve(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        try:
            await link.flowing.wait()
            if link.refusing:
                return
            from_server, to_server = await asyncio.open_unix_connection(str(self._upstream))
            with contextlib.suppress(OSError):
                await Connection(link, writer, to_server).carry(reader, from_server)
        except (OSError, asyncio.CancelledError):
            pass  # the server is away, or the storm is over
        finally:
            self._carrying.discard(task)
            writer.transport.abort()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._carrying):
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)
