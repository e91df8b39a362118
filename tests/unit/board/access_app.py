"""A board of three pages, behind the doors of the real one."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from taskora.board.access.cookies import Session, sign
from taskora.board.access.guard import Guard
from taskora.board.access.headers import protected
from taskora.board.access.login import AuthCallable, SessionLogin
from taskora.board.access.origins import Origins
from taskora.board.access.patience import Places
from taskora.board.access.roles import Role, User

KEY = "k" * 32
HOUR_MS = 3_600_000
PREFIX = "/board"
BOARD = "the board at {}"
ORIGIN = "http://board.test"


def authenticate(name: str, password: str) -> User | None:
    return User(name, Role.OPERATE) if password == "right" else None


LOGIN = SessionLogin(KEY, authenticate)


@dataclass(frozen=True)
class Pictures:
    """Where pictures of the board are."""

    logo: str | None = None
    favicon: str | None = None


@dataclass
class World:
    """The application, and how long it kept somebody waiting."""

    auth: SessionLogin | AuthCallable | None = LOGIN
    cors: tuple[str, ...] = ()
    prefix: str = PREFIX
    pictures: Pictures = field(default_factory=Pictures)
    places: Places = field(default_factory=Places)
    sleep: Callable[[float], Awaitable[None]] | None = None
    waits: list[float] = field(default_factory=list[float])

    def __post_init__(self) -> None:
        self.guard = Guard(self.auth, render, sleep=self.sleep or self._sleep, places=self.places)
        self.origins = Origins(self.cors)
        self.app = protected(self._respond, self.pictures)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["taskora.board"] = BOARD.format(self.prefix)
        scope["taskora.prefix"] = self.prefix
        scope["taskora.path"] = scope["path"].removeprefix(self.prefix).strip("/")
        request = Request(scope, receive)
        response = self.origins.preflight(request)
        if response is None:
            response = await self._answer(request)
            self.origins.mark(request, response)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            refusal = self.origins.refuse(request, self.guard)
            if refusal is not None:
                return PlainTextResponse(refusal, 403)
        answer = await self.guard.answer(request)
        if answer is not None:
            return answer
        user = await self.guard.enter(request)
        if isinstance(user, Response):
            return user
        match request.scope["taskora.path"]:
            case "static/x":
                return Response("x", headers={"Cache-Control": "public"})
            case "live":
                return StreamingResponse(iter(["a", "b"]))
            case _:
                return PlainTextResponse(f"{user.name} {user.role}")

    def browser(self, base: str = ORIGIN, client: str = "10.0.0.1", **headers: str) -> httpx.AsyncClient:
        """Somebody who asks; headers are written with ``_`` for ``-``."""
        transport = httpx.ASGITransport(self.app, client=(client, 1))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.AsyncClient(transport=transport, base_url=base, headers=named)


def render(request: Request, error: str, redirect: str, status: int) -> Response:
    return PlainTextResponse(f"login|{error}|{redirect}", status)


def session_cookie(left_ms: int | None, name: str = "bob", key: str = KEY) -> str:
    """What a browser sends that signed in a while ago."""
    expires_ms = None if left_ms is None else int(time.time() * 1000) + left_ms
    return f"taskora_board_session={sign(Session(User(name, Role.READ), expires_ms), key, BOARD.format(PREFIX))}"


async def sign_in(browser: httpx.AsyncClient, password: str = "right", **more: str) -> httpx.Response:
    form = {"username": "bob", "password": password, **more}
    return await browser.post(f"{PREFIX}/auth/login", data=form, headers={"Origin": ORIGIN})
