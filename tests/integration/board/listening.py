"""Somebody who holds a stream of events open, read at the pace of the test."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from support import wait_until_async

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Event:
    """What came: its name, and its data as it was sent."""

    name: str
    data: str


class Stream:
    """An open answer.

    Args:
        asgi: The application that is asked.
        address: What it is asked for.
        room: How many pieces the client's side of the connection holds; the server waits for more room then.
        spec: Version of ASGI that the server says; from 2.4 on it raises when somebody writes to a client that is gone.
        cookie: What the client says who it is by.
    """

    def __init__(self, asgi: Any, address: str, room: int = 0, spec: str = "2.3", cookie: str = "") -> None:
        parts = urlsplit(address)
        self._scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": spec}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": parts.path, "raw_path": parts.path.encode(), "root_path": "",
            "query_string": parts.query.encode(), "client": ("127.0.0.1", 1),
            "server": ("board.test", 80), "headers": [(b"host", b"board.test"), (b"cookie", cookie.encode())],
        }  # fmt: skip
        self._asgi = asgi
        self._raises = spec >= "2.4"
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(room)
        self._gone = asyncio.Event()
        self._begun = False
        self._rest = b""
        self.status = 0
        self.headers: dict[str, str] = {}
        self._answering: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._answering = asyncio.create_task(self._asgi(self._scope, self._receive, self._send))
        await wait_until_async(lambda: self.status, PATIENCE_S, "the stream did not begin")

    async def close(self) -> None:
        """Goes away, as a browser does, and waits until the server has seen it."""
        self._gone.set()
        while not self._pieces.empty():
            self._pieces.get_nowait()
        if self._answering is not None:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(self._answering, return_exceptions=True)

    async def end(self) -> None:
        """Waits until the server has ended it."""
        assert self._answering is not None
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.shield(self._answering)

    async def next(self, name: str = "") -> Event:
        """The next event of a name."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await self._next()
                if event is not None and name in ("", event.name):
                    return event

    async def _next(self) -> Event | None:
        while b"\n\n" not in self._rest:
            self._rest += await self._pieces.get()
        block, self._rest = self._rest.split(b"\n\n", 1)
        lines = [line.partition(":") for line in block.decode().split("\n")]
        fields = {name: value.removeprefix(" ") for name, _, value in lines}
        return Event(fields["event"], fields.get("data", "")) if "event" in fields else None

    async def _receive(self) -> dict[str, Any]:
        if not self._begun:
            self._begun = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        if self._gone.is_set():
            if self._raises:
                raise OSError("the client is gone")
            return
        await self._pieces.put(message.get("body", b""))


@contextlib.asynccontextmanager
async def listening(
    asgi: Any, address: str, room: int = 0, spec: str = "2.3", cookie: str = ""
) -> AsyncGenerator[Stream]:
    stream = Stream(asgi, address, room, spec, cookie)
    await stream.open()
    try:
        yield stream
    finally:
        await stream.close()
