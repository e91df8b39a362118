"""A connection that ends between the client library's hands and ours says so at once, and the next call opens one."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from redis.asyncio.connection import AbstractConnection

from support import wait_until_async
from taskora.connection.endpoint import Endpoint
from taskora.connection.request import Disconnected
from taskora.connection.wire import LoopWire
from unit.connection.scripted import Scripted

ETERNITY_S = 3600.0
LIMIT_S = 30.0
RESET = struct.pack("ii", 1, 0)


class Resetting(Scripted):
    """Resets the first connection when told to, and answers one request on every later one."""

    def __init__(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = Endpoint(host="127.0.0.1", port=listener.getsockname()[1])
        self.connected = threading.Event()
        super().__init__(listener, self._reset_and_answer)

    def _reset_and_answer(self, listener: socket.socket) -> None:
        first, _ = listener.accept()
        self.connected.wait(LIMIT_S)
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        first.close()
        while True:
            client, _ = listener.accept()
            with client:
                client.recv(1000)
                client.sendall(b"+PONG\r\n")


@pytest.fixture
def server() -> Iterator[Resetting]:
    with contextlib.closing(Resetting()) as server:
        yield server


async def told(wire: LoopWire) -> str:
    with pytest.raises(Disconnected) as caught:
        await asyncio.wait_for(wire.exchange([("PING",)], ETERNITY_S), LIMIT_S)
    return str(caught.value)


async def test_a_connection_that_was_reset_before_we_read_it_fails_at_once_with_the_reason(
    server: Resetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = AbstractConnection.connect

    async def slow_connect(self: AbstractConnection) -> None:
        await connect(self)  # type: ignore[no-untyped-call]  # the client library says nothing of what it returns
        server.connected.set()
        reader = self._reader  # pyright: ignore[reportPrivateUsage]  # there is no public way to it
        assert reader is not None
        await wait_until_async(lambda: reader.exception() is not None, LIMIT_S)

    with monkeypatch.context() as patched:
        patched.setattr(AbstractConnection, "connect", slow_connect)
        wire = LoopWire(server.endpoint)
        assert "reset by peer" in await told(wire)
    assert await wire.exchange([("PING",)]) == [b"PONG"]
    await wire.close()


async def test_a_connection_that_the_client_library_gave_up_by_then_is_a_lost_one(
    server: Resetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = AbstractConnection.connect

    async def vain_connect(self: AbstractConnection) -> None:
        await connect(self)  # type: ignore[no-untyped-call]  # the client library says nothing of what it returns
        await self.disconnect(nowait=True)
        server.connected.set()

    with monkeypatch.context() as patched:
        patched.setattr(AbstractConnection, "connect", vain_connect)
        wire = LoopWire(server.endpoint)
        assert "given up while it was opened" in await told(wire)
    assert await wire.exchange([("PING",)]) == [b"PONG"]
    await wire.close()
