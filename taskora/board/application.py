"""The board as an ASGI application: finds the page, lets people in, and says what went wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, cast
from urllib.parse import parse_qsl, quote

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from taskora.adapters.audit_store import AuditEntry, AuditOutcome
from taskora.errors import AdapterError, ConfigError, TaskoraError, ValidationError
from taskora.quoting import quoted

from .access.guard import Guard
from .access.headers import protected
from .access.origins import Origins
from .access.redirects import board_of
from .access.roles import Role, User
from .address import find_address
from .api import routes, shapes
from .desk import Desk
from .screens import NOTICE_COOKIE, Screens, Unfinished
from .static_files import NO_FILES, StaticFile, answer_file
from .view import Action, Endpoint, Outcome, View
from .visit import NotFoundError, Visit

_log = logging.getLogger("taskora.board")

_JSON: Final = "application/json"
_MOST_BODY: Final = 4 * 1024 * 1024
_NAMES: Final = ("task", "name", "id", "state", "batch", "group", "supervisor", "slot")


class RefusedError(Exception):
    """The request cannot be answered; the status says why, the message what to do."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Application:
    """Answers requests.

    Args:
        desk: What all requests share.
        views: The pages.
        actions: What can be done.
        endpoints: What programs and our own script ask for, by path.
        static: The files that pages refer to, by name.
    """

    def __init__(
        self,
        desk: Desk,
        views: Sequence[View],
        actions: Sequence[Action],
        endpoints: Mapping[str, Endpoint],
        static: Mapping[str, StaticFile] = NO_FILES,
    ) -> None:
        self._desk = desk
        self._static = static
        self._screens = Screens(desk.settings, static)
        self._guard = Guard(desk.settings.auth, self._render_login)
        self._origins = Origins(desk.settings.cors)
        self._views = {view.path: view for view in views}
        self._actions = {action.path: action for action in actions}
        self._endpoints = dict(endpoints)
        self._app: ASGIApp = protected(self._respond, desk.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ASGI asks."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = find_address(scope, self._desk.settings.base_path)
        if address is None:
            response: Response = RedirectResponse(f"{self._desk.settings.base_path}/", 307)
            if scope["path"] not in ("", "/"):
                response = JSONResponse({"error": "Not found"}, 404)
        else:
            scope["taskora.prefix"], scope["taskora.path"] = address
            scope["taskora.board"] = self._desk.name_at(address.prefix)
            request = Request(scope, receive)
            try:
                response = await self._answer(request, board_of(request), address.path)
            except ClientDisconnect:
                return
        await response(scope, receive, send)

    async def _answer(self, request: Request, prefix: str, path: str) -> Response:
        if path.startswith("static/"):
            return answer_file(request, self._static.get(path.removeprefix("static/")))
        preflight = self._origins.preflight(request)
        if preflight is not None:
            return preflight
        response = await self._admitted(request, prefix, path)
        if isinstance(response, Unfinished):  # what went wrong; short
            response = response.lay_out()
        self._origins.mark(request, response)
        return response

    async def _admitted(self, request: Request, prefix: str, path: str) -> Response:
        if request.method not in ("GET", "HEAD"):
            refusal = self._origins.refuse(request, self._guard)
            if refusal is not None:
                return self._trouble(request, prefix, path, None, 403, refusal)
        answer = await self._guard.answer(request)
        if answer is not None:
            return answer
        user = await self._guard.enter(request)
        if isinstance(user, Response):
            return user
        visit: Visit | None = None
        try:
            values = {**request.query_params, **await _form(request)}
            visit = Visit(self._desk, self._screens, request, user, prefix, path, values)
            response = await self._found(visit)
            return await asyncio.to_thread(response.lay_out) if isinstance(response, Unfinished) else response
        except Exception as error:  # noqa: BLE001 - whatever happens in a page must be told as a page
            status, message = _explained(error)
            return self._trouble(request, prefix, path, visit, status, message)

    async def _found(self, visit: Visit) -> Response:
        path, method = visit.path, visit.request.method
        if path in self._endpoints:
            if method != "GET":  # the head of what never ends would never end either
                raise RefusedError(405, "This can only be listened to.")
            return await self._endpoints[path](visit)
        if path.startswith("api/"):
            return await self._tell(visit, path.removeprefix("api/"))
        action = self._actions.get(path)
        if action is not None:
            if method in ("GET", "HEAD"):
                self._check_role(visit, action.needs)
                return await self._ask(visit, action)
            if method != "POST":
                raise RefusedError(405, "This is asked for by GET, and done by POST.")
            return await self._do(visit, action)
        view = self._views.get(path)
        if view is None:
            raise NotFoundError(f"There is no page {path!r} on this board.")
        if method not in ("GET", "HEAD"):
            raise RefusedError(405, "This page can only be looked at.")
        self._check_role(visit, view.needs)
        return await view.show(visit)

    async def _tell(self, visit: Visit, path: str) -> Response:
        """Answer a program."""
        found = routes.find(visit.request.method, path)
        if found is None:
            raise NotFoundError("Not found")
        route, values = found
        visit = replace(visit, values={**route.defaults, **visit.values, **values})
        if isinstance(route.what, Action):
            return await self._do(visit, route.what)
        return Response(shapes.write(await route.what(visit)), media_type=_JSON)

    def _check_role(self, visit: Visit, needs: Role) -> None:
        if visit.may(needs):
            return
        if self._desk.settings.read_only and needs is not Role.READ:
            raise RefusedError(403, "Board is in read-only mode")
        raise RefusedError(403, f"This needs the role {needs}; you have {visit.user.role}.")

    async def _ask(self, visit: Visit, action: Action) -> Response:
        question = await action.ask(visit)
        given, asked = visit.request.query_params, {field.name for field in question.fields}
        # No others: an input that is called `action` would stand before what scripts know of the form.
        hidden = {name: given[name] for name in _NAMES if name in given and name not in asked}
        return visit.page(
            "confirm.html", question.title, question=question, hidden=hidden, back=_back(visit), action=action
        )

    async def _do(self, visit: Visit, action: Action) -> Response:
        try:
            self._check_role(visit, action.needs)
        except RefusedError as refusal:
            await self._note(visit, action, "refused", Outcome(str(refusal), 0))
            raise
        outcome = await self.perform(visit, action)
        if visit.wants_json or visit.path.startswith("api/"):
            ok = outcome.status < 400
            said = {"message" if ok else "error": outcome.message, "count": outcome.count, "back": outcome.back}
            return Response(shapes.write({"ok": ok, **said, **outcome.data}), outcome.status, media_type=_JSON)
        if outcome.status >= 400:
            raise RefusedError(outcome.status, outcome.message)
        response = RedirectResponse(outcome.back or _back(visit), 303)
        notice = quote(outcome.message[:300], errors="replace")  # a cookie is ASCII
        response.set_cookie(NOTICE_COOKIE, notice, max_age=30, path=f"{visit.prefix}/", httponly=True, samesite="lax")
        return response

    async def perform(self, visit: Visit, action: Action) -> Outcome:
        """Do something, and note who did it, also when it failed half-way."""
        try:
            outcome = await action.do(visit)
        except (ConfigError, ValidationError, NotFoundError):
            raise
        except Exception as error:
            await self._note(visit, action, "failed", Outcome(str(error), 0))
            raise
        if outcome.status < 400:
            await self._note(visit, action, "done", outcome)
        return outcome

    async def _note(self, visit: Visit, action: Action, how: AuditOutcome, outcome: Outcome) -> None:
        entry = AuditEntry(
            who=visit.user.name,
            role=visit.user.role.value,
            action=action.name,
            target=outcome.target or _named(visit),
            outcome=how,
            count=outcome.count,
            detail=self._desk.shown.text(outcome.message),
        )
        try:
            await visit.app.adapter.audit.write(entry).run_async()
        except AdapterError:
            _log.exception("%s by %s could not be noted; it is %s", action.name, visit.user.name, how)

    def _render_login(self, request: Request, error: str, redirect: str, status: int) -> Response:
        return self._screens.plain(
            board_of(request), request.cookies, "login.html", "Sign in", status, error=error, redirect=redirect
        )

    def _trouble(
        self, request: Request, prefix: str, path: str, visit: Visit | None, status: int, message: str
    ) -> Response:
        message = self._desk.shown.text(message)
        if f"{path}/".startswith("api/") or "application/json" in request.headers.get("accept", ""):
            return Response(shapes.write({"ok": False, "error": message}), status, media_type=_JSON)
        shown_to = visit or Visit(
            self._desk, self._screens, request, User("nobody", Role.READ), prefix, path, dict(request.query_params)
        )
        return shown_to.page("trouble.html", _TITLES.get(status, "Error"), status=status, watch="", message=message)


_TITLES: Final = {
    400: "This cannot be done",
    403: "Not allowed",
    404: "Not found",
    405: "Not allowed",
    413: "Too large",
    503: "The server cannot be reached",
}


def _explained(error: Exception) -> tuple[int, str]:
    """Say what went wrong as a status of HTTP and a message."""
    match error:
        case RefusedError():
            return error.status, str(error)
        case NotFoundError():
            return 404, str(error)
        case AdapterError():
            return 503, str(error)
        case ConfigError() | ValidationError():
            return 400, str(error)
        case TaskoraError():
            return 409, str(error)
        case _:
            _log.error("a page failed", exc_info=error)
            return 500, "The board failed; its log says more."


def _named(visit: Visit) -> dict[str, object]:
    """Return what an action was done to, as far as the address tells."""
    return {name: visit.values[name] for name in _NAMES if visit.values.get(name)}


def _back(visit: Visit) -> str:
    """Return the page where an action was asked for, if it is one of ours."""
    back = visit.values.get("back", "")
    plain = back.isprintable() and "\\" not in back and not back.startswith("//")
    return back if back and plain and (back == visit.prefix or back.startswith(f"{visit.prefix}/")) else visit.url()


async def _form(request: Request) -> dict[str, str]:
    """Read what a form, or a program's JSON object, says.

    Raises:
        RefusedError: It is too long, or neither.
    """
    if request.method in ("GET", "HEAD"):
        return {}
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BODY:
            raise RefusedError(413, f"More than {_MOST_BODY // 1024 // 1024} MiB were sent.")
    if not body:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        try:
            return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=100))
        except ValueError:
            raise RefusedError(400, "The form cannot be read.") from None
    if kind == "application/json":
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise RefusedError(400, f"The body is no JSON: {error}") from None
        if isinstance(value, dict):
            given = cast("dict[str, object]", value)
            return {name: _as_field(name, one) for name, one in given.items() if one is not None or name == "data"}
    raise RefusedError(415, "Send a form, or a JSON object.")


def _as_field(name: str, value: object) -> str:
    """Write a member of a JSON object as a form would hold it; payloads are JSON in forms too."""
    try:
        return value if isinstance(value, str) and name != "data" else orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:
        raise RefusedError(400, f"{quoted(name)} cannot be written as JSON: {error}") from None


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
