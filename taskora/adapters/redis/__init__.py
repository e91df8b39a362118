"""Jobs in Redis or Valkey."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from taskora.adapters.redis.adapter import RedisAdapter
from taskora.adapters.redis.cluster_adapter import ClusterAdapter
from taskora.connection.cluster import Cluster
from taskora.connection.cluster_address import (
    CLUSTER_SCHEMES,
    cluster_from_client,
    cluster_from_url,
    is_cluster_client,
)
from taskora.connection.embedded import EmbeddedServer
from taskora.connection.endpoint import Endpoint
from taskora.connection.route import Route
from taskora.connection.sentinel_address import (
    SENTINEL_SCHEMES,
    is_sentinel_client,
    sentinel_route,
    sentinel_route_of,
)
from taskora.keys import ClusterKeys, cluster_keys

if TYPE_CHECKING:
    from taskora.connection.cluster_address import ClusterClient
    from taskora.connection.endpoint import Client

__all__ = ["RedisAdapter", "redis_adapter"]


@dataclass(frozen=True, slots=True)
class _Given:
    """A server, or a cluster of them, that somebody else runs."""

    route: Route

    def ensure(self) -> Route:
        return self.route

    async def ensure_async(self) -> Route:
        return self.route

    def describe(self) -> str:
        return self.route.masked

    def release(self) -> None:
        return


@dataclass(slots=True)
class _Embedded:
    """A server that is started when somebody needs it."""

    server: EmbeddedServer

    def ensure(self) -> Route:
        return self.server.ensure()

    async def ensure_async(self) -> Route:
        return await asyncio.to_thread(self.server.ensure)

    def describe(self) -> str:
        return f"embedded server in {self.server.folder}"

    def release(self) -> None:
        self.server.release()


def redis_adapter(target: str | Client | ClusterClient, *, prefix: str = "") -> RedisAdapter:
    """Make an adapter for a Redis or Valkey server.

    Args:
        target: ``redis://``, ``rediss://`` (TLS), ``unix://``, ``redis+sentinel://``, ``redis+cluster://`` (both with
            ``rediss`` for TLS) or ``embedded://PATH``, or a client of the redis package, that of a cluster and one that
            its ``Sentinel`` made included, of which the address and credentials are taken; it is never used or closed.
        prefix: Text that sets its keys apart from those of others on the same server.

    Raises:
        ConfigError: The URL is malformed or of an unknown kind, or the prefix has characters that keys cannot carry.
    """
    if not isinstance(target, str):
        if is_cluster_client(target):
            return _on_cluster(cluster_from_client(cast("ClusterClient", target), _flavor(prefix)), prefix)
        client = cast("Client", target)
        route = sentinel_route_of(client) if is_sentinel_client(client) else Endpoint.from_client(client)
        return RedisAdapter(_Given(route), prefix)
    if target.partition("://")[0].lower() in CLUSTER_SCHEMES:
        return _on_cluster(cluster_from_url(target, _flavor(prefix)), prefix)
    if target.startswith("embedded:"):
        return RedisAdapter(_Embedded(EmbeddedServer.from_url(target)), prefix)
    if target.partition("://")[0].lower() in SENTINEL_SCHEMES:
        return RedisAdapter(_Given(sentinel_route(target)), prefix)
    return RedisAdapter(_Given(Endpoint.from_url(target)), prefix)


def _on_cluster(cluster: Cluster, prefix: str) -> ClusterAdapter:
    return ClusterAdapter(_Given(cluster), cluster, prefix)


def _flavor(prefix: str) -> str:
    return "cluster" if isinstance(cluster_keys(prefix), ClusterKeys) else ""
