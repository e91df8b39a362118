"""A board stands wherever it is put: every address on every page leads somewhere on it."""

from collections import deque
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from integration.board.town import Town
from integration.board.visitor import ORIGIN, Visitor, looking_at, read_page
from integration.engine.kit import Engine
from taskora import Taskora
from taskora.board import SessionLogin, User, create_board

Asgi = Any


def stripping(board: Asgi, at: str, *, outer: str = "") -> Asgi:
    """Hands on requests below a path as Django's and Litestar's ways of mounting do, without that path."""

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix(outer)
        if path == at or path.startswith(f"{at}/"):
            inner = {**scope, "path": path.removeprefix(at) or "/", "root_path": f"{outer}{at}"}
            await board(inner, receive, send)
            return
        await PlainTextResponse("elsewhere", 404)(scope, receive, send)

    return dispatch


def mounted(app: Taskora, way: str, auth: SessionLogin | None = None) -> tuple[Asgi, str, str]:
    """A server's application, where the browser finds the board, and what a proxy in front takes away."""
    match way:
        case "alone":
            return create_board(app, auth=auth).app, "/board", ""
        case "alone at another path":
            return create_board(app, auth=auth, base_path="/ops/jobs").app, "/ops/jobs", ""
        case "alone at the root":
            return create_board(app, auth=auth, base_path="").app, "", ""
        case "in Starlette":
            return Starlette(routes=[Mount("/board", create_board(app, auth=auth).app)]), "/board", ""
        case "in Starlette at another path":
            return Starlette(routes=[Mount("/deep/er", create_board(app, auth=auth, base_path="").app)]), "/deep/er", ""
        case "in Starlette in Starlette":
            inner = Starlette(routes=[Mount("/jobs", create_board(app, auth=auth).app)])
            return Starlette(routes=[Route("/x", PlainTextResponse("x")), Mount("/ops", inner)]), "/ops/jobs", ""
        case "under a dispatcher that takes the path away":
            return stripping(create_board(app, auth=auth).app, "/board"), "/board", ""
        case "under a dispatcher at another path":
            return stripping(create_board(app, auth=auth).app, "/queue"), "/queue", ""
        case "behind a proxy that keeps its path":
            return create_board(app, auth=auth).app, "/proxy/board", "/proxy"
        case _:
            return create_board(app, auth=auth, base_path="").app, "/proxy", "/proxy"


WAYS = (
    "alone", "alone at another path", "alone at the root", "in Starlette", "in Starlette at another path",
    "in Starlette in Starlette", "under a dispatcher that takes the path away", "under a dispatcher at another path",
    "behind a proxy that keeps its path", "behind a proxy with the board at its root",
)  # fmt: skip


async def crawl(visitor: Visitor) -> dict[str, int]:
    """Follow every address from the first page on, and say what each answers."""
    found: dict[str, int] = {}
    todo = deque([f"{visitor.prefix}/"])
    while todo:
        address = todo.popleft()
        if address in found:
            continue
        answer = await visitor.client.get(address)
        found[address] = answer.status_code
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        for link in read_page(answer.text).links():
            target = link.partition("#")[0]
            if not target:
                continue
            assert not urlsplit(target).netloc, f"{address} leads away, to {target}"
            assert target.startswith(f"{visitor.prefix}/"), f"{address} leads out of the board, to {target}"
            todo.append(target)
    return found


@pytest.mark.parametrize("way", WAYS)
async def test_every_address_on_every_page_leads_somewhere(town: Town, way: str) -> None:
    asgi, prefix, root_path = mounted(town.app, way)
    async with looking_at(asgi, prefix, root_path=root_path) as visitor:
        found = await crawl(visitor)
        wrong = {address for address, status in found.items() if status not in (200, 303)}
        record = await town.app.inspect().workflow_async(town.workflow)
        assert record is not None
        never_stored = record.nodes[-1].job_id  # the step before it failed; its node tells of a job all the same
        assert [address for address in wrong if not address.endswith(f"id={never_stored}")] == []
        assert len(found) > 60
        for kind in (
            "static/board.js",
            "static/board.css",
            "job?",
            "workflow?",
            "job/raw?",
            "schedule/edit?",
            "task/clean?",
        ):
            assert any(address.startswith(f"{prefix}/{kind}") for address in found), kind
        answer = await visitor.send("task/pause?task=mail.send")
        assert answer.headers["location"] == f"{prefix}/"
        assert f"Path={prefix}/" in answer.headers["set-cookie"]
        await visitor.json("overview")


