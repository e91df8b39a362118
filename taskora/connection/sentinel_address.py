"""Where sentinels are: from a URL, or from a client that redis-py's Sentinel made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import unquote

from taskora.connection.address import read_address
from taskora.connection.endpoint import Endpoint, Transport
from taskora.connection.sentinel import SentinelRoute
from taskora.errors import ConfigError

if TYPE_CHECKING:
    from taskora.connection.endpoint import Client

SENTINEL_SCHEMES: Mapping[str, Transport] = {"redis+sentinel": "tcp", "rediss+sentinel": "tls"}
_OPTIONS = ("sentinel_username", "sentinel_password", "sentinel_tls", "min_other_sentinels")
_PORT = 26379


class _Manager(Protocol):
    """What we use of redis-py's Sentinel, which has no types."""

    sentinels: Sequence[Client]
    min_other_sentinels: int


class _Pool(Protocol):
    """What we use of its pools."""

    sentinel_manager: _Manager
    service_name: str
    is_master: bool
    connection_class: type[object]
    connection_kwargs: Mapping[str, object]


def sentinel_route(url: str) -> SentinelRoute:
    """Read ``redis+sentinel://[[user]:password@]host[:port][,host[:port]]…/service[/db][?option=value&…]``.

    User, password and database are those of the servers. With ``rediss+sentinel`` all connections use TLS. The ports
    are 26379 where none is given. Options: ``sentinel_username`` and ``sentinel_password``, the login at the sentinels
    themselves (without them there is none); ``sentinel_tls=no``, when only the servers use TLS;
    ``min_other_sentinels``, how many others a sentinel must see to be believed (default 0); those of TLS.

    Raises:
        ConfigError: The URL is malformed, names no host or no service, or an option is unknown.
    """
    address = read_address(url, SENTINEL_SCHEMES)
    address.refuse_others(_OPTIONS)
    hosts = [host for host, _ in address.hosts]
    if not all(hosts):
        raise address.wrong("a host is missing: redis+sentinel://host1:26379,host2:26379/service")
    _, _, path = address.path.partition("/")
    service, _, database = path.partition("/")
    if not service:
        raise address.wrong("the service is missing: redis+sentinel://host1:26379,host2:26379/service")
    transport, tls = SENTINEL_SCHEMES[address.scheme], address.tls()
    plain = transport == "tls" and address.says_no("sentinel_tls")
    sentinels = tuple(
        Endpoint(
            transport="tcp" if plain else transport,
            host=host,
            port=_PORT if port is None else port,
            username=address.options.get("sentinel_username") or None,
            password=address.options.get("sentinel_password") or None,
            tls={} if plain else tls,
        )
        for host, port in address.hosts
    )
    server = Endpoint(
        transport=transport,
        db=address.database(database.strip("/")),
        username=address.username,
        password=address.password,
        tls=tls,
    )
    others = address.number("min_other_sentinels")
    return SentinelRoute(unquote(service), sentinels, server, min_other_sentinels=others)


def is_sentinel_client(client: object) -> bool:
    """Tell whether redis-py's Sentinel made it, ``master_for`` or ``slave_for``."""
    import redis.asyncio.sentinel
    import redis.sentinel

    kinds = (redis.sentinel.SentinelConnectionPool, redis.asyncio.sentinel.SentinelConnectionPool)
    return isinstance(getattr(client, "connection_pool", None), kinds)


def sentinel_route_of(client: Client) -> SentinelRoute:
    """Take service, sentinels, logins and TLS options of a client that ``Sentinel.master_for`` made.

    Raises:
        ConfigError: It is one for replicas, or connects in a way that cannot be repeated.
    """
    pool = cast("_Pool", client.connection_pool)
    manager = pool.sentinel_manager
    if not pool.is_master:
        raise ConfigError("adapter: the client is one for replicas (slave_for), which take no jobs. Use master_for.")
    if getattr(manager, "_force_master_ip", None) is not None:
        raise ConfigError("adapter: the client's option 'force_master_ip' cannot be taken over. Give a URL.")
    server = Endpoint.from_options(_transport_of(pool.connection_class), pool.connection_kwargs)
    sentinels = tuple(Endpoint.from_client(sentinel) for sentinel in manager.sentinels)
    return SentinelRoute(pool.service_name, sentinels, server, min_other_sentinels=manager.min_other_sentinels)


def _transport_of(connection_class: type[object]) -> Transport:
    import redis.asyncio.sentinel as on_loop
    import redis.sentinel as blocking

    kinds: dict[type[object], Transport] = {
        blocking.SentinelManagedConnection: "tcp",
        blocking.SentinelManagedSSLConnection: "tls",
        on_loop.SentinelManagedConnection: "tcp",
        on_loop.SentinelManagedSSLConnection: "tls",
    }
    if connection_class not in kinds:
        raise ConfigError(
            f"adapter: the client's connections are {connection_class.__name__}, which cannot be taken over. Give a "
            "URL, or a client with redis-py's own connections."
        )
    return kinds[connection_class]
