"""Jobs in Redis or Valkey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from taskora.adapters.redis.adapter import RedisAdapter
from taskora.connection.embedded import EmbeddedServer
from taskora.connection.endpoint import Endpoint
from taskora.connection.route import Route
from taskora.connection.sentinel_address import (
    SENTINEL_SCHEMES,
    is_sentinel_client,
    sentinel_route,
    sentinel_route_of,
)

if TYPE_CHECKING:
    from taskora.connection.endpoint import Client

__all__ = ["RedisAdapter", "redis_adapter"]


@dataclass(frozen=True, slots=True)
class _Given:
    """A server that somebody else runs."""

    endpoint: Route

    def ensure(self) -> Route:
        return self.endpoint

    def describe(self) -> str:
        return self.endpoint.masked

    def release(self) -> None:
        return


@dataclass(slots=True)
class _Embedded:
    """A server that is started when somebody needs it."""

    server: EmbeddedServer

    def ensure(self) -> Endpoint:
        return self.server.ensure()

    def describe(self) -> str:
        return f"embedded server in {self.server.folder}"

    def release(self) -> None:
        self.server.release()


def redis_adapter(target: str | Client, *, prefix: str = "") -> RedisAdapter:
    """Make an adapter for a Redis or Valkey server.

    Args:
        target: ``redis://``, ``rediss://`` (TLS), ``unix://``, ``redis+sentinel://``, ``rediss+sentinel://`` or
            ``embedded://PATH``, or a client of the redis package, one that its ``Sentinel`` made included, of which
            the address and credentials are taken; it is never used or closed.
        prefix: Text that sets its keys apart from those of others on the same server.

    Raises:
        ConfigError: The URL is malformed or of an unknown kind, or the prefix has characters that keys cannot carry.
    """
    if not isinstance(target, str):
        route = sentinel_route_of(target) if is_sentinel_client(target) else Endpoint.from_client(target)
        return RedisAdapter(_Given(route), prefix)
    if target.startswith("embedded:"):
        return RedisAdapter(_Embedded(EmbeddedServer.from_url(target)), prefix)
    if target.partition("://")[0].lower() in SENTINEL_SCHEMES:
        return RedisAdapter(_Given(sentinel_route(target)), prefix)
    return RedisAdapter(_Given(Endpoint.from_url(target)), prefix)
