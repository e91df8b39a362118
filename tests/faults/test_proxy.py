"""The proxy does to connections what it says, and nothing when it is not told to."""

import contextlib
import socket
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import redis

from faults.proxy import Framing, Link, Proxy
from support import Server, wait_until

SCRIPT = "return redis.call('INCR', KEYS[1])"


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.socket_path, ("a", "b")) as running:
        yield running


@contextlib.contextmanager
def connected(proxy: Proxy, name: str = "a") -> Generator[Any]:
    """A client that does not connect again by itself."""
    made: Any = redis.Redis
    client = made.from_url(proxy.url(name), protocol=2, socket_timeout=5, retry=None)
    try:
        yield client
    finally:
        client.close()


def opened(proxy: Proxy, name: str = "a") -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.links[name].port), timeout=5)


def asked(client: socket.socket) -> bytes:
    client.sendall(b"*1\r\n$4\r\nPING\r\n")
    return client.recv(100)


def link(proxy: Proxy, **changes: object) -> None:
    """Change the link `a`."""

    def change() -> None:
        for name, value in changes.items():
            setattr(proxy.links["a"], name, value)

    proxy.run(change)


def test_what_passes_is_not_changed(proxy: Proxy) -> None:
    with connected(proxy) as client:
        value = bytes(range(256)) * 1000
        client.set("k", value)
        assert client.get("k") == value


def test_one_link_is_cut_and_the_other_is_not(proxy: Proxy) -> None:
    with opened(proxy) as one, opened(proxy, "b") as other:
        assert asked(one) == asked(other) == b"+PONG\r\n"
        proxy.run(proxy.links["a"].cut)
        with pytest.raises(ConnectionResetError):
            asked(one)
        assert asked(other) == b"+PONG\r\n"


def test_bytes_that_come_one_by_one_are_all_there(proxy: Proxy) -> None:
    link(proxy, slicing=True)
    with connected(proxy) as client:
        client.set("k", b"x" * 1000)
        assert client.get("k") == b"x" * 1000


def test_what_is_late_comes_later_by_so_much(proxy: Proxy) -> None:
    with connected(proxy) as client:
        assert client.ping()
        link(proxy, latency_s=0.1)
        began_s = time.monotonic()
        assert client.ping()
        assert time.monotonic() - began_s >= 0.2


def test_a_black_hole_holds_all_back_and_loses_nothing(proxy: Proxy) -> None:
    with connected(proxy) as client:
        assert client.ping()
        connection = client.connection_pool.get_connection()
        proxy.run(proxy.links["a"].flowing.clear)
        connection.send_command("INCR", "k")
        assert not connection.can_read(timeout=0.2)
        proxy.run(proxy.links["a"].heal)
        assert connection.read_response() == 1
        client.connection_pool.release(connection)


def test_new_connections_are_refused_until_the_link_is_healed(proxy: Proxy) -> None:
    link(proxy, refusing=True)
    with connected(proxy) as client:
        with pytest.raises(redis.ConnectionError):
            client.ping()
        proxy.run(proxy.links["a"].heal)
        assert client.ping()


@pytest.mark.parametrize("towards_client", [True, False])
def test_half_a_connection_is_closed(proxy: Proxy, towards_client: bool) -> None:
    with opened(proxy) as client:
        assert asked(client) == b"+PONG\r\n"
        proxy.run(lambda: proxy.links["a"].connections[0].half_close(towards_client))
        assert client.recv(100) == b""


def test_the_reply_of_a_script_is_lost_after_it_ran(proxy: Proxy, server: Server) -> None:
    with connected(proxy) as client:
        for _ in range(2):
            client.eval(SCRIPT, 1, "k")
        link(proxy, lose=2)
        assert client.eval(SCRIPT, 1, "k") == 3
        assert client.get("k") == b"3"
        with pytest.raises(redis.ConnectionError):
            client.eval(SCRIPT, 1, "k")
        assert server.command("GET", "k") == "$1\r\n4\r\n"
        assert client.eval(SCRIPT, 1, "k") == 5


def test_a_server_that_is_away_ends_the_connection(proxy: Proxy, server: Server) -> None:
    with connected(proxy) as client:
        assert client.ping()
        server.stop()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        server.start()
        assert client.ping()


def test_nothing_is_left_of_a_connection(proxy: Proxy) -> None:
    with connected(proxy) as client:
        assert client.ping()
        assert len(proxy.links["a"].connections) == 1
    wait_until(lambda: not proxy.links["a"].connections)


def test_replies_are_found_however_they_are_cut() -> None:
    doomed = Link("a", lose=2)
    framing = Framing()
    for byte in b"*1\r\n$4\r\nPING\r\n" + b"*3\r\n$7\r\nEVALSHA\r\n$1\r\nx\r\n$1\r\n0\r\n" * 3:
        framing.requests(bytes([byte]), doomed.doom)
    replies = b"+PONG\r\n:1\r\n*2\r\n$1\r\na\r\n:2\r\n-ERR\r\n"
    lost = [at for at, byte in enumerate(replies) if framing.replies(bytes([byte]))]
    assert [replies[: at + 1] for at in lost] == [replies[: -len(b"-ERR\r\n")]]
