"""A page that stays open: it shows what happens, by itself, and loses nothing of what somebody does on it."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, expect

from browser.viewing import PATIENCE_MS, served, window
from support import Server
from taskora import Context, Taskora
from taskora.board import create_board

expect.set_options(timeout=PATIENCE_MS)


class Work:
    """A task whose jobs do a step when they are told to."""

    def __init__(self, app: Taskora) -> None:
        self.steps = asyncio.Semaphore(0)

        @app.task("mill", concurrency=4)
        async def grind(steps: int, ctx: Context) -> str:
            for step in range(steps):
                await self.steps.acquire()
                ctx.log.info("step", number=step)
                ctx.progress((step + 1) * 100 / steps)
            return "flour"

        self.task = grind


@pytest_asyncio.fixture
async def work(app: Taskora) -> AsyncIterator[Work]:
    made = Work(app)
    await app.start()
    try:
        yield made
    finally:
        for _ in range(100):
            made.steps.release()
        await app.close_async(5)


@pytest_asyncio.fixture
async def base(work: Work, app: Taskora) -> AsyncIterator[str]:
    async with served(create_board(app, refresh_interval=0.25).app) as origin:
        yield f"{origin}/board"


async def test_a_job_is_followed_to_its_end(browser: Browser, base: str, work: Work) -> None:
    handle = await work.task.dispatch(4)
    async with window(browser, base) as shown:
        page = await shown.open(f"job?task=mill&id={handle.id}")
        await page.evaluate("window.stays = true")
        await expect(page.locator("h1 .state")).to_have_text("active")
        for step in range(4):
            work.steps.release()
            await expect(page.locator(".log")).to_contain_text(f'"number":{step}}}')
            if step < 3:
                await expect(page.locator("progress")).to_have_attribute("value", f"{(step + 1) * 25.0}")
        await expect(page.locator("h1 .state")).to_have_text("completed")
        await expect(page.locator("[aria-labelledby=result]")).to_contain_text("flour")
        assert await page.evaluate("window.stays"), "the page was loaded anew"


async def test_counts_follow_what_happens_until_they_are_paused(browser: Browser, base: str, work: Work) -> None:
    async with window(browser, base) as shown:
        page = await shown.open()
        active = page.locator(".card.state-active dd")
        await expect(active).to_have_text("0")
        await work.task.dispatch(1)
        await expect(active).to_have_text("1")
        await expect(page.locator("[data-live-text]")).to_have_text("Live")

        await page.locator("[data-live]").click()
        await expect(page.locator("[data-live-text]")).to_have_text("Paused")
        await work.task.dispatch(1)
        async with window(browser, base) as beside:
            # Once another page has been told of it, this one would have been.
            other = await beside.open()
            await expect(other.locator(".card.state-active dd")).to_have_text("2")
            await work.task.dispatch(1)
            await expect(other.locator(".card.state-active dd")).to_have_text("3")
        assert await active.inner_text() == "1"
        await page.locator("[data-live]").click()
        await expect(active).to_have_text("3")


async def test_a_server_that_is_gone_is_told_and_its_return_too(
    browser: Browser, base: str, work: Work, server: Server
) -> None:
    async with window(browser, base) as shown:
        page = await shown.open()
        await expect(page.locator("[data-live-text]")).to_have_text("Live")
        await asyncio.to_thread(server.stop)
        await expect(page.locator("[data-live-text]")).to_have_text("Reconnecting", timeout=30_000)
        await asyncio.to_thread(server.start)
        await expect(page.locator("[data-live-text]")).to_have_text("Live", timeout=30_000)
        await work.task.dispatch(1)
        await expect(page.locator(".card.state-active dd")).to_have_text("1")
        shown.complaints.clear()  # of the answers with status 503


async def test_nothing_that_somebody_does_is_lost_when_a_page_is_brought_up_to_date(
    browser: Browser, base: str, work: Work
) -> None:
    handle = await work.task.dispatch(50)
    async with window(browser, base, viewport={"width": 900, "height": 300}) as shown:
        page = await shown.open(f"job?task=mill&id={handle.id}")
        await page.locator(".log").focus()
        await page.evaluate("window.scrollTo(0, 200)")
        for step in range(3):
            work.steps.release()
            await expect(page.locator(".log")).to_contain_text(f'"number":{step}}}')
        assert await page.evaluate("document.activeElement.className") == "log"
        assert await page.evaluate("window.scrollY") == 200


async def test_a_slow_page_asks_no_more_often_than_it_can(browser: Browser, base: str, work: Work) -> None:
    asked = 0

    async with window(browser, base) as shown:
        page = await shown.open()

        def count(request: object) -> None:
            nonlocal asked
            asked += 1

        page.on("request", count)
        for _ in range(40):
            handle = await work.task.dispatch(0)
            await handle.result_async(10)
            await asyncio.sleep(0.05)
        assert 0 < asked <= 20
