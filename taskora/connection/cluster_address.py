"""Where a cluster is and how to log in: from a URL, or from a client of the redis package."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from taskora.connection.address import read_address
from taskora.connection.cluster import Cluster
from taskora.connection.endpoint import BLOCKING_ONLY_OPTIONS, TLS_OPTIONS, Endpoint
from taskora.errors import ConfigError

if TYPE_CHECKING:
    import redis.asyncio.cluster
    import redis.cluster

    ClusterClient: TypeAlias = "redis.cluster.RedisCluster | redis.asyncio.cluster.RedisCluster"

CLUSTER_SCHEMES: Final = ("redis+cluster", "rediss+cluster")


def cluster_from_url(url: str, flavor: str = "") -> Cluster:
    """Read ``redis+cluster://[[user]:password@]host[:port][,host[:port]]…``; with ``rediss`` for TLS.

    One node that answers is enough to find the others. TLS takes the options that ``rediss://`` takes.

    Raises:
        ConfigError: The URL is malformed, or names a database, of which a cluster has only 0. The password is not
            repeated.
    """
    address = read_address(url, CLUSTER_SCHEMES)
    address.refuse_others(())
    if address.database(address.path.strip("/")) != 0:
        raise address.wrong("a cluster has only the database 0")
    if not all(host for host, _ in address.hosts):
        raise address.wrong("it needs the hosts of one or more nodes: redis+cluster://h1:6379,h2:6379")
    seeds = [
        Endpoint(
            transport="tls" if address.scheme == "rediss+cluster" else "tcp",
            host=host,
            port=6379 if port is None else port,
            username=address.username,
            password=address.password,
            tls=address.tls(),
        )
        for host, port in address.hosts
    ]
    return Cluster(seeds, flavor)


def is_cluster_client(client: object) -> bool:
    """Tell whether this is redis-py's client of a cluster, blocking or asyncio."""
    import redis.asyncio.cluster
    import redis.cluster

    return isinstance(client, (redis.cluster.RedisCluster, redis.asyncio.cluster.RedisCluster))


def cluster_from_client(client: ClusterClient, flavor: str = "") -> Cluster:
    """Take the nodes that a client was given, its login and its TLS options. It is neither used nor closed.

    Raises:
        ConfigError: It connects in a way that cannot be repeated, or knows no node.
    """
    manager = cast("Any", client).nodes_manager
    options = cast("Mapping[str, Any]", manager.connection_kwargs)
    for name in BLOCKING_ONLY_OPTIONS:
        # redis-py puts a function of its own into the one that is for connecting.
        if options.get(name) and name != "redis_connect_func":
            raise ConfigError(f"adapter: the client's option {name!r} cannot be taken over. Give a URL without it.")
    if getattr(manager, "address_remap", None) is not None:
        raise ConfigError("adapter: the client's option 'address_remap' cannot be taken over.")
    secure = bool(options.get("ssl")) or "SSL" in getattr(options.get("connection_class"), "__name__", "")
    nodes = cast("Iterable[Any]", manager.startup_nodes.values())
    seeds = [
        Endpoint(
            transport="tls" if secure else "tcp",
            host=str(node.host),
            port=int(node.port),
            username=options.get("username"),
            password=options.get("password"),
            credentials=options.get("credential_provider"),
            tls={name: options[name] for name in TLS_OPTIONS if options.get(name) is not None} if secure else {},
        )
        for node in nodes
    ]
    if not seeds:
        raise ConfigError("adapter: the client knows no node. Give a URL with redis+cluster://")
    return Cluster(seeds, flavor)
