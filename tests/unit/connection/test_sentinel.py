"""Addresses of sentinels, whom they are believed to name, and connections that are given up although they are alive."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel

from support.raw import raw_sentinel
from support.resp import FakeServer, reply
from taskora import redis_adapter
from taskora.connection.blocking_stream import GuardedStream
from taskora.connection.endpoint import Endpoint
from taskora.connection.request import Disconnected
from taskora.connection.sentinel import SentinelRoute
from taskora.connection.sentinel_address import sentinel_route, sentinel_route_of
from taskora.errors import AdapterError, ConfigError


def test_a_url_names_sentinels_service_database_and_both_logins() -> None:
    route = sentinel_route(
        "redis+sentinel://us%3Aer:p%40w@H1:1,[::1]/my%2Fmaster/3?sentinel_username=s&sentinel_password=t%26&min_other_sentinels=2"
    )
    login = {"username": "s", "password": "t&"}
    assert route.service == "my/master"
    assert route.sentinels == (Endpoint(host="h1", port=1, **login), Endpoint(host="::1", port=26379, **login))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # text only
    assert route.server == Endpoint(db=3, username="us:er", password="p@w")
    assert route.min_other_sentinels == 2
    assert route.masked == "redis+sentinel://us%3Aer:***@h1:1,[::1]:26379/my%2Fmaster/3"
    assert "p@w" not in repr(route)
    assert "t&" not in repr(route)


def test_with_tls_it_is_for_the_sentinels_too_unless_they_have_none() -> None:
    route = sentinel_route("rediss+sentinel://h/m?ssl_ca_certs=/ca.pem")
    assert [each.transport for each in (route.server, *route.sentinels)] == ["tls", "tls"]
    assert route.sentinels[0].tls == route.server.tls == {"ssl_ca_certs": "/ca.pem"}
    route = sentinel_route("rediss+sentinel://h/m?ssl_ca_certs=/ca.pem&sentinel_tls=no")
    assert [each.transport for each in (route.server, *route.sentinels)] == ["tls", "tcp"]


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("redis+sentinel://:hidden@h", "service is missing"),
        ("redis+sentinel://:hidden@h/", "service is missing"),
        ("redis+sentinel://:hidden@/main", "host is missing"),
        ("redis+sentinel://:hidden@a,,b/main", "host is missing"),
        ("redis+sentinel://:hidden@a:x/main", "port must be"),
        ("redis+sentinel://:hidden@a,[::1/main", "percent-encoded"),
        ("redis+sentinel://:hidden@a/main/first", "database must be"),
        ("redis+sentinel://:hidden@a/main?sentinel_password=hidden&quorum=2", "'quorum' is not supported"),
        ("redis+sentinel://:hidden@a/main?min_other_sentinels=two", "must be a number"),
        ("redis+sentinel://:hidden@a/main?ssl_ca_certs=/x", "needs the scheme rediss+sentinel"),
        ("redis+sentinel:a/main", "scheme is unknown"),
    ],
)
def test_a_wrong_url_is_refused_without_repeating_its_passwords(url: str, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        redis_adapter(url)
    assert part in str(caught.value)
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize("kind", [redis.sentinel.Sentinel, redis.asyncio.sentinel.Sentinel])
def test_a_client_of_redis_pys_sentinel_gives_service_sentinels_and_logins(
    kind: type[redis.sentinel.Sentinel] | type[redis.asyncio.sentinel.Sentinel],
) -> None:
    manager = raw_sentinel(
        kind, [("a", 1), ("b", 2)], sentinel_kwargs={"password": "s"}, min_other_sentinels=1, password="p", db=4
    )
    route = sentinel_route_of(manager.master_for("main", username="u"))
    assert route.service == "main"
    assert route.sentinels == (Endpoint(host="a", port=1, password="s"), Endpoint(host="b", port=2, password="s"))
    assert route.server == Endpoint(db=4, username="u", password="p")
    assert route.min_other_sentinels == 1
    assert sentinel_route_of(manager.master_for("main", ssl=True)).server.transport == "tls"
    with pytest.raises(ConfigError, match="master_for"):
        redis_adapter(manager.slave_for("main"))


class Oracle:
    """What a fake sentinel says: mend it at any time.

    Attributes:
        server: It.
        port: Of the master that it names; 0: it does not know the service; -1: it answers nothing.
        epoch: Of that.
        others: How many sentinels it sees.
    """

    def __init__(self) -> None:
        self.port, self.epoch, self.others = 1, 1, 2
        self.server = FakeServer(self._answer)

    def _answer(self, words: list[str]) -> bytes | None:
        if self.port < 0:
            return None
        if words[1] == "GET-MASTER-ADDR-BY-NAME":
            return reply(["127.0.0.1", str(self.port)] if self.port else None)
        if not self.port:
            return reply(Exception("ERR No such master with that name"))
        return reply(["name", "main", "config-epoch", str(self.epoch), "num-other-sentinels", str(self.others)])


@pytest.fixture
def oracles() -> Iterator[list[Oracle]]:
    with ExitStack() as stack:
        made = [Oracle() for _ in range(3)]
        for oracle in made:
            stack.enter_context(oracle.server)
        yield made


def route_to(oracles: list[Oracle], **options: int) -> SentinelRoute:
    sentinels = tuple(Endpoint(host="127.0.0.1", port=oracle.server.port) for oracle in oracles)
    return SentinelRoute("main", sentinels, Endpoint(username="u", db=1), **options)


async def found(route: SentinelRoute, on_loop: bool) -> Endpoint:
    return await route.find_async() if on_loop else await asyncio.to_thread(route.find)


@pytest.mark.parametrize("on_loop", [False, True])
async def test_the_sentinel_that_answered_is_asked_first_next_time(oracles: list[Oracle], on_loop: bool) -> None:
    route = route_to(oracles)
    oracles[0].server.close()
    assert await found(route, on_loop) == Endpoint(host="127.0.0.1", port=1, username="u", db=1)
    oracles[0] = Oracle()
    await found(route, on_loop)
    assert [len(oracle.server.seen) for oracle in oracles] == [0, 4, 0]
    oracles[0].server.close()


@pytest.mark.parametrize("on_loop", [False, True])
async def test_what_was_said_before_the_last_failover_is_not_believed_while_another_knows_better(
    oracles: list[Oracle], on_loop: bool
) -> None:
    route = route_to(oracles)
    oracles[0].port = 0
    oracles[1].port, oracles[1].epoch = 7, 5
    assert (await found(route, on_loop)).port == 7
    oracles[0].port, oracles[0].epoch = 3, 4
    oracles[1].port, oracles[2].port, oracles[2].epoch = 0, 9, 6
    assert (await found(route, on_loop)).port == 9
    # All sentinels were set up anew: better an old answer than none.
    oracles[2].port = 0
    assert (await found(route, on_loop)).port == 3


@pytest.mark.parametrize("on_loop", [False, True])
async def test_who_was_asked_in_vain_is_said(oracles: list[Oracle], on_loop: bool) -> None:
    route = route_to(oracles, min_other_sentinels=2)
    places = [f"127.0.0.1:{oracle.server.port}" for oracle in oracles]
    oracles[1].others = 1
    oracles[0].port = oracles[2].port = -1
    with pytest.raises(Disconnected, match="no sentinel says who the master is") as caught:
        await found(route, on_loop)
    assert all(place in str(caught.value) for place in places)
    assert "sees fewer than 2 other sentinels" in str(caught.value)
    oracles[2].port = 0
    with pytest.raises(AdapterError, match="no sentinel knows the service 'main'") as caught_too:
        await found(route, on_loop)
    assert all(place in str(caught_too.value) for place in places)


def test_a_connection_is_left_only_for_who_knows_better(oracles: list[Oracle]) -> None:
    route = route_to(oracles)
    here = route.find()
    oracles[0].port, oracles[0].epoch = 2, 0
    for _ in range(6):
        route.check(here)
    oracles[2].port, oracles[2].epoch = 2, 2

    def look() -> None:
        for _ in range(6):
            route.check(here)

    with pytest.raises(Disconnected, match=r"the master is 127.0.0.1:2 now"):
        look()


@pytest.mark.parametrize(("hello", "says"), [(["role", "replica"], "which is a replica"), (["mode", "sentinel"], "?")])
def test_what_is_no_master_is_not_used(hello: list[str], says: str) -> None:
    route = SentinelRoute("main", (Endpoint(port=1),), Endpoint())
    with pytest.raises(Disconnected) as caught:
        route.admit(Endpoint(port=5), [word.encode() for word in hello])
    assert says in str(caught.value)


def test_a_guarded_stream_is_left_while_nothing_comes_and_before_it_is_used_again() -> None:
    ours, theirs = socket.socketpair()
    moved = False

    def check() -> None:
        if moved:
            raise Disconnected("moved")

    with ours, theirs:
        stream = GuardedStream(ours, check)
        theirs.sendall(b"+OK\r\n")
        assert stream.read(60) == b"OK"
        moved = True
        began_s = time.monotonic()
        with pytest.raises(Disconnected):
            stream.read(60)
        assert time.monotonic() - began_s < 30
        with pytest.raises(Disconnected):
            stream.send(b"x")
        moved = False
        with pytest.raises(TimeoutError):
            stream.read(0.01)