@pytest.mark.parametrize("way", WAYS)
async def test_people_sign_in_wherever_the_board_is(app: Taskora, way: str) -> None:
    login = SessionLogin("k" * 32, lambda name, password: User(name) if password == "right" else None)
    asgi, prefix, root_path = mounted(app, way, login)
    try:
        async with looking_at(asgi, prefix, root_path=root_path) as visitor:
            answer = await visitor.get("audit?before=1-1", 303)
            target = answer.headers["location"]
            assert target.startswith(f"{prefix}/login?redirect=")
            (form,) = (await visitor.page(target)).all("form")
            assert form.attributes["action"] == f"{prefix}/auth/login"
            hidden = (await visitor.page(target)).all("input", name="redirect")[0].attributes["value"] or ""
            answer = await visitor.send("auth/login", username="ada", password="right", redirect=hidden)
            assert answer.headers["location"] == f"{prefix}/audit?before=1-1"
            await visitor.page("audit")
    finally:
        await app.close_async()


async def test_a_session_counts_on_copies_of_its_board_and_on_no_other_of_the_same_secret(engine: Engine) -> None:
    login = SessionLogin("k" * 32, lambda name, password: User(name) if password == "right" else None)
    apps = [engine.app(), engine.app(), Taskora(engine.url, prefix=f"{engine.prefix}2")]
    try:
        async with looking_at(create_board(apps[0], auth=login).app) as visitor:
            await visitor.send("auth/login", username="ada", password="right")
            headers = {"Cookie": f"{login.cookie_name}={visitor.client.cookies[login.cookie_name]}"}
        for board, prefix, status in (
            (create_board(apps[0], auth=login, read_only=True), "/board", 200),  # the same one, started anew
            (create_board(apps[1], auth=login), "/board", 200),
            (create_board(apps[1], auth=login, title="Post office"), "/board", 401),
            (create_board(apps[1], auth=login, base_path="/ops"), "/ops", 401),
            (create_board(apps[2], auth=login), "/board", 401),
        ):
            async with looking_at(board.app, prefix, headers) as visitor:
                assert (await visitor.client.get(f"{prefix}/api/config")).status_code == status
    finally:
        for app in apps:
            await app.close_async()


async def test_the_bare_path_of_a_board_leads_to_it(app: Taskora) -> None:
    try:
        async with looking_at(create_board(app).app) as visitor:
            for path in ("/", "/board"):
                answer = await visitor.client.get(f"{ORIGIN}{path}", follow_redirects=True)
                assert (answer.status_code, "Overview" in answer.text) == (200, True)
            assert (await visitor.client.get(f"{ORIGIN}/other")).status_code == 404
            assert (await visitor.client.get(f"{ORIGIN}/boards")).status_code == 404
    finally:
        await app.close_async()


async def test_static_files_are_kept_as_long_as_their_version_lasts(app: Taskora) -> None:
    try:
        async with looking_at(create_board(app).app) as visitor:
            page = await visitor.page()
            (script,) = page.all("script")
            answer = await visitor.get(script.attributes["src"] or "")
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-type"].startswith("text/javascript")
            assert (await visitor.get("static/board.js")).headers["cache-control"] == "no-cache"
            await visitor.get("static/board.js", 304, If_None_Match=answer.headers["etag"])
            for name in ("nothing.js", "../board.py", "%2e%2e/board.py", ""):
                assert (await visitor.client.get(f"/board/static/{name}")).status_code in (404, 307)
            assert (await visitor.get()).headers["cache-control"] == "no-store"
    finally:
        await app.close_async()


async def test_a_board_says_whose_it_is(app: Taskora) -> None:
    try:
        board = create_board(
            app, title="Post <office>", logo="https://cdn.test/logo.svg", favicon="/icon.png", theme="dark"
        )
        async with looking_at(board.app) as visitor:
            answer = await visitor.get()
            page = read_page(answer.text)
            assert page.all("title")[0].text == "Overview · Post <office>"
            assert page.all("img")[0].attributes["src"] == "https://cdn.test/logo.svg"
            assert page.all("link", rel="icon")[0].attributes["href"] == "/icon.png"
            assert page.all("html")[0].attributes["data-theme"] == "dark"
            assert "img-src 'self' data: https://cdn.test;" in answer.headers["content-security-policy"]
            config = await visitor.json("config")
            assert (config["title"], config["logo"], config["theme"]) == (
                "Post <office>",
                "https://cdn.test/logo.svg",
                "dark",
            )
            visitor.client.cookies.set("taskora_theme", "light", path="/board/")
            assert (await visitor.page()).all("html")[0].attributes["data-theme"] == "light"
            visitor.client.cookies.set("taskora_theme", '"><script>', path="/board/")
            assert (await visitor.page()).all("html")[0].attributes["data-theme"] == "dark"
    finally:
        await app.close_async()
