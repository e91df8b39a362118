"""Where a server is and how to log in: everything needed to open a raw redis-py connection, blocking or asyncio."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, cast
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from taskora.errors import ConfigError
from taskora.quoting import quoted

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
URL_TLS_OPTIONS = frozenset({
    "ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_ciphers", "ssl_keyfile",
    "ssl_password",
})  # fmt: skip
# redis-py has these for blocking connections alone: an asyncio connection would skip the check without a word.
BLOCKING_ONLY_OPTIONS = ("ssl_validate_ocsp", "ssl_validate_ocsp_stapled", "redis_connect_func")
DEFAULT_TIMEOUT_S = 5.0
_PRINTED = re.compile(r"[^\s\x00-\x1f\x7f\ud800-\udfff]{0,2000}")
_ESCAPING = "Characters such as @ : / ? # in a user name or password must be percent-encoded."


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
        parts = _split(url)
        options = _query(parts, url)
        transport = SCHEMES[parts.scheme]
        if transport == "unix" and (parts.hostname or not parts.path.startswith("/")):
            raise _wrong(url, "a unix socket needs an absolute path: unix:///path/to.sock (three slashes)")
        return cls(
            transport=transport,
            host=unquote(parts.hostname or "localhost") if transport != "unix" else "localhost",
            port=_port(parts, url),
            path=unquote(parts.path) if transport == "unix" else "",
            db=_database(parts, options, url),
            username=unquote(parts.username or "") or options.get("username") or None,
            password=unquote(parts.password or "") or options.get("password") or None,
            tls=_tls_options(options, url),
        )

    @classmethod
    def from_client(cls, client: Client) -> Endpoint:
        """Take address, login and TLS options of a redis-py client, blocking or asyncio.

        The client stays the caller's: it is neither used nor closed. Its timeouts, retries, decoding and protocol are
        not taken over.

        Raises:
            ConfigError: It is no such client, or it connects in a way that cannot be repeated (a cluster's or a
                sentinel's client, a connection class of its own, ``redis_connect_func``, OCSP validation).
        """
        import redis
        import redis.asyncio

        kinds = (redis.Redis, redis.asyncio.Redis)
        if not isinstance(client, kinds):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everybody checks types
            raise ConfigError(
                f"adapter: expected a URL, redis.Redis or redis.asyncio.Redis, got {type(client).__name__}. "
                "Give the URL of one server; clusters and sentinels are not served yet."
            )
        pool = client.connection_pool
        transport = _transport_of(cast("type[object]", pool.connection_class))
        return _from_options(cls, transport, cast("Mapping[str, object]", pool.connection_kwargs))

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


def masked_url(url: str) -> str:
    """A URL, well-formed or not, that may be shown: ``***`` stands for whatever may be a password."""
    start = url.find("://") + len("://") if "://" in url else 0
    scheme, rest = url[:start], url[start:]
    login, at, address = rest.rpartition("@")
    if at:
        user, colon, _ = login.partition(":")
        rest = f"{user}:***@{address}" if colon else f"***@{address}"
    head, question, query = rest.partition("?")
    shown = [f"{name}=***" if "password" in name else f"{name}{equals}{value}" for name, equals, value in
             (pair.partition("=") for pair in query.split("&"))]  # fmt: skip
    return f"{scheme}{head}{question}{'&'.join(shown)}"


def _wrong(url: str, why: str) -> ConfigError:
    return ConfigError(f"adapter: {quoted(masked_url(url))} is not a usable URL: {why}")


def _split(url: str) -> SplitResult:
    if _PRINTED.fullmatch(url) is None:  # urlsplit would leave such characters out without a word
        raise _wrong(url, f"it has spaces or control characters, or over 2,000 characters. {_ESCAPING}")
    try:
        parts = urlsplit(url)
    except ValueError:  # its message may repeat the password
        raise _wrong(url, f"it cannot be parsed. {_ESCAPING}") from None
    if parts.scheme not in SCHEMES or "://" not in url:
        raise _wrong(url, "its scheme is unknown. Use redis://, rediss://, unix:// or embedded://")
    if parts.fragment or "#" in url:
        raise _wrong(url, f"it has a fragment (#…). {_ESCAPING}")
    return parts


def _query(parts: SplitResult, url: str) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    known = {"db", "username", "password"} | (URL_TLS_OPTIONS if parts.scheme == "rediss" else set[str]())
    for name in options:
        if name in URL_TLS_OPTIONS and parts.scheme != "rediss":
            raise _wrong(url, f"the option {name!r} needs the scheme rediss")
        if name not in known:
            raise _wrong(url, f"the option {name!r} is not supported. Options here: {', '.join(sorted(known))}")
    return options


def _port(parts: SplitResult, url: str) -> int:
    try:
        port = parts.port
    except ValueError:  # its message may repeat a part of the password
        raise _wrong(url, f"the port must be a number from 1 to 65535. {_ESCAPING}") from None
    if port == 0:
        raise _wrong(url, "the port must be a number from 1 to 65535")
    return 6379 if port is None else port


def _database(parts: SplitResult, options: Mapping[str, str], url: str) -> int:
    in_path = parts.path.strip("/") if parts.scheme != "unix" else ""
    given = options.get("db", in_path)
    if given == "":
        return 0
    if not (given.isascii() and given.isdigit()):
        raise _wrong(url, f"the database must be a number, 0 or more, got {given!r}")
    return int(given)


def _tls_options(options: Mapping[str, str], url: str) -> dict[str, object]:
    tls: dict[str, object] = {name: value for name, value in options.items() if name in URL_TLS_OPTIONS}
    if "ssl_check_hostname" in options:
        tls["ssl_check_hostname"] = options["ssl_check_hostname"].upper() not in ("0", "F", "FALSE", "N", "NO")
    if "ssl_cert_reqs" in options:
        tls["ssl_cert_reqs"] = options["ssl_cert_reqs"].lower().removeprefix("cert_")
        if tls["ssl_cert_reqs"] not in ("none", "optional", "required"):
            raise _wrong(url, "ssl_cert_reqs must be none, optional or required")
    return tls


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


def _from_options(make: Callable[..., Endpoint], transport: Transport, options: Mapping[str, object]) -> Endpoint:
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
    return make(transport=transport, **taken)


def _silent_driver() -> dict[str, None]:
    # CLIENT SETINFO costs two round trips per connection. redis-py before 7.1 knows only the older options.
    import redis

    return {"driver_info": None} if hasattr(redis, "DriverInfo") else {"lib_name": None, "lib_version": None}
