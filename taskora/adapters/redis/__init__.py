"""Jobs in Redis or Valkey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from taskora.adapters.redis.adapter import RedisAdapter
from taskora.connection.embedded import EmbeddedServer
from taskora.connection.endpoint import Endpoint

if TYPE_CHECKING:
    from taskora.connection.endpoint import Client

__all__ = ["RedisAdapter", "redis_adapter"]


@dataclass(frozen=True, slots=True)
class _Given:
    """A server that somebody else runs."""

    endpoint: Endpoint

    def ensure(self) -> Endpoint:
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
        target: ``redis://``, ``rediss://`` (TLS), ``unix://`` or ``embedded://PATH``, or a client of the redis package,
            of which the address and credentials are taken; it is never used or closed.
        prefix: Text that sets its keys apart from those of others on the same server.

    Raises:
        ConfigError: The URL is malformed or of an unknown kind, or the prefix has characters that keys cannot carry.
    """
    if not isinstance(target, str):
        return RedisAdapter(_Given(Endpoint.from_client(target)), prefix)
    if target.startswith("embedded:"):
        return RedisAdapter(_Embedded(EmbeddedServer.from_url(target)), prefix)
    return RedisAdapter(_Given(Endpoint.from_url(target)), prefix)
