"""Where a server is and how to log in: everything needed to open a raw redis-py connection, blocking or asyncio."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, cast
from urllib.parse import quote, unquote

from taskora.connection.address import read_address
from taskora.errors import ConfigError

if TYPE_CHECKING:
    import redis
    import redis.asyncio
    from redis.asyncio.connection import AbstractConnection as AsyncConnection
    from redis.connection import AbstractConnection as SyncConnection
    from redis.credentials import CredentialProvider

    Client: TypeAlias = "redis.Redis | redis.asyncio.Redis"

Transport: TypeAlias = Literal["tcp", "tls", "unix"]

SCHEMES: Mapping[str, Transport] = {"redis": "tcp", "rediss": "tls", "unix": "unix"}
TLS_OPTIONS = frozenset({
    "ssl_ca_certs", "ssl_ca_data", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_ciphers",
    "ssl_exclude_verify_flags", "ssl_include_verify_flags", "ssl_keyfile", "ssl_min_version", "ssl_password",
})  # fmt: skip
# redis-py has these for blocking connections alone: an asyncio connection would skip the check without a word.
BLOCKING_ONLY_OPTIONS = ("ssl_validate_ocsp", "ssl_validate_ocsp_stapled", "redis_connect_func")
DEFAULT_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One server, one database, one login.

    Another address with the same login is `dataclasses.replace(endpoint, host=…, port=…)`.

    Attributes:
        transport: ``tcp``, ``tls`` or ``unix``.
        host: Host name or address; unused for ``unix``.
        port: TCP port; unused for ``unix``.
        path: Absolute path of the unix socket; empty for the others.
        db: Database number. A cluster has only 0.
        username: ACL user. None: the default user.
        password: None: no login.
        credentials: redis-py's provider of changing credentials, instead of ``username`` and ``password``.
        tls: redis-py's ``ssl_*`` options, as given.
    """

    transport: Transport = "tcp"
    host: str = "localhost"
    port: int = 6379
    path: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    credentials: CredentialProvider | None = field(default=None, repr=False)
    tls: Mapping[str, object] = field(default_factory=dict[str, object], repr=False, hash=False)

    def __post_init__(self) -> None:
        if not 0 < self.port <= 65535:
            raise ConfigError(f"adapter: the port must be from 1 to 65535, got {self.port}")
        if self.db < 0:
            raise ConfigError(f"adapter: the database number must be 0 or more, got {self.db}")
        if (self.transport == "unix") != bool(self.path):
            raise ConfigError(f"adapter: a unix socket needs a path and nothing else has one, got {self.path!r}")

    @classmethod
    def from_url(cls, url: str) -> Endpoint:
        """Read a ``redis://``, ``rediss://`` or ``unix://`` URL.

        Shapes: ``redis://[[user]:password@]host[:port][/db]``, the same with ``rediss`` for TLS, and
        ``unix://[[user]:password@]/path[?db=0]``. ``?db=`` wins over the path. TLS takes redis-py's query options
        ``ssl_cert_reqs``, ``ssl_ca_certs``, ``ssl_ca_path``, ``ssl_certfile``, ``ssl_keyfile``, ``ssl_password``,
        ``ssl_check_hostname`` and ``ssl_ciphers``.

        Raises:
            ConfigError: The URL is malformed, or its scheme or an option is unknown. The password is not repeated.
        """
        address = read_address(url, SCHEMES)
        address.refuse_others(())
        transport = SCHEMES[address.scheme]
        if len(address.hosts) > 1:
            raise address.wrong(f"several servers need redis+sentinel:// or redis+cluster://, not {address.scheme}://")
        host, port = next(iter(address.hosts))
        if transport == "unix" and (host or not address.path.startswith("/")):
            raise address.wrong("a unix socket needs an absolute path: unix:///path/to.sock (three slashes)")
        return cls(
            transport=transport,
            host=host or "localhost",
            port=6379 if port is None else port,
            path=unquote(address.path) if transport == "unix" else "",
            db=address.database("" if transport == "unix" else address.path.strip("/")),
            username=address.username,
            password=address.password,
            tls=address.tls(),
        )

    @classmethod
    def from_client(cls, client: Client) -> Endpoint:
        """Take address, login and TLS options of a redis-py client, blocking or asyncio.

        The client stays the caller's: it is neither used nor closed. Its timeouts, retries, decoding and protocol are
        not taken over.

        Raises:
            ConfigError: It is no such client, or it connects in a way that cannot be repeated (a cluster's client, a
                connection class of its own, ``redis_connect_func``, OCSP validation).
        """
        import redis
        import redis.asyncio

        kinds = (redis.Redis, redis.asyncio.Redis)
        if not isinstance(client, kinds):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everybody checks types
            raise ConfigError(
                f"adapter: expected a URL, redis.Redis or redis.asyncio.Redis, got {type(client).__name__}. Give a URL."
            )
        pool = client.connection_pool
        transport = _transport_of(cast("type[object]", pool.connection_class))
        return cls.from_options(transport, cast("Mapping[str, object]", pool.connection_kwargs))

    @classmethod
    def from_options(cls, transport: Transport, options: Mapping[str, object]) -> Endpoint:
        """Read the options of a redis-py connection.

        Raises:
            ConfigError: One of them exists for blocking connections alone.
        """
        for name in BLOCKING_ONLY_OPTIONS:
            if options.get(name):
                raise ConfigError(f"adapter: the client's option {name!r} cannot be taken over. Give a URL without it.")
        names = {"db": "db", "username": "username", "password": "password", "credential_provider": "credentials"}
        names |= {"path": "path"} if transport == "unix" else {"host": "host", "port": "port"}
        taken = {ours: options[theirs] for theirs, ours in names.items() if options.get(theirs) is not None}
        if transport == "tls":
            taken["tls"] = {name: options[name] for name in TLS_OPTIONS if options.get(name) is not None}
        for name in ("db", "port"):
            if name in taken:
                taken[name] = int(cast("int | str", taken[name]))
        return cast("Callable[..., Endpoint]", cls)(transport=transport, **taken)

    @classmethod
    def unix(cls, path: str) -> Endpoint:
        """The server behind the unix socket at the absolute path ``path``, without a login."""
        return cls(transport="unix", path=path)

    @property
    def masked(self) -> str:
        """This endpoint as a URL for messages, with ``***`` instead of the password and without TLS options."""
        scheme = next(scheme for scheme, transport in SCHEMES.items() if transport == self.transport)
        login = quote(self.username or "", safe="")
        if self.password or self.credentials:
            login += ":***"
        login += "@" if login else ""
        if self.transport == "unix":
            return f"{scheme}://{login}{quote(self.path)}?db={self.db}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{login}{host}:{self.port}/{self.db}"

    @property
    def guard(self) -> None:
        """See ``Route``: any connection will do."""
        return

    def find(self) -> Endpoint:
        """See ``Route``: it is always there."""
        return self

    async def find_async(self) -> Endpoint:
        """See ``Route``: it is always there."""
        return self

    def __str__(self) -> str:
        return self.masked

    def sync_connection(
        self,
        *,
        socket_timeout: float | None = DEFAULT_TIMEOUT_S,
        socket_connect_timeout: float | None = DEFAULT_TIMEOUT_S,
    ) -> SyncConnection:
        """Make a blocking connection; nothing is sent before its first use or ``connect()``.

        RESP2, bytes for replies, no retries and no health checks. Connecting sends AUTH and SELECT, each only if it is
        needed.

        Args:
            socket_timeout: Seconds that one read may take. None waits for ever.
            socket_connect_timeout: Seconds that connecting may take. None waits for ever.
        """
        from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection

        kinds = {"tcp": Connection, "tls": SSLConnection, "unix": UnixDomainSocketConnection}
        make = cast("Callable[..., SyncConnection]", kinds[self.transport])
        timeouts = {"socket_timeout": socket_timeout, "socket_connect_timeout": socket_connect_timeout}
        return make(**self._options(), **timeouts)

    def async_connection(
        self,
        *,
        socket_timeout: float | None = DEFAULT_TIMEOUT_S,
        socket_connect_timeout: float | None = DEFAULT_TIMEOUT_S,
    ) -> AsyncConnection:
        """Make an asyncio connection; the same as `sync_connection` in everything else.

        On a unix socket redis-py 8.1 sends its AUTH and SELECT twice.
        """
        from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection

        kinds = {"tcp": Connection, "tls": SSLConnection, "unix": UnixDomainSocketConnection}
        make = cast("Callable[..., AsyncConnection]", kinds[self.transport])
        timeouts = {"socket_timeout": socket_timeout, "socket_connect_timeout": socket_connect_timeout}
        return make(**self._options(), **timeouts)

    def _options(self) -> dict[str, object]:
        options: dict[str, object] = {
            "db": self.db,
            "username": self.username,
            "password": self.password,
            "credential_provider": self.credentials,
            "protocol": 2,  # redis-py 8 would speak RESP3 and send HELLO
            "decode_responses": False,
            "health_check_interval": 0,
            **_silent_driver(),
        }
        if self.transport == "unix":
            return {**options, "path": self.path}
        return {**options, "host": self.host, "port": self.port, "socket_keepalive": True, **self.tls}


def _transport_of(connection_class: type[object]) -> Transport:
    import redis.asyncio.connection as on_loop
    import redis.connection as blocking

    kinds: dict[type[object], Transport] = {
        blocking.Connection: "tcp",
        blocking.SSLConnection: "tls",
        blocking.UnixDomainSocketConnection: "unix",
        on_loop.Connection: "tcp",
        on_loop.SSLConnection: "tls",
        on_loop.UnixDomainSocketConnection: "unix",
    }
    if connection_class not in kinds:
        raise ConfigError(
            f"adapter: the client's connections are {connection_class.__name__}, which exists for one of blocking and "
            "asyncio only. Give a URL, or a client with redis-py's own connections."
        )
    return kinds[connection_class]


def _silent_driver() -> dict[str, None]:
    # CLIENT SETINFO costs two round trips per connection. redis-py before 7.1 knows only the older options.
    import redis

    return {"driver_info": None} if hasattr(redis, "DriverInfo") else {"lib_name": None, "lib_version": None}
