"""Who is let in, how people sign in and out, and where they go on to."""

import asyncio
import threading
import time
from collections.abc import Awaitable
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from taskora.board.access.cookies import Session, sign, verify
from taskora.board.access.login import Authenticate, SessionLogin
from taskora.board.access.patience import Places
from taskora.board.access.roles import Role, User
from unit.board.access_app import (
    BOARD,
    HOUR_MS,
    KEY,
    LOGIN,
    ORIGIN,
    PREFIX,
    World,
    authenticate,
    session_cookie,
    sign_in,
)


async def test_without_auth_everybody_is_an_admin() -> None:
    async with World(auth=None).browser() as browser:
        assert (await browser.get("/board/")).text == "anonymous admin"
        assert (await browser.get("/board/api/overview")).text == "anonymous admin"


async def test_a_page_leads_to_the_login_and_from_there_back() -> None:
    async with World().browser() as browser:
        answer = await browser.get("/board/job?task=mail&id=a%26b")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/board/login?redirect=")
        page = await browser.get(answer.headers["location"])
        assert (page.status_code, page.text) == (200, "login||/board/job?task=mail&id=a%26b")
        done = await sign_in(browser, redirect="/board/job?task=mail&id=a%26b")
        assert (done.status_code, done.headers["location"]) == (303, "/board/job?task=mail&id=a%26b")
        assert (await browser.get(done.headers["location"])).text == "bob operate"


async def test_programs_are_told_that_they_are_not_let_in() -> None:
    async with World().browser() as browser:
        for path, accept in (
            ("/board/api/overview", "*/*"),
            ("/board/api", "text/html"),
            ("/board/", "application/json"),
            ("/board/live", "text/event-stream"),
        ):
            answer = await browser.get(path, headers={"Accept": accept})
            assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})


async def test_the_cookie_is_kept_from_scripts_and_from_other_sites_and_ends_with_its_session() -> None:
    async with World().browser() as browser:
        cookie = (await sign_in(browser)).headers["set-cookie"]
    name, _, rest = cookie.partition("=")
    value, *attributes = rest.split("; ")
    assert name == "taskora_board_session"
    assert attributes == ["Path=/board", "HttpOnly", "SameSite=Lax", "Max-Age=43200"]
    session = verify(value, KEY, BOARD.format(PREFIX))
    assert session is not None
    assert abs((session.expires_ms or 0) - time.time() * 1000 - 12 * HOUR_MS) < 60_000


async def test_the_cookie_is_secure_where_the_board_is() -> None:
    async with World().browser(base="https://board.test") as browser:
        answer = await browser.post(
            "/board/auth/login",
            data={"username": "bob", "password": "right"},
            headers={"Origin": "https://board.test"},
        )
        assert answer.headers["set-cookie"].endswith("; Secure")


async def test_at_the_root_of_a_host_the_cookie_is_for_all_of_it() -> None:
    async with World(prefix="").browser() as browser:
        answer = await browser.post("/auth/login", data={"username": "bob", "password": "right"})
        assert answer.headers["location"] == "/"
        assert "; Path=/; " in answer.headers["set-cookie"]


async def test_without_a_ttl_the_cookie_lasts_as_long_as_the_browser() -> None:
    async with World(auth=SessionLogin(KEY, authenticate, ttl=None, cookie_name="x")).browser() as browser:
        cookie = (await sign_in(browser)).headers["set-cookie"]
        assert cookie.startswith("x=")
        assert "Max-Age" not in cookie
        answer = await browser.get("/board/")
        assert (answer.text, "set-cookie" in answer.headers) == ("bob operate", False)


