"""A server that refuses a connection and closes it at once is quoted, whoever of the two is faster."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio.connection import AbstractConnection

from taskora.connection.blocking_stream import BlockingStream
from taskora.connection.endpoint import Endpoint
from taskora.connection.refusals import NotNow
from taskora.connection.request import Disconnected
from taskora.connection.wire import BlockingWire, LoopWire
from unit.connection.scripted import Scripted

REFUSAL = b"-ERR max number of clients reached\r\n"
TIMES = 200


def refuse_all(listener: socket.socket) -> None:
    """Refuse whoever comes, as a server does that has no room: it says so and closes, whatever was sent or not."""
    while True:
        client, _ = listener.accept()
        with contextlib.suppress(OSError), client:
            client.sendall(REFUSAL)


@pytest.fixture(params=["tcp", "unix"])
def endpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Endpoint]:
    if request.param == "tcp":
        listener = socket.create_server(("127.0.0.1", 0))
        endpoint = Endpoint(host="127.0.0.1", port=listener.getsockname()[1])
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "s"))
        listener.listen(100)
        endpoint = Endpoint.unix(str(tmp_path / "s"))
    server = Scripted(listener, refuse_all)
    try:
        yield endpoint
    finally:
        server.close()


def test_plain_code_is_told_why(endpoint: Endpoint) -> None:
    for _ in range(TIMES):
        wire = BlockingWire(endpoint)
        with pytest.raises(NotNow, match="raise its maxclients"):
            wire.exchange([("PING",)])


async def test_an_event_loop_is_told_why(endpoint: Endpoint) -> None:
    for _ in range(TIMES):
        wire = LoopWire(endpoint)
        with pytest.raises(NotNow, match="raise its maxclients"):
            await wire.exchange([("PING",)])


@pytest.mark.parametrize("turns", [0, 1, 2, 5])
async def test_an_event_loop_that_is_late_is_told_why(endpoint: Endpoint, turns: int) -> None:
    async def call() -> None:
        wire = LoopWire(endpoint)
        await wire.connect()
        for _ in range(turns):
            await asyncio.sleep(0)
        await wire.exchange([("PING",)])

    for _ in range(TIMES):
        with pytest.raises(NotNow, match="raise its maxclients"):
            await call()


async def test_what_came_while_the_client_library_had_the_connection_is_not_lost(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = AbstractConnection.connect

    async def slow_connect(self: AbstractConnection) -> None:
        await connect(self)  # type: ignore[no-untyped-call]  # the client library says nothing of what it returns
        await asyncio.sleep(0.01)

    monkeypatch.setattr(AbstractConnection, "connect", slow_connect)
    for _ in range(TIMES // 10):
        wire = LoopWire(endpoint)
        with pytest.raises(NotNow, match="raise its maxclients"):
            await wire.exchange([("PING",)], 1.0)


def test_plain_code_that_is_late_is_told_why(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    send = BlockingStream.send

    def late_send(self: BlockingStream, data: bytes) -> None:
        time.sleep(0.01)
        send(self, data)

    monkeypatch.setattr(BlockingStream, "send", late_send)
    for _ in range(TIMES // 10):
        wire = BlockingWire(endpoint)
        with pytest.raises(NotNow, match="raise its maxclients"):
            wire.exchange([("PING",)])


@pytest.fixture(params=[0, 1], ids=["none", "one"])
def answers(request: pytest.FixtureRequest) -> Iterator[tuple[Endpoint, int]]:
    """A server that closes its only connection after so many answers."""
    count: int = request.param

    def serve(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client:
            for _ in range(count):
                client.recv(1000)
                client.sendall(b"+PONG\r\n")
            client.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield Endpoint(host="127.0.0.1", port=listener.getsockname()[1]), count
        thread.join(5)


def test_plain_code_suspects_tls_only_where_nothing_was_answered(answers: tuple[Endpoint, int]) -> None:
    endpoint, count = answers
    wire = BlockingWire(endpoint)
    for _ in range(count):
        wire.exchange([("PING",)])
    with pytest.raises(Disconnected) as caught:
        wire.exchange([("PING",)])
    assert ("rediss" in str(caught.value)) == (count == 0)


async def test_an_event_loop_suspects_tls_only_where_nothing_was_answered(answers: tuple[Endpoint, int]) -> None:
    endpoint, count = answers
    wire = LoopWire(endpoint)
    for _ in range(count):
        await wire.exchange([("PING",)])
    with pytest.raises(Disconnected) as caught:
        await wire.exchange([("PING",)])
    assert ("rediss" in str(caught.value)) == (count == 0)
