"""Signing in with a name and a password."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias, cast
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response

from taskora.callables import check_takes
from taskora.config import check_instance
from taskora.duration import Duration, to_seconds
from taskora.errors import ConfigError
from taskora.quoting import quoted

from .cookies import Session, sign, values_of, verify
from .roles import User

AuthCallable: TypeAlias = Callable[[Request], Awaitable[User | Response | None] | User | Response | None]
"""Says who asks: a user is let in, None is refused with 401, and a response is sent as it is."""
Authenticate: TypeAlias = Callable[[str, str], Awaitable[User | None] | User | None]
"""Takes a name and a password; returns who that is, None when the two do not belong together."""

_LEAST_KEY: Final = 32
_LEAST_TTL_S: Final = 1.0
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_MOST_COOKIE: Final = 3_800  # browsers drop a cookie of more than 4,096 bytes without a word


@dataclass(frozen=True, slots=True)
class SessionLogin:
    """A login page, and a signed cookie that remembers who signed in.

    Nothing is stored on the server, so one session cannot be ended alone; a new ``cookie_password`` ends all. A cookie
    is for boards of the same title, path and prefix of keys: those are copies of one, whatever process they are in.

    Attributes:
        cookie_password: Secret that signs the cookies, of at least 32 characters; the same in all processes.
        authenticate: Takes the name and the password that were entered; returns a ``User``, or None to refuse. May be
            async; one that is not runs in a thread.
        cookie_name: Name of the cookie.
        ttl: How long a session lasts after it was last used. None: until the browser is closed, and for whoever
            copied the cookie for ever. Defaults to 12 hours.
    """

    cookie_password: str = field(repr=False)
    authenticate: Authenticate
    cookie_name: str = field(default="taskora_board_session", kw_only=True)
    ttl: Duration | None = field(default="12h", kw_only=True)

    def __post_init__(self) -> None:
        key = self.cookie_password
        if not isinstance(key, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise ConfigError(f"cookie_password: expected a text, got a value of type {type(key).__name__}")
        if len(key) < _LEAST_KEY:
            raise ConfigError(
                f"cookie_password: expected a secret text of at least {_LEAST_KEY} characters, such as `openssl rand "
                f"-base64 48` prints; got {len(key)}"
            )
        check_takes(self.authenticate, ("the name", "the password"), "authenticate")
        name = check_instance(self.cookie_name, str, "cookie_name")
        if not _TOKEN.fullmatch(name) or name.lower().startswith("__host-"):
            raise ConfigError(
                f"cookie_name: expected letters, digits, '-' and '_', and not '__Host-' in front, as the cookie is for "
                f"the board's path alone; got {quoted(name)}"
            )
        if self.ttl is not None and to_seconds(self.ttl, "ttl") < _LEAST_TTL_S:
            raise ConfigError(f"ttl: at least 1 second, or None for no end; got {quoted(self.ttl)}")

    @property
    def ttl_s(self) -> float | None:
        """Seconds that a session lasts."""
        return None if self.ttl is None else to_seconds(self.ttl, "ttl")

    def find(self, request: Request) -> Session | None:
        """Return the session that a request belongs to, unless it has expired."""
        now_ms = time.time() * 1000
        for value in values_of(request, self.cookie_name):
            session = verify(value, self.cookie_password, _board(request))
            if session is None:
                continue
            # A session without an end is one from before a ttl was set.
            ended = self.ttl is not None if session.expires_ms is None else session.expires_ms <= now_ms
            if not ended:
                return session
        return None

    def is_sent(self, request: Request) -> bool:
        """Tell whether a request carries the cookie, whatever is in it."""
        return next(values_of(request, self.cookie_name), None) is not None

    async def check(self, name: str, password: str, threads: CapacityLimiter) -> User | None:
        """Return whom a name and a password belong to; raises what ``authenticate`` raises.

        Raises:
            ConfigError: It returned something else.
        """
        user = await call(self.authenticate, name, password, threads=threads)
        if user is not None and not isinstance(user, User):
            raise ConfigError(f"authenticate: expected a User or None, got a {type(user).__name__}")
        return user

    def cookie(self, request: Request, user: User) -> str:
        """Return the ``Set-Cookie`` that begins a session, or makes it last longer.

        Raises:
            ConfigError: The name is too long for a cookie.
        """
        ttl_s = self.ttl_s
        expires_ms = None if ttl_s is None else int((time.time() + ttl_s) * 1000)
        value = sign(Session(user, expires_ms), self.cookie_password, _board(request))
        if len(value) > _MOST_COOKIE:
            raise ConfigError(f"authenticate: a name of {len(user.name)} characters is too long for a cookie")
        return self._set(request, value, "" if ttl_s is None else f"; Max-Age={int(ttl_s)}")

    def renewal(self, request: Request, session: Session) -> str | None:
        """Return the ``Set-Cookie`` of a session that has used up more than half of its time."""
        ttl_s = self.ttl_s
        if ttl_s is None or session.expires_ms is None or session.expires_ms / 1000 - time.time() >= ttl_s / 2:
            return None
        return self.cookie(request, session.user)

    def farewell(self, request: Request) -> str:
        """Return the ``Set-Cookie`` that makes the browser forget the session."""
        return self._set(request, "", "; Max-Age=0")

    def _set(self, request: Request, value: str, age: str) -> str:
        path = quote(str(request.scope["taskora.prefix"])) or "/"
        secure = "; Secure" if request.url.scheme == "https" else ""
        return f"{self.cookie_name}={value}; Path={path}; HttpOnly; SameSite=Lax{age}{secure}"


def _board(request: Request) -> str:
    return str(request.scope["taskora.board"])


async def identify(function: AuthCallable, request: Request, threads: CapacityLimiter) -> User | Response | None:
    """Return what a function says about a request; raises what it raises.

    Raises:
        ConfigError: It returned something else.
    """
    answer = await call(function, request, threads=threads)
    if answer is not None and not isinstance(answer, User | Response):
        raise ConfigError(f"auth: expected a User, a Response or None, got a {type(answer).__name__}")
    return answer


async def call(function: Callable[..., object], *arguments: object, threads: CapacityLimiter) -> object:
    """Call somebody's function; in a thread when it is not async, as it may ask a directory or hash a password."""
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004 - whether it is async, not whether it can be called
        answer = function(*arguments)
    else:
        answer = await to_thread.run_sync(function, *arguments, limiter=threads)
    return await cast("Awaitable[object]", answer) if inspect.isawaitable(answer) else answer