@pytest.mark.parametrize(
    "cookie",
    [
        session_cookie(-1),
        session_cookie(HOUR_MS, key="x" * 32),
        session_cookie(None),
        "taskora_board_session=",
        "taskora_board_session=x",
        f"other={sign(Session(User('bob'), None), KEY, BOARD.format(PREFIX))}",
    ],
)
async def test_an_expired_foreign_or_broken_session_is_refused(cookie: str) -> None:
    async with World().browser(Cookie=cookie) as browser:
        assert (await browser.get("/board/api/overview")).status_code == 401
        assert (await browser.get("/board/")).status_code == 303


async def test_a_cookie_that_another_application_set_does_not_hide_ours() -> None:
    theirs = "taskora_board_session=theirs"
    for both in (f"{theirs}; {session_cookie(11 * HOUR_MS)}", f"{session_cookie(11 * HOUR_MS)}; {theirs}"):
        async with World().browser(Cookie=both) as browser:
            assert (await browser.get("/board/")).text == "bob read"


@pytest.mark.parametrize(("left_h", "renewed"), [(11, False), (7, False), (5, True), (1, True)])
async def test_a_session_is_renewed_when_half_of_its_time_is_over(left_h: int, renewed: bool) -> None:
    async with World().browser(Cookie=session_cookie(left_h * HOUR_MS)) as browser:
        for path in ("/board/", "/board/live"):
            answer = await browser.get(path)
            assert ("set-cookie" in answer.headers) is renewed
    if renewed:
        session = verify(answer.headers["set-cookie"].partition("=")[2].partition(";")[0], KEY, BOARD.format(PREFIX))
        assert session is not None
        assert session.user == User("bob", Role.READ)
        assert (session.expires_ms or 0) > time.time() * 1000 + 11 * HOUR_MS


async def test_signing_out_makes_the_browser_forget() -> None:
    async with World().browser() as browser:
        await sign_in(browser)
        answer = await browser.post("/board/auth/logout", headers={"Origin": ORIGIN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/board/login")
        assert answer.headers["set-cookie"].startswith("taskora_board_session=; Path=/board; ")
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert (await browser.get("/board/")).status_code == 303


async def test_a_link_signs_nobody_out() -> None:
    async with World().browser(Cookie=session_cookie(11 * HOUR_MS)) as browser:
        answer = await browser.get("/board/auth/logout")
        assert (answer.status_code, answer.headers["location"]) == (303, "/board/login")
        assert "set-cookie" not in answer.headers
        assert (await browser.put("/board/auth/logout", headers={"Origin": ORIGIN})).status_code == 405
        assert (await browser.post("/board/login", headers={"Origin": ORIGIN})).status_code == 405


async def test_whoever_is_signed_in_does_not_see_the_login() -> None:
    async with World().browser(Cookie=session_cookie(11 * HOUR_MS)) as browser:
        answer = await browser.get("/board/login?redirect=/board/workers")
        assert (answer.status_code, answer.headers["location"]) == (303, "/board/workers")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "/board//evil.test",
        "/board/\\evil.test",
        "/board/%5c",
        "/board/\tx",
        "/board/\nSet-Cookie: a=b",
        "/board/\x00",
        "/board/ x",
        "/board/é",
        "/board/../admin",
        "/board/%2e%2E/admin",
        "/board/a/..",
        "/boardroom",
        "/admin",
        "board/",
        "javascript:alert(1)",
        "",
        "/board/login",
        "/board/login?redirect=/board/login",
        "/board/auth/logout",
        f"/board/{'x' * 2000}",
    ],
)
async def test_nobody_is_sent_anywhere_but_to_the_board(target: str) -> None:
    async with World().browser() as browser:
        assert (await sign_in(browser, redirect=target)).headers["location"] == "/board/"
        browser.cookies.clear()
        page = await browser.get("/board/login", params={"redirect": target})
        assert page.text == "login||/board/"


async def test_a_board_at_the_root_sends_nobody_elsewhere_either() -> None:
    async with World(prefix="").browser() as browser:
        for target in ("//evil.test", "/\\evil.test", "https://evil.test"):
            assert (await browser.get("/login", params={"redirect": target})).text == "login||/"
        assert (await browser.get("/login", params={"redirect": "/workers"})).text == "login||/workers"
        assert (await browser.get("/workers")).headers["location"] == "/login?redirect=%2Fworkers"


