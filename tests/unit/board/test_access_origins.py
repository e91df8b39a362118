"""What changes something comes from our own pages, or from whom the board was told."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from taskora.board.access.headers import content_policy, protected
from taskora.board.access.login import AuthCallable
from taskora.board.access.origins import Origins
from taskora.board.access.roles import User
from taskora.errors import ConfigError
from unit.board.access_app import HOUR_MS, ORIGIN, Pictures, World, session_cookie, sign_in

FRIEND = "https://admin.example.com"


def anybody(request: Request) -> User:
    return User("robot")


async def post(world: World, cookie: str = "", host: str = ORIGIN, **headers: str) -> int:
    more = {"Cookie": cookie} if cookie else {}
    async with world.browser(base=host, **headers, **more) as browser:
        return (await browser.post("/board/job/retry")).status_code


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_a_browser_that_says_it_is_our_page_is_believed(site: str) -> None:
    assert await post(World(), session_cookie(HOUR_MS), Sec_Fetch_Site=site, Origin="https://behind-a-proxy") == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "whatever", ""])
@pytest.mark.parametrize("origin", [None, ORIGIN, "null", "https://evil.test"])
async def test_a_browser_that_says_it_is_another_page_is_refused(site: str, origin: str | None) -> None:
    headers = {"Sec_Fetch_Site": site} if origin is None else {"Sec_Fetch_Site": site, "Origin": origin}
    assert await post(World(auth=None), **headers) == 403
    assert await post(World(), session_cookie(HOUR_MS), **headers) == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": ORIGIN}, 200),
        ({"Origin": "HTTP://Board.Test"}, 200),
        ({"Origin": "http://board.test:80"}, 200),
        ({"Origin": "https://board.test"}, 403),
        ({"Origin": "http://board.test:8080"}, 403),
        ({"Origin": "http://board.test.evil.test"}, 403),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://evil.test", "Referer": f"{ORIGIN}/board/"}, 403),
        ({"Referer": f"{ORIGIN}/board/"}, 200),
        ({"Referer": "http://evil.test/board.test"}, 403),
        ({"Referer": "http://board.test@evil.test/"}, 403),
        ({"Referer": "http://[evil"}, 403),
        ({}, 403),
    ],
)
async def test_an_older_browser_is_judged_by_its_origin_or_referer(headers: dict[str, str], status: int) -> None:
    assert await post(World(), session_cookie(HOUR_MS), **headers) == status


async def test_a_host_with_a_port_is_another_origin() -> None:
    assert await post(World(auth=None), host="http://board.test:3000", Origin="http://board.test:3000") == 200
    assert await post(World(auth=None), host="http://board.test:3000", Origin="http://board.test") == 403
    assert await post(World(auth=None), host="https://board.test", Origin="https://board.test:443") == 200


@pytest.mark.parametrize("auth", [None, anybody])
async def test_a_program_without_cookies_says_nothing_and_is_let_through(auth: AuthCallable | None) -> None:
    assert await post(World(auth=auth)) == 200


async def test_whoever_has_cookies_must_say_where_a_request_comes_from() -> None:
    assert await post(World(auth=anybody), "framework_session=1") == 403
    assert await post(World(auth=None), "theme=dark") == 200, "nobody is let in by a cookie there"
    assert await post(World(), "taskora_board_session=broken") == 403
    assert await post(World(), "theme=dark") == 303, "that is no session; it leads to the login"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
async def test_every_method_but_reading_is_looked_at(method: str) -> None:
    async with World(auth=None).browser(Origin="http://evil.test") as browser:
        assert (await browser.request(method, "/board/job/retry")).status_code == 403


async def test_reading_is_not_looked_at() -> None:
    async with World(auth=None).browser(Origin="http://evil.test", Sec_Fetch_Site="cross-site") as browser:
        for method in ("GET", "HEAD"):
            answer = await browser.request(method, "/board/")
            assert answer.status_code == 200
            assert "access-control-allow-origin" not in answer.headers


async def test_another_page_signs_nobody_in_or_out() -> None:
    async with World().browser() as browser:
        form = {"username": "eve", "password": "right"}
        for path in ("/board/auth/login", "/board/auth/logout"):
            answer = await browser.post(path, data=form, headers={"Origin": "http://evil.test"})
            assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
        assert (await sign_in(browser)).status_code == 303


async def test_a_refusal_says_what_to_do() -> None:
    async with World(auth=None).browser(Origin="https://board.test") as browser:
        text = (await browser.post("/board/x")).text
    assert "'https://board.test'" in text
    assert "'http://board.test'" in text
    assert "cors=" in text


async def test_a_listed_origin_may_use_the_board_with_its_users_session() -> None:
    world = World(cors=(FRIEND.upper() + ":443",))
    assert await post(world, session_cookie(HOUR_MS), Origin=FRIEND, Sec_Fetch_Site="cross-site") == 200
    assert await post(world, session_cookie(HOUR_MS), Origin=FRIEND) == 200
    async with world.browser(Origin=FRIEND, Cookie=session_cookie(11 * HOUR_MS)) as browser:
        answer = await browser.get("/board/api/overview")
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"


async def test_others_get_no_word_of_a_list() -> None:
    world = World(cors=(FRIEND,))
    for origin in ("https://evil.test", "http://admin.example.com", f"{FRIEND}.evil.test", "null"):
        async with world.browser(Origin=origin, Cookie=session_cookie(11 * HOUR_MS)) as browser:
            answer = await browser.get("/board/api/overview")
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert answer.headers["vary"] == "Origin"
        assert await post(world, session_cookie(HOUR_MS), Origin=origin) == 403


async def test_any_origin_means_any_without_a_session() -> None:
    async with World(cors=("*",), auth=None).browser(Origin="https://any.test") as browser:
        answer = await browser.get("/board/api/overview")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert (await browser.post("/board/x")).status_code == 403, "any page could act for whoever looks at it"
    assert await post(World(cors=("*",), auth=anybody), Origin="https://any.test") == 200
    assert (
        await post(World(cors=("*",), auth=anybody), Origin="https://any.test", Authorization="Bearer of-its-own")
        == 200
    )
    for known in ("Basic YWRhOng=", "negotiate x"):  # which browsers add by themselves
        assert await post(World(cors=("*",), auth=anybody), Origin="https://any.test", Authorization=known) == 403
        assert await post(World(auth=anybody), Authorization=known) == 200, "a program says no origin"
    assert await post(World(cors=("*",)), session_cookie(HOUR_MS), Origin="https://any.test") == 403


async def ask_before(world: World, origin: str, **headers: str) -> httpx.Response:
    asked = {"Access_Control_Request_Method": "POST", "Origin": origin, **headers}
    async with world.browser(**asked) as browser:
        return await browser.options("/board/api/x")


async def test_a_preflight_is_answered_without_a_session() -> None:
    answer = await ask_before(World(cors=(FRIEND,)), FRIEND, Access_Control_Request_Headers="content-type, x-a")
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "content-type, x-a"
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("cors", [(), (FRIEND,)])
async def test_a_preflight_of_others_is_refused(cors: tuple[str, ...]) -> None:
    answer = await ask_before(World(cors=cors), "https://evil.test")
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "origin", ["admin.example.com", "https://", f"{FRIEND}/", f"{FRIEND}/x", "ftp://x", "https://*.x.y/*", 5, "null"]
)
def test_what_is_no_origin_is_refused(origin: Any) -> None:
    with pytest.raises(ConfigError, match=r"^cors\[1\]: expected an origin such as"):
        Origins(["*", origin])


async def test_every_answer_says_what_a_browser_may_do_with_it() -> None:
    async with World().browser() as browser:
        await sign_in(browser)
        for path in ("/board/", "/board/login", "/board/live", "/board/auth/login"):
            headers = (await browser.get(path)).headers
            assert headers["content-security-policy"] == (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            )
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert "camera=()" in headers["permissions-policy"]
            assert headers["cache-control"] == "no-store"
        assert (await browser.get("/board/static/x")).headers["cache-control"] == "public"


async def test_a_stream_passes_piece_by_piece() -> None:
    arrived = asyncio.Event()
    pieces: list[bytes] = []

    async def talk(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        async with asyncio.timeout(30):
            await arrived.wait()
        await send({"type": "http.response.body", "body": b"b"})

    async def listen(message: Message) -> None:
        if message["type"] == "http.response.body":
            pieces.append(message["body"])
            arrived.set()

    async def nothing() -> Message:
        return {"type": "http.request"}

    await protected(talk, Pictures())({"type": "http"}, nothing, listen)
    assert pieces == [b"a", b"b"]


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        (None, "img-src 'self' data:;"),
        ("/logo.svg", "img-src 'self' data:;"),
        ("logo.svg", "img-src 'self' data:;"),
        ("data:image/png;base64,AA", "img-src 'self' data:;"),
        ("https://cdn.example.com/a/logo.svg", "img-src 'self' data: https://cdn.example.com;"),
        ("http://[::1]:8080/x", "img-src 'self' data: http://[::1]:8080;"),
        ("//cdn.example.com/x", "img-src 'self' data: cdn.example.com;"),
    ],
)
def test_a_picture_may_come_from_where_the_board_was_told(address: str | None, allowed: str) -> None:
    assert allowed in content_policy((address, None, address))


@pytest.mark.parametrize(
    "address", ["https://a;script-src *", "https://a b", "ftp://x/y", "https://u:p@x/", "http://["]
)
async def test_a_picture_cannot_widen_the_policy(address: str) -> None:
    with pytest.raises(ConfigError, match=r"^logo, favicon: "):
        World(pictures=Pictures(logo=address))
