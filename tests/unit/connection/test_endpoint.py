"""Reading addresses, hiding passwords, and what connecting sends."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol, cast

import pytest
import redis
import redis.asyncio
from redis.credentials import UsernamePasswordCredentialProvider

from taskora.connection.address import masked_url
from taskora.connection.endpoint import Endpoint
from taskora.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://", Endpoint()),
        ("redis://localhost", Endpoint()),
        ("redis://cache.local:6380/3", Endpoint(host="cache.local", port=6380, db=3)),
        ("redis://cache.local/3?db=4", Endpoint(host="cache.local", db=4)),
        ("redis://[::1]:7000", Endpoint(host="::1", port=7000)),
        ("redis://:s%40cret%2F@h", Endpoint(host="h", password="s@cret/")),
        ("redis://us%3Aer:p%25w@h", Endpoint(host="h", username="us:er", password="p%w")),
        ("redis://h?username=u&password=a%2540b", Endpoint(host="h", username="u", password="a%40b")),
        ("unix:///run/redis.sock", Endpoint(transport="unix", path="/run/redis.sock")),
        ("unix:///a%20b.sock?db=2", Endpoint(transport="unix", path="/a b.sock", db=2)),
        ("unix://u:pw@/r.sock?db=0", Endpoint(transport="unix", path="/r.sock", username="u", password="pw")),
        (
            "rediss://h?ssl_cert_reqs=CERT_NONE&ssl_check_hostname=false&ssl_ca_certs=/ca.pem",
            Endpoint(
                transport="tls",
                host="h",
                tls={"ssl_cert_reqs": "none", "ssl_check_hostname": False, "ssl_ca_certs": "/ca.pem"},
            ),
        ),
    ],
)
def test_a_url_names_address_login_and_database(url: str, expected: Endpoint) -> None:
    assert Endpoint.from_url(url) == expected


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("reddis://u:hidden@h", "scheme is unknown. Use redis://, rediss://, unix://, redis+sentinel://"),
        ("localhost:6379", "scheme is unknown"),
        ("u:hidden@h", "scheme is unknown"),
        ("redis:h", "scheme is unknown"),
        ("redis://:hidden@h:99999", "port must be"),
        ("redis://:hidden@h:0", "port must be"),
        ("redis://:hid/den@h", "percent-encoded"),
        ("redis://:hid#den@h", "percent-encoded"),
        ("redis://:hidden@[::1", "percent-encoded"),
        ("redis://:hidden@h/first", "database must be a number"),
        ("redis://:hidden@h?db=-1", "database must be a number"),
        ("redis://:hidden@h/1/2", "database must be a number"),
        ("redis://:hidden@h?timeout=3", "'timeout' is not supported"),
        ("redis://:hidden@h?ssl_cert_reqs=none", "needs the scheme rediss"),
        ("rediss://:hidden@h?ssl_cert_reqs=maybe", "none, optional or required"),
        ("rediss://h?ssl_password=hidden&what=1", "'what' is not supported"),
        ("redis://:12/hidden@h", "percent-encoded"),
        ("redis://:12?hidden@h", "percent-encoded"),
        ("redis://:hidden@a,b", "several servers need redis+sentinel://"),
        ("unix://run/redis.sock", "three slashes"),
        ("unix://u:hidden@", "three slashes"),
    ],
)
def test_a_wrong_url_is_refused_without_repeating_its_password(url: str, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Endpoint.from_url(url)
    assert part in str(caught.value)
    assert "hid" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:hidden@h", "redis://:***@h:6379/0"),
        ("redis://u%3A:hidden@[::1]:1/2", "redis://u%3A:***@[::1]:1/2"),
        ("rediss://u@h", "rediss://u@h:6379/0"),
        ("unix://u:hidden@/a%20b?db=1", "unix://u:***@/a%20b?db=1"),
    ],
)
def test_what_is_shown_of_an_endpoint_has_no_password(url: str, shown: str) -> None:
    endpoint = Endpoint.from_url(url)
    assert (endpoint.masked, str(endpoint)) == (shown, shown)
    assert "hidden" not in repr(endpoint)
    assert Endpoint.from_url(endpoint.masked.replace("***", "hidden")) == endpoint


def test_a_masked_url_of_any_shape_hides_what_may_be_a_password() -> None:
    assert masked_url("redis://u:a:b://c@d@host/0?password=x&db=1") == "redis://u:***@host/0?password=***&db=1"
    assert masked_url("secret@host") == "***@host"
    assert masked_url("redis://h?password=sec@ret") == "redis://***"
    assert masked_url("redis://:sec?ret@h") == "redis://***"
    assert masked_url("redis://h?pass%77ord=x&sentinel_password=y&ssl_password=z").count("***") == 3
    assert masked_url("redis://h?pasword=x&pwd=y&auth=z&ssl_pasword=a&PASSWORD=b").count("***") == 5
    assert masked_url("redis://host/0?db=1") == "redis://host/0?db=1"
    assert masked_url("rediss://h?ssl_ca_certs=/a&sentinel_tls=no") == "rediss://h?ssl_ca_certs=/a&sentinel_tls=no"


@pytest.mark.parametrize("fields", [{"port": 0}, {"port": 65536}, {"db": -1}, {"path": "/x"}, {"transport": "unix"}])
def test_an_endpoint_that_cannot_exist_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"^adapter: "):
        Endpoint(**fields)  # type: ignore[arg-type]  # wrong values are the point  # pyright: ignore[reportArgumentType]


def test_another_address_keeps_login_and_tls() -> None:
    first = Endpoint.from_url("rediss://u:p@a:1?ssl_cert_reqs=none")
    second = replace(first, host="b", port=2)
    assert (second.username, second.password, second.tls) == ("u", "p", first.tls)
    assert second.masked == "rediss://u:***@b:2/0"


@pytest.mark.parametrize(
    "endpoint",
    [
        *(Endpoint.from_url(url) for url in ("redis://h", "rediss://u:p@h", "unix:///r.sock")),
        Endpoint.from_client(redis.Redis(protocol=3)),
        Endpoint.from_client(redis.asyncio.Redis(protocol=3)),
    ],
)
def test_the_version_of_the_protocol_is_pinned_whatever_the_client_library_prefers(endpoint: Endpoint) -> None:
    assert endpoint.async_connection().protocol == 2
    assert endpoint.sync_connection().protocol == 2


@pytest.mark.parametrize("kind", [redis.Redis, redis.asyncio.Redis])
def test_a_client_gives_its_address_login_and_tls(kind: type[redis.Redis] | type[redis.asyncio.Redis]) -> None:
    client = kind(host="h", port=7, db=2, username="u", password="p", ssl=True, ssl_ca_certs="/ca", protocol=3)
    endpoint = Endpoint.from_client(client)
    assert replace(endpoint, tls={}) == Endpoint(transport="tls", host="h", port=7, db=2, username="u", password="p")
    assert endpoint.tls == {"ssl_cert_reqs": "required", "ssl_ca_certs": "/ca", "ssl_check_hostname": True}

    by_socket = kind(unix_socket_path="/r.sock", db=1)
    assert Endpoint.from_client(by_socket) == Endpoint(transport="unix", path="/r.sock", db=1)


def test_a_clients_changing_credentials_are_taken_over() -> None:
    provider = UsernamePasswordCredentialProvider("u", "hidden")
    endpoint = Endpoint.from_client(redis.Redis(credential_provider=provider))
    assert endpoint.credentials is provider
    assert endpoint.sync_connection().credential_provider is provider
    assert "hidden" not in repr(endpoint)


def test_a_client_that_cannot_be_repeated_is_refused() -> None:
    class OwnConnection(redis.Connection):
        pass

    own = redis.Redis(connection_pool=redis.ConnectionPool(connection_class=OwnConnection))
    hooked = redis.Redis(connection_pool=redis.ConnectionPool(redis_connect_func=print))
    with pytest.raises(ConfigError, match="OwnConnection"):
        Endpoint.from_client(own)
    with pytest.raises(ConfigError, match="redis_connect_func"):
        Endpoint.from_client(hooked)
    with pytest.raises(ConfigError, match="got str"):
        Endpoint.from_client("redis://h")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose


class Wire(Protocol):
    """What a blocking connection can do; redis-py has no annotations there."""

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...


class AsyncWire(Protocol):
    async def connect(self) -> None: ...
    async def disconnect(self) -> None: ...


class Recorder:
    """A listener that answers +OK to each command of one connection and keeps what it was sent."""

    def __init__(self) -> None:
        self.received = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{1}".format(*self._listener.getsockname())
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while data := connection.recv(4096):
                self.received += data
                connection.sendall(b"+OK\r\n" * data.count(b"*"))

    def close(self) -> None:
        self._thread.join(5)
        self._listener.close()
        assert not self._thread.is_alive()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.close()


LOGIN = b"*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"


@pytest.mark.parametrize(("login", "db", "sent"), [("", 0, b""), ("u:p@", 3, LOGIN)], ids=["nothing", "login"])
@pytest.mark.parametrize("on_loop", [False, True])
def test_connecting_sends_only_what_is_needed(
    recorder: Recorder, on_loop: bool, login: str, db: int, sent: bytes
) -> None:
    endpoint = Endpoint.from_url(f"redis://{login}{recorder.address}/{db}")

    async def connect() -> None:
        connection = cast("AsyncWire", endpoint.async_connection())
        await connection.connect()
        await connection.disconnect()

    if on_loop:
        asyncio.run(connect())
    else:
        connection = cast("Wire", endpoint.sync_connection())
        connection.connect()
        connection.disconnect()
    recorder.close()
    assert recorder.received == sent


def test_connections_have_the_timeouts_that_were_given_and_bytes_for_replies() -> None:
    for endpoint in (Endpoint(), Endpoint.unix("/s"), Endpoint(transport="tls", tls={"ssl_cert_reqs": "none"})):
        for connection in (
            endpoint.sync_connection(socket_timeout=1.5, socket_connect_timeout=0.5),
            endpoint.async_connection(socket_timeout=1.5, socket_connect_timeout=0.5),
        ):
            assert (connection.socket_timeout, connection.socket_connect_timeout) == (1.5, 0.5)
            assert not connection.encoder.decode_responses
            assert connection.health_check_interval == 0
            assert connection.retry.get_retries() == 0


def test_importing_the_module_does_not_import_redis() -> None:
    code = "import sys, taskora.connection.endpoint; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