async def test_the_address_of_an_odd_page_survives() -> None:
    async with World().browser() as browser:
        location = (await browser.get("/board/a b%C3%A9")).headers["location"]
        assert parse_qs(urlsplit(location).query) == {"redirect": ["/board/a%20b%C3%A9"]}


async def test_a_wrong_password_is_refused_with_the_form_again() -> None:
    world = World()
    async with world.browser() as browser:
        answer = await sign_in(browser, "wrong", redirect="/board/workers")
        assert answer.status_code == 401
        assert answer.text == "login|That name and password do not belong together.|/board/workers"
        assert "set-cookie" not in answer.headers


async def test_wrong_passwords_wait_longer_and_longer_and_the_right_one_does_not() -> None:
    world = World()
    async with world.browser() as browser:
        for _ in range(6):
            await sign_in(browser, "wrong")
        assert world.waits == [0.5, 1, 2, 4, 8, 10]
        assert (await sign_in(browser)).status_code == 303
        assert len(world.waits) == 6


@pytest.mark.parametrize("form", [{}, {"username": "bob"}, {"password": "right"}, {"username": "", "password": ""}])
async def test_an_empty_form_is_refused_and_nobody_is_asked(form: dict[str, str]) -> None:
    asked: list[str] = []

    def ask(name: str, password: str) -> User | None:
        asked.append(name)
        return None

    world = World(auth=SessionLogin(KEY, ask))
    async with world.browser() as browser:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await browser.post("/board/auth/login", data=form, headers=headers)
        assert (answer.status_code, asked, world.waits) == (401, [], [])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"username=bob&password=right", "text/plain"),
        (b'{"username":"bob","password":"right"}', "application/json"),
        (b"username=%ff&password=right", "application/x-www-form-urlencoded"),
        (b"username=\xff&password=right", "application/x-www-form-urlencoded"),
        (b"x=1&" * 100, "application/x-www-form-urlencoded"),
        (b"password=right&username=" + b"x" * 20_000, "application/x-www-form-urlencoded"),
    ],
)
async def test_what_is_no_small_form_is_refused(body: bytes, kind: str) -> None:
    async with World().browser() as browser:
        answer = await browser.post("/board/auth/login", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 400


async def test_authenticate_may_be_async_or_return_something_to_wait_for() -> None:
    async def ask(name: str, password: str) -> User | None:
        await asyncio.sleep(0)
        return authenticate(name, password)

    class Asker:
        async def __call__(self, name: str, password: str) -> User | None:
            return await ask(name, password)

    def ask_later(name: str, password: str) -> Awaitable[User | None]:
        return ask(name, password)

    several: tuple[Authenticate, ...] = (ask, Asker(), ask_later)
    for given in several:
        async with World(auth=SessionLogin(KEY, given)).browser() as browser:
            assert (await sign_in(browser)).status_code == 303
            assert (await sign_in(browser, "wrong")).status_code == 401


async def test_an_authenticate_that_is_not_async_stops_nobody_else() -> None:
    reached, let_go = threading.Event(), threading.Event()

    def ask(name: str, password: str) -> User | None:
        reached.set()
        return User(name) if let_go.wait(30) else None

    async with World(auth=SessionLogin(KEY, ask)).browser() as browser:
        signing_in = asyncio.create_task(sign_in(browser))
        async with asyncio.timeout(30):
            while not reached.is_set():
                assert (await browser.get("/board/login")).status_code == 200
                await asyncio.sleep(0.001)
        assert (await browser.get("/board/login")).status_code == 200
        let_go.set()
        assert (await signing_in).status_code == 303


@pytest.mark.parametrize("answer", [RuntimeError("directory down"), True, "bob", User("x" * 5000)])
async def test_an_authenticate_that_fails_lets_nobody_in(answer: object, caplog: pytest.LogCaptureFixture) -> None:
    def ask(name: str, password: str) -> User | None:
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]  # pyright: ignore[reportReturnType] - wrong on purpose

    async with World(auth=SessionLogin(KEY, ask)).browser() as browser:
        response = await sign_in(browser)
        assert response.status_code == 500
        assert "directory" not in response.text
        assert "set-cookie" not in response.headers
    assert "signing in failed" in caplog.text


