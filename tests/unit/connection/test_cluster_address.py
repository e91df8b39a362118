"""Where a cluster is: from a URL, or from a client of the redis package."""

from typing import Any, cast

import pytest
import redis.asyncio.cluster
import redis.cluster

from taskora.adapters.redis import redis_adapter
from taskora.connection.cluster_address import cluster_from_client, cluster_from_url, is_cluster_client
from taskora.errors import ConfigError


def test_a_url_names_some_nodes_and_the_login_of_all() -> None:
    cluster = cluster_from_url("redis+cluster://us%40er:p%3Aw@h1,h2:7001,[::1]:7002")
    assert [(seed.host, seed.port) for seed in cluster.seeds] == [("h1", 6379), ("h2", 7001), ("::1", 7002)]
    assert {(seed.transport, seed.username, seed.password) for seed in cluster.seeds} == {("tcp", "us@er", "p:w")}


def test_tls_has_its_own_scheme_and_options() -> None:
    cluster = cluster_from_url("rediss+cluster://h1/?ssl_cert_reqs=none")
    assert (cluster.seeds[0].transport, cluster.seeds[0].tls) == ("tls", {"ssl_cert_reqs": "none"})
    assert cluster.masked == "rediss+cluster://h1:6379"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis+cluster://h1/1", "a cluster has only the database 0"),
        ("redis+cluster://h1?db=2", "a cluster has only the database 0"),
        ("redis+cluster://", "it needs the hosts"),
        ("redis+cluster://h1,", "it needs the hosts"),
        ("redis+cluster://h1?ssl_cert_reqs=none", "needs the scheme rediss"),
        ("redis+cluster://h1?readonly=1", "not supported"),
        ("redis+cluster://:secret@h1:0", "the port"),
    ],
)
def test_what_cannot_be_used_is_refused_without_the_password(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        cluster_from_url(url)
    assert "secret" not in str(caught.value)


class _Nodes:
    """What a client knows: a real one would connect at once."""

    def __init__(self, **options: Any) -> None:
        self.connection_kwargs = options
        node: Any = redis.cluster.ClusterNode
        self.startup_nodes = {"a:1": node("a", 1), "b:2": node("b", 2)}
        self.address_remap = None


def _client(kind: type[Any], **options: Any) -> Any:
    client: Any = cast("Any", object).__new__(kind)
    client.nodes_manager = _Nodes(**options)
    return client


@pytest.mark.parametrize("kind", [redis.cluster.RedisCluster, redis.asyncio.cluster.RedisCluster])
def test_a_client_gives_its_nodes_and_its_login(kind: type[Any]) -> None:
    client = _client(kind, username="u", password="p", redis_connect_func=print)
    assert is_cluster_client(client)
    cluster = cluster_from_client(client)
    assert [(seed.host, seed.port, seed.username, seed.password) for seed in cluster.seeds] == [
        ("a", 1, "u", "p"), ("b", 2, "u", "p"),
    ]  # fmt: skip
    assert redis_adapter(client, prefix="x").describe() == "redis+cluster://u:***@a:1,b:2"
    client.nodes_manager = None  # its own end would close connections


@pytest.mark.parametrize("options", [{"ssl": True}, {"connection_class": redis.SSLConnection}])
def test_a_client_with_tls_gives_its_options(options: dict[str, Any]) -> None:
    client = _client(redis.cluster.RedisCluster, ssl_ca_certs="/ca", **options)
    (first, _) = cluster_from_client(client).seeds
    assert (first.transport, first.tls) == ("tls", {"ssl_ca_certs": "/ca"})
    client.nodes_manager = None


def test_a_client_that_cannot_be_repeated_is_refused() -> None:
    client = _client(redis.cluster.RedisCluster, ssl_validate_ocsp=True)
    with pytest.raises(ConfigError, match="ssl_validate_ocsp"):
        cluster_from_client(client)
    client.nodes_manager.connection_kwargs = {}
    client.nodes_manager.address_remap = print
    with pytest.raises(ConfigError, match="address_remap"):
        cluster_from_client(client)
    client.nodes_manager = None


@pytest.mark.parametrize("prefix", ["{}", "a}b", "a{b", "{}{a}"])
def test_a_prefix_whose_braces_would_scatter_keys_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigError, match="braces"):
        redis_adapter("redis+cluster://h1", prefix=prefix)
