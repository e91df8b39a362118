"""Reading URLs of servers, and showing them without their secrets."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from taskora.errors import ConfigError
from taskora.quoting import quoted

TLS_OPTIONS = frozenset({
    "ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_ciphers", "ssl_keyfile",
    "ssl_password",
})  # fmt: skip
# Whose values may be shown.
_PLAIN = frozenset({"db", "username", "sentinel_username", "sentinel_tls", "min_other_sentinels"}) | (
    TLS_OPTIONS - {"ssl_password"}
)
_KNOWN = "redis://, rediss://, unix://, redis+sentinel://, redis+cluster:// (rediss+… for TLS) or embedded://"
_PRINTED = re.compile(r"[^\s\x00-\x1f\x7f\ud800-\udfff]{0,2000}")
_ESCAPING = "Characters such as @ : / ? # in a user name or password must be percent-encoded."
_NO = ("0", "f", "false", "n", "no")


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart. What its parts mean, and which must be there, its scheme says.

    Attributes:
        url: As it was given.
        scheme: In lower case.
        hosts: Names or addresses, each with its port; both may be missing.
        path: From the first slash on, still percent-encoded.
        username: None when there is none.
        password: None when there is none.
        options: The query.
    """

    url: str = field(repr=False)
    scheme: str
    hosts: tuple[tuple[str, int | None], ...]
    path: str
    username: str | None
    password: str | None = field(repr=False)
    options: Mapping[str, str] = field(repr=False)

    def wrong(self, why: str) -> ConfigError:
        """Make the error that refuses it; the URL in it is masked."""
        return _wrong(self.url, why)

    def refuse_others(self, known: Collection[str]) -> None:
        """Check that all options are known: these, login and TLS.

        Raises:
            ConfigError: One is not, or is for TLS and this is without.
        """
        tls = self.scheme.startswith("rediss")
        names = {"db", "username", "password", *known, *(TLS_OPTIONS if tls else ())}
        for name in self.options:
            if name in TLS_OPTIONS and not tls:
                raise self.wrong(f"the option {name!r} needs the scheme {self.scheme.replace('redis', 'rediss', 1)}")
            if name not in names:
                raise self.wrong(f"the option {name!r} is not supported. Options here: {', '.join(sorted(names))}")

    def database(self, in_path: str) -> int:
        """Read the database's number; ``?db=`` wins over what the path says.

        Raises:
            ConfigError: It is no number.
        """
        given = self.options.get("db", in_path)
        if given == "":
            return 0
        if not (given.isascii() and given.isdigit()):
            raise self.wrong("the database must be a number, 0 or more")
        return int(given)

    def number(self, name: str) -> int:
        """Read an option that is a number, 0 or more; 0 when it is not there.

        Raises:
            ConfigError: It is something else.
        """
        given = self.options.get(name, "0")
        if not (given.isascii() and given.isdigit()):
            raise self.wrong(f"{name} must be a number, 0 or more, got {given!r}")
        return int(given)

    def says_no(self, name: str) -> bool:
        """Tell whether an option is there and means no."""
        return self.options.get(name, "yes").lower() in _NO

    def tls(self) -> dict[str, object]:
        """Read the TLS options as redis-py takes them.

        Raises:
            ConfigError: One has a value that means nothing.
        """
        tls: dict[str, object] = {name: value for name, value in self.options.items() if name in TLS_OPTIONS}
        if "ssl_check_hostname" in tls:
            tls["ssl_check_hostname"] = not self.says_no("ssl_check_hostname")
        if "ssl_cert_reqs" in self.options:
            tls["ssl_cert_reqs"] = self.options["ssl_cert_reqs"].lower().removeprefix("cert_")
            if tls["ssl_cert_reqs"] not in ("none", "optional", "required"):
                raise self.wrong("ssl_cert_reqs must be none, optional or required")
        return tls


def read_address(url: str, schemes: Collection[str]) -> Address:
    """Take a URL apart: ``SCHEME://[[user]:password@][host[:port][,host[:port]]…][/path][?option=value&…]``.

    Raises:
        ConfigError: It is malformed, or of another scheme. The password is not repeated.
    """
    if _PRINTED.fullmatch(url) is None:
        raise _wrong(url, f"it has spaces or control characters, or over 2,000 characters. {_ESCAPING}")
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in schemes:
        raise _wrong(url, f"its scheme is unknown. Use {_KNOWN}")
    if "#" in url:
        raise _wrong(url, f"it has a fragment (#…). {_ESCAPING}")
    before_query, _, query = rest.partition("?")
    authority, slash, path = before_query.partition("/")
    login, _, places = authority.rpartition("@")
    username, _, password = login.partition(":")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if any("@" in name for name in options) or ("@" in path and authority):  # the end of a password begins there
        raise _wrong(url, f"it cannot be parsed. {_ESCAPING}")
    return Address(
        url=url,
        scheme=scheme.lower(),
        hosts=tuple(_place(place, url) for place in places.split(",")),
        path=slash + path,
        username=unquote(username) or options.get("username") or None,
        password=unquote(password) or options.get("password") or None,
        options=options,
    )


def masked_url(url: str) -> str:
    """A URL, well-formed or not, that may be shown: ``***`` stands for whatever may be a password."""
    start = url.find("://") + len("://") if "://" in url else 0
    scheme, rest = url[:start], url[start:]
    login, at, address = rest.rpartition("@")
    if "?" in login:  # where a password begins and ends is anybody's guess
        return f"{scheme}***"
    if at:
        user, colon, _ = login.partition(":")
        rest = f"{user}:***@{address}" if colon else f"***@{address}"
    head, question, query = rest.partition("?")
    return f"{scheme}{head}{question}{'&'.join(map(_shown, query.split('&')))}"


def _shown(option: str) -> str:
    name, equals, value = option.partition("=")
    return f"{name}=***" if value and _is_secret(name) else f"{name}{equals}{value}"


def _is_secret(name: str) -> bool:
    """Tell whether a value may be a password: also that of an option whose name is misspelt."""
    return unquote(name) not in _PLAIN


def _wrong(url: str, why: str) -> ConfigError:
    return ConfigError(f"adapter: {quoted(masked_url(url))} is not a usable URL: {why}")


def _place(text: str, url: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        if not closed or not (port == "" or port.startswith(":")):
            raise _wrong(url, f"it cannot be parsed. {_ESCAPING}")
        port = port[1:]
    else:
        host, _, port = text.partition(":")
    if port == "":
        return unquote(host).lower(), None
    if not (
        port.isascii() and port.isdigit() and 0 < int(port) <= 65535
    ):  # not shown: it may be a part of the password
        raise _wrong(url, f"the port must be a number from 1 to 65535. {_ESCAPING}")
    return unquote(host).lower(), int(port)