async def test_a_flood_of_logins_is_turned_away_and_others_still_get_in() -> None:
    let_go = asyncio.Event()
    waiting: list[float] = []

    async def sleep(seconds: float) -> None:
        waiting.append(seconds)
        await let_go.wait()

    world = World(sleep=sleep, places=Places(most=6, most_from_one=3))
    async with world.browser() as flood, world.browser(client="10.0.0.2") as bob:
        attempts = [asyncio.create_task(sign_in(flood, "wrong")) for _ in range(20)]
        async with asyncio.timeout(30):
            while sum(attempt.done() for attempt in attempts) < 17 or len(waiting) < 3:  # noqa: ASYNC110 - of several
                await asyncio.sleep(0.001)
        refused = [attempt.result() for attempt in attempts if attempt.done()]
        assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {(429, "10")}
        assert (await sign_in(bob)).status_code == 303
        let_go.set()
        assert [answer.status_code for answer in await asyncio.gather(*attempts)].count(401) == 3


async def test_a_name_cannot_forge_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with World().browser() as browser:
        await sign_in(browser, "wrong-pass", username="bob\nadmin signed in\x1b[31m")
    assert "\n" not in caplog.records[-1].getMessage()
    assert "\x1b" not in caplog.records[-1].getMessage()
    assert "wrong-pass" not in caplog.text


async def test_a_function_says_who_is_let_in() -> None:
    def by_token(request: Request) -> User | Response | None:
        match request.headers.get("authorization"):
            case "Bearer good":
                return User("robot", Role.READ)
            case "Bearer late":
                return PlainTextResponse("renew it", 418)
            case _:
                return None

    async def by_token_async(request: Request) -> User | Response | None:
        return by_token(request)

    for auth in (by_token, by_token_async):
        async with World(auth=auth).browser() as browser:
            assert (await browser.get("/board/", headers={"Authorization": "Bearer good"})).text == "robot read"
            late = await browser.get("/board/", headers={"Authorization": "Bearer late"})
            assert (late.status_code, late.text) == (418, "renew it")
            assert (await browser.get("/board/")).status_code == 401
            assert (await browser.get("/board/api/overview")).json() == {"error": "Unauthorized"}
            assert (await browser.get("/board/login")).status_code == 401, "there is no login page then"


async def test_a_function_that_fails_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    def broken(request: Request) -> User | None:
        raise RuntimeError("no key")

    def sloppy(request: Request) -> User | None:
        return True  # type: ignore[return-value]  # pyright: ignore[reportReturnType] - wrong on purpose

    def refusing(request: Request) -> User | None:
        raise HTTPException(403, "not you", {"X-Why": "because"})

    async def get(auth: object) -> httpx.Response:
        async with World(auth=auth).browser() as browser:  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - several
            return await browser.get("/board/")

    for auth in (broken, sloppy):
        answer = await get(auth)
        assert answer.status_code == 500
        assert "no key" not in answer.text
        assert "nobody is let in" in caplog.text
        caplog.clear()
    refused = await get(refusing)
    assert (refused.status_code, refused.text, refused.headers["x-why"]) == (403, "not you", "because")


def test_the_guard_tells_whether_there_is_a_login() -> None:
    assert World(auth=LOGIN).guard.has_login
    assert not World(auth=None).guard.has_login
