"""What is large opens soon, and what is hostile stays text in a browser too."""

import re
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

from playwright.async_api import Browser, Page, expect

from browser.viewing import PATIENCE_MS, Window, served, window
from integration.board.test_hostile_text import CORPUS, LINE, MARK, TEXT, VALUE
from integration.board.town import Town, settled
from taskora import Taskora, chord, group
from taskora.board import create_board

expect.set_options(timeout=PATIENCE_MS)
NODES = 10_000
SOON_S = 20.0  # a second or two on a machine that is idle
MEMBERS = 200
DIALOG = "dialog[open]"


@asynccontextmanager
async def looked_at(browser: Browser, app: Taskora) -> AsyncGenerator[Window]:
    async with (
        served(create_board(app, refresh_interval=0.25).app) as origin,
        window(browser, f"{origin}/board") as one,
    ):
        yield one


async def test_a_workflow_of_ten_thousand_nodes_opens_soon_and_its_group_too(browser: Browser, app: Taskora) -> None:
    @app.task("mill")
    async def mill(n: int) -> int:
        return n

    @app.task("sum")
    async def add_up(parts: list[int]) -> int:
        return sum(parts)

    flow = await chord(group([mill.s(number) for number in range(NODES - 1)]), add_up.s()).dispatch(name="large")
    try:
        async with looked_at(browser, app) as shown:
            began_s = time.monotonic()
            page = await shown.open(f"workflow?id={flow.workflow_id}")
            await expect(page.locator(".facts")).to_contain_text("10,000")
            assert time.monotonic() - began_s < SOON_S
            assert await page.locator(".dag svg a").count() < 10
            assert await page.locator("[aria-labelledby=nodes] tbody tr").count() == 50

            began_s = time.monotonic()
            await page.locator(".dag a[href*='open=']").first.click()
            members = page.locator(".dag a[href*='job?']")
            await expect(members).to_have_count(MEMBERS)
            assert time.monotonic() - began_s < SOON_S
            await page.get_by_role("link", name="Put mill together").click()
            await expect(members).to_have_count(0)
    finally:
        await app.close_async()


async def test_a_payload_of_a_megabyte_opens_and_is_there_as_a_whole(browser: Browser, app: Taskora) -> None:
    @app.task("mill")
    async def mill(text: str) -> None: ...

    text = "flour " * (1_000_000 // 6)
    handle = await mill.dispatch(text)
    try:
        async with looked_at(browser, app) as shown:
            began_s = time.monotonic()
            page = await shown.open(f"job?task=mill&id={handle.id}")
            await expect(page.locator("[aria-labelledby=data]")).to_contain_text("64.0 KiB of 977 KiB")
            assert time.monotonic() - began_s < SOON_S
            async with page.expect_download() as downloading:
                await page.get_by_role("link", name="Download").first.click()
            path = await (await downloading.value).path()
            assert path.read_text() == f'"{text}"'
            await page.get_by_role("button", name="Dispatch again…").click()
            await expect(page.locator(f"{DIALOG} textarea")).to_have_value(f'"{text}"')
            await shown.open("task?name=mill")
            assert len(await page.content()) < 100_000
    finally:
        await app.close_async()


def watch(page: Page, happened: list[str]) -> None:
    """Note whatever a text that became more than text would do."""
    page.on("dialog", lambda dialog: happened.append(f"a dialog: {dialog.message}"))
    page.on("popup", lambda popup: happened.append(f"a window: {popup.url}"))
    page.on("request", lambda request: happened.append(request.url) if MARK in request.url.split("?")[0] else None)


async def ask_everything(page: Page, asked: set[str]) -> None:
    """Open every dialog of the page that was not seen before."""
    for opening in await page.locator("[data-ask]").all():
        action = urlsplit(await opening.get_attribute("href") or "").path
        if action in asked:
            continue
        asked.add(action)
        await opening.click()
        await expect(page.locator(f"{DIALOG} h1")).to_be_visible()
        await page.keyboard.press("Escape")


async def test_nothing_that_jobs_bring_along_runs(browser: Browser, app: Taskora) -> None:
    happened: list[str] = []
    asked: set[str] = set()
    async with settled(app, TEXT, VALUE, name=LINE) as town, looked_at(browser, app) as shown:
        await shown.page.add_init_script(f"window.{MARK} = () => alert('a script')")
        watch(shown.page, happened)
        for path in town.pages():
            if not path.startswith(("job/raw", "workflow/graph")):
                await ask_everything(await shown.open(path), asked)
                assert shown.complaints == [], f"{path}: the content policy had to refuse something"
        await _live(shown, town)
        for path in ("search?id=", "task?name=", "job?task=mail.send&id="):
            assert shown.complaints == []
            await shown.open(f"{path}{quote(LINE)}")
            (told,) = shown.complaints
            assert re.search("status of 40[04]", told)
            shown.complaints.clear()
        page = await shown.open("flow?task=mail.batch")
        await page.get_by_role("link", name="Peek").click()
        await page.wait_for_url("**peek=**")
    assert happened == []


async def _live(shown: Window, town: Town) -> None:
    """What comes by an update, and what is said of an action."""
    page = await shown.open(f"job?{town.job('delayed')}")
    await page.get_by_role("button", name="Cancel…").click()
    await page.locator(f"{DIALOG} [name=reason]").fill(TEXT[:400])
    await page.locator(f"{DIALOG} button[type=submit]").click()
    await expect(page.locator("h1 .state")).to_have_text("cancelled")
    await expect(page.locator(".facts")).to_contain_text(CORPUS[0])

    page = await shown.open("task?name=mail.send&state=completed")
    rows = page.locator("tbody tr")
    count = await rows.count()
    value: dict[str, Any] = {"user_id": 7, **VALUE}
    await town.app.find_task("mail.send").dispatch(value)
    await expect(rows).to_have_count(count + 1)

    page = await shown.open("schedules")
    await page.get_by_role("button", name="Pause").click()
    await page.locator(f"{DIALOG} button[type=submit]").click()
    await expect(page.locator(".notice").last).to_contain_text(LINE)
