"""Who is let in, what they see of what they may not do, and a board that stands below a path."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit

import pytest
from playwright.async_api import Browser, Page, Request, expect
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from browser.viewing import PATIENCE_MS, Window, served, window
from integration.board.town import Town
from support import wait_until_async
from taskora.board import create_board
from taskora.board.access.login import SessionLogin
from taskora.board.access.roles import Role, User

expect.set_options(timeout=PATIENCE_MS)
DIALOG = "dialog[open]"
PEOPLE = {"rosa": Role.READ, "olaf": Role.OPERATE, "ada": Role.ADMIN}


def find_person(name: str, password: str) -> User | None:
    return User(name, PEOPLE[name]) if name in PEOPLE and password == "open sesame" else None


@asynccontextmanager
async def guarded(town: Town, ttl: str = "12h") -> AsyncGenerator[str]:
    """A board that people sign in to."""
    login = SessionLogin("a secret of more than 32 characters", find_person, ttl=ttl)
    async with served(create_board(town.app, auth=login, refresh_interval=0.25).app) as origin:
        yield f"{origin}/board"


async def sign_in(page: Page, name: str, password: str = "open sesame") -> None:
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def test_people_sign_in_and_go_on_to_what_they_wanted_and_sign_out(browser: Browser, town: Town) -> None:
    async with guarded(town) as base, window(browser, base) as shown:
        page = await shown.open("dead-letters?task=mail.fail")
        assert page.url == f"{base}/login?redirect={quote('/board/dead-letters?task=mail.fail', safe='')}"
        assert await shown.axe() == []
        await expect(page.get_by_label("Name")).to_be_focused()
        await sign_in(page, "ada", "open barley")
        await expect(page.get_by_role("alert")).to_have_text("That name and password do not belong together.")
        shown.complaints.clear()  # of the answer with status 401
        await sign_in(page, "ada")
        await page.wait_for_url(f"{base}/dead-letters?task=mail.fail")

        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url(f"{base}/login")
        page = await shown.open("workers")
        assert urlsplit(page.url).path == "/board/login"


async def test_a_session_that_ends_while_a_page_is_open_leads_to_signing_in_and_back(
    browser: Browser, town: Town
) -> None:
    send = town.app.find_task("mail.send")
    async with guarded(town) as base, window(browser, base) as shown:
        page = await shown.open()
        await sign_in(page, "ada")
        await shown.open("task?name=mail.send&state=completed")
        await expect(page.locator("[data-live-text]")).to_have_text("Live")
        await page.context.clear_cookies()
        await send.dispatch({"user_id": 1})
        await page.wait_for_url(f"{base}/login?**", timeout=30_000)
        await sign_in(page, "ada")
        await page.wait_for_url(f"{base}/task?name=mail.send&state=completed")

        # In the middle of something: when it is asked for, and when it is confirmed.
        await shown.open(f"job?{town.job('cancelled')}")
        await page.context.clear_cookies()
        await page.get_by_role("button", name="Retry").click()
        await page.wait_for_url(f"{base}/login?**")
        await sign_in(page, "ada")
        await shown.open(f"job?{town.job('cancelled')}")
        await page.get_by_role("button", name="Retry").click()
        await expect(page.locator(DIALOG)).to_be_visible()
        await page.context.clear_cookies()
        await page.locator(f"{DIALOG} button[type=submit]").click()
        await page.wait_for_url(f"{base}/login?**")
        assert (await town.app.inspect().stats_async("mail.send")).cancelled == 1
        shown.complaints.clear()  # of the answers with status 401


async def test_a_page_on_which_nothing_happens_leads_to_signing_in_when_its_session_is_over(
    browser: Browser, town: Town
) -> None:
    async with guarded(town, ttl="3s") as base, window(browser, base) as shown:
        page = await shown.open("task?name=mail.batch")
        seen: list[str] = []
        page.on("framenavigated", lambda frame: seen.append(urlsplit(frame.url).path))
        await sign_in(page, "ada")
        await wait_until_async(lambda: seen[-2:] == ["/board/task", "/board/login"], 30)
        shown.complaints.clear()  # of the answer with status 401


async def labels(shown: Window, town: Town) -> set[str]:
    """What pages offer to do."""
    found: set[str] = set()
    for path in (
        "", "task?name=mail.send&state=completed", "task?name=mail.fail", "schedules", "dead-letters", "workers",
        f"job?{town.job('failed')}", f"job?{town.job('active')}", f"workflow?id={town.workflow}",
        "flow?task=mail.batch",
    ):  # fmt: skip
        page = await shown.open(path)
        found |= set(await page.locator("[data-ask]").all_inner_texts())
    return found


@pytest.mark.parametrize("name", ["rosa", "olaf"])
async def test_people_are_offered_what_they_may_do(browser: Browser, town: Town, name: str) -> None:
    async with guarded(town) as base, window(browser, base) as shown:
        await sign_in(await shown.open(), name)
        offered = await labels(shown, town)
        if name == "rosa":
            assert offered == set()
        else:
            assert {"Pause", "Retry", "Cancel…", "Dispatch again…", "Trigger", "Flush"} <= offered
            assert offered.isdisjoint({"Remove by age…", "Edit…", "Delete"})
        page = await shown.open(f"schedule/delete?name={town.schedule}")  # somebody who knows the address
        await expect(page.get_by_role("alert")).to_contain_text("needs the role admin")
        shown.complaints.clear()  # of the answer with status 403


async def test_a_board_that_is_read_only_offers_nothing_to_anybody(browser: Browser, town: Town) -> None:
    async with (
        served(create_board(town.app, read_only=True).app) as origin,
        window(browser, f"{origin}/board") as shown,
    ):
        assert await labels(shown, town) == set()


def behind_a_proxy(app: ASGIApp) -> ASGIApp:
    """A proxy that takes ``/tools/queue`` away, and a server that was told of it."""

    async def forward(scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith("/tools/queue/"):
            await send({"type": "http.response.start", "status": 421, "headers": []})
            await send({"type": "http.response.body", "body": b"not ours"})
            return
        path = scope["path"].removeprefix("/tools/queue")
        await app({**scope, "root_path": "/tools/queue", "path": path, "raw_path": path.encode()}, receive, send)

    return forward


@pytest.mark.parametrize("place", ["proxy", "mount"])
async def test_all_that_a_browser_asks_for_stays_below_the_path_of_the_board(
    browser: Browser, town: Town, place: str
) -> None:
    board = create_board(town.app, base_path="/board" if place == "proxy" else "", refresh_interval=0.25).app
    app = behind_a_proxy(board) if place == "proxy" else Starlette(routes=[Mount("/tools/queue", app=board)])
    below = "/tools/queue/board" if place == "proxy" else "/tools/queue"
    asked: list[str] = []
    async with served(app) as origin, window(browser, f"{origin}{below}") as shown:

        def note(request: Request) -> None:
            asked.append(urlsplit(request.url).path)

        shown.page.on("request", note)
        page = await shown.open("")
        for link in await page.locator(".places a").all():
            await link.click()
            await expect(page.locator("[data-live-text]")).to_have_text("Live")
        await page.keyboard.press("1")
        await page.get_by_role("link", name="mail.gate").click()
        await page.get_by_role("button", name="Pause").click()
        await page.locator(f"{DIALOG} button[type=submit]").click()
        await expect(page.locator("h1 .state")).to_have_text("paused")
        await page.locator("[data-theme-next]").click()
        cookies = await page.context.cookies()
        assert [cookie.get("path") for cookie in cookies] == [f"{below}/"]
        await page.keyboard.press("/")
        await page.keyboard.type(town.jobs["failed"][1])
        await page.keyboard.press("Enter")
        await expect(page.locator("h1 .state")).to_have_text("failed")
    assert len(asked) > 30
    assert [path for path in asked if not path.startswith(f"{below}/")] == []
    assert any(path == f"{below}/live" for path in asked)
