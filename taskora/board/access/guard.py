"""Who is let in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from anyio import CapacityLimiter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from taskora.quoting import quoted, shown

from .headers import add_cookie
from .login import AuthCallable, SessionLogin, identify
from .patience import Patience, Places
from .redirects import board_of, checked_target, login_address
from .roles import Role, User

Render: TypeAlias = Callable[[Request, str, str, int], Response]
"""Lays the login page out: of a request, an error or an empty text, where to go on to, and the status."""

_log = logging.getLogger("taskora.board")

_ANYBODY: Final = User("anonymous", Role.ADMIN)
_OF_BROWSERS: Final = ("basic", "digest", "negotiate", "ntlm")
_THREADS: Final = 8
_MOST_BODY: Final = 16_384
_BODY_S: Final = 10.0
_BUSY_S: Final = 10


class Guard:
    """Decides about requests.

    Their scope says which board it is, where, and what is asked for: ``taskora.board``, ``taskora.prefix``,
    ``taskora.path``.

    Args:
        auth: What the board was told: a login, a function of the request, or None to let everybody in as an admin.
        render: Lays the login page out.
        patience: Keeps back the answers to failed attempts.
        sleep: Waits so many seconds.
        places: Bounds the attempts under way.
    """

    def __init__(
        self,
        auth: SessionLogin | AuthCallable | None,
        render: Render,
        *,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        places: Places | None = None,
    ) -> None:
        self._login = auth if isinstance(auth, SessionLogin) else None
        self._function = None if isinstance(auth, SessionLogin) else auth
        self._render = render
        self._patience = patience or Patience()
        self._sleep = sleep
        self._places = places or Places()
        self._own_threads: CapacityLimiter | None = None

    @property
    def has_login(self) -> bool:
        """Whether people sign in here, and can sign out."""
        return self._login is not None

    @property
    def lets_everybody_in(self) -> bool:
        """Whether nobody is asked who they are."""
        return self._login is None and self._function is None

    def uses_cookie(self, request: Request) -> bool:
        """Tell whether a browser may have let somebody in by itself, without their doing.

        What a function looks at is not known, so any cookie may be what it goes by.
        """
        if self._login is not None:
            return self._login.is_sent(request)
        return self._function is not None and "cookie" in request.headers

    def is_recognised(self, request: Request) -> bool:
        """Tell whether a browser may have said by itself who somebody is: by a cookie, or as its own dialogue asked."""
        scheme = request.headers.get("authorization", "").partition(" ")[0].lower()
        return self.uses_cookie(request) or (self._function is not None and scheme in _OF_BROWSERS)

    async def enter(self, request: Request) -> User | Response:
        """Return who asks, or what is answered to somebody who is not let in."""
        if self._login is not None:
            session = self._login.find(request)
            if session is None:
                return self._to_login(request)
            renewal = self._login.renewal(request, session)
            if renewal is not None:
                add_cookie(request.scope, renewal)
            request.scope["taskora.ends_ms"] = session.expires_ms
            return session.user
        if self._function is None:
            return _ANYBODY
        return await self._ask(self._function, request)

    async def answer(self, request: Request) -> Response | None:
        """Answer what anybody may ask for: to sign in, and out. None when a request is about something else."""
        login, path = self._login, str(request.scope["taskora.path"])
        if login is None or path not in ("login", "auth/login", "auth/logout"):
            return None
        looks = request.method in ("GET", "HEAD")
        if path == "login":
            return self._page(login, request) if looks else _not_allowed("GET, HEAD")
        if looks:  # somebody who typed the address of a form
            return RedirectResponse(f"{board_of(request)}/login", 303)
        if request.method != "POST":
            return _not_allowed("POST")
        if path == "auth/login":
            return await self._sign_in(login, request)
        add_cookie(request.scope, login.farewell(request))
        return RedirectResponse(f"{board_of(request)}/login", 303)

    def _page(self, login: SessionLogin, request: Request) -> Response:
        target = checked_target(request, request.query_params.get("redirect", ""))
        if login.find(request) is not None:
            return RedirectResponse(target, 303)
        return self._render(request, "", target, 200)

    async def _sign_in(self, login: SessionLogin, request: Request) -> Response:
        address = "" if request.client is None else request.client.host
        with self._places.take(address) as is_taken:
            if not is_taken:
                target = checked_target(request, "")
                response = self._render(request, "Too many people sign in at this moment. Try again soon.", target, 429)
                response.headers["Retry-After"] = str(_BUSY_S)
                return response
            form = await _form(request)
            if form is None:
                return self._render(request, "The form could not be read.", checked_target(request, ""), 400)
            return await self._checked(login, request, address, form)

    async def _checked(self, login: SessionLogin, request: Request, address: str, form: dict[str, str]) -> Response:
        name, password = form.get("username", ""), form.get("password", "")
        target = checked_target(request, form.get("redirect", ""))
        if not name or not password:
            return self._render(request, "Enter a name and a password.", target, 401)
        try:
            user = await login.check(name, password, self._threads())
            cookie = "" if user is None else login.cookie(request, user)
        except Exception:  # noqa: BLE001 - somebody else's code; nobody is let in by it, and the log has it all
            _log.exception("signing in failed: authenticate")
            return self._render(request, "Signing in does not work now; the board's log says why.", target, 500)
        if user is None:
            wait_s = self._patience.failed(address, name)
            _log.warning("%s could not sign in from %s", shown(quoted(name)), address)
            # The place is held meanwhile, also when the client has gone: that is what bounds its guesses.
            await self._sleep(wait_s)
            return self._render(request, "That name and password do not belong together.", target, 401)
        self._patience.succeeded(name)
        add_cookie(request.scope, cookie)
        return RedirectResponse(target, 303)

    async def _ask(self, function: AuthCallable, request: Request) -> User | Response:
        try:
            answer = await identify(function, request, self._threads())
        except HTTPException as refusal:
            return PlainTextResponse(refusal.detail, refusal.status_code, refusal.headers)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("nobody is let in: auth failed")
            return PlainTextResponse("Whether you may enter could not be told; the board's log says why.", 500)
        return _unauthorized(request) if answer is None else answer

    def _to_login(self, request: Request) -> Response:
        if _is_program(request):
            return _unauthorized(request)
        return RedirectResponse(login_address(request), 303)

    def _threads(self) -> CapacityLimiter:
        # Of our own: a directory that hangs must not take the threads of the application beside the board. Made
        # late, as it belongs to the loop.
        if self._own_threads is None:
            self._own_threads = CapacityLimiter(_THREADS)
        return self._own_threads


def _is_program(request: Request) -> bool:
    """Tell whether a login page would be of no use to whoever asks."""
    path, accepted = str(request.scope["taskora.path"]), request.headers.get("accept", "")
    return path == "api" or path.startswith("api/") or "application/json" in accepted or "text/event-stream" in accepted


def _unauthorized(request: Request) -> Response:
    if _is_program(request):
        return JSONResponse({"error": "Unauthorized"}, 401)
    return PlainTextResponse("Unauthorized", 401)


def _not_allowed(allowed: str) -> Response:
    return PlainTextResponse("Method Not Allowed", 405, {"Allow": allowed})


async def _form(request: Request) -> dict[str, str] | None:
    """Read a small form; None when it is none, too large, or does not come."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return None
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BODY:
                    return None
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=20))
    except (TimeoutError, ValueError):
        return None
