"""A supervisor that runs, watched and asked for something on its page."""

import sys
from pathlib import Path

from playwright.async_api import Browser, expect

from browser.test_actions import act, opener
from browser.viewing import PATIENCE_MS, served, window
from support import Spawn
from taskora import Taskora
from taskora.board import create_board

expect.set_options(timeout=PATIENCE_MS)
TESTS = Path(__file__).resolve().parents[1]
LONG_MS = 30_000


async def test_a_fleet_is_scaled_recycled_and_drained(browser: Browser, url: str, spawn: Spawn) -> None:
    command = [str(Path(sys.executable).with_name("taskora-supervise")), "--procs", "1", "browser.shop:taskora"]
    fleet = spawn(command, {"SHOP_URL": url, "PYTHONPATH": str(TESTS)})
    app = Taskora(url, prefix="shop")
    board = create_board(app, refresh_interval=0.25)
    async with served(board.app) as origin, window(browser, f"{origin}/board") as shown:
        page = await shown.open("workers")
        children = page.locator("section[id^=supervisor-] tbody tr[id^=child-]")
        ready = children.filter(has=page.locator(".state-ready"))
        await expect(ready).to_have_count(1, timeout=LONG_MS)
        assert await shown.axe() == []

        host = (await page.locator("section[id^=supervisor-] h2").inner_text()).split()[0]
        await act(opener(page, "Scale…"), f"Scale {host}", f"{host} is to have 2 worker processes", procs="2")
        await expect(ready).to_have_count(2, timeout=LONG_MS)

        first = await children.first.get_attribute("id")
        title, notice = f"Recycle the worker in slot 0 on {host}", f"{host}: the worker in slot 0 is being replaced"
        await act(children.first.get_by_role("button", name="Recycle"), title, notice)
        await expect(page.locator(f'[id="{first}"]')).to_have_count(0, timeout=LONG_MS)
        await expect(ready).to_have_count(2, timeout=LONG_MS)

        before = [await child.get_attribute("id") or "" for child in await children.all()]
        title, notice = f"Recycle 2 worker processes on {host}", f"{host}: 2 worker processes are being replaced"
        await act(opener(page, "Recycle all"), title, notice)
        for child in before:
            await expect(page.locator(f'[id="{child}"]')).to_have_count(0, timeout=LONG_MS)
        await expect(ready).to_have_count(2, timeout=LONG_MS)

        await act(opener(page, "Drain…"), f"Drain {host}", f"{host} drains, and ends then")
        await expect(page.get_by_text("Nobody works")).to_be_visible(timeout=LONG_MS)
    assert fleet.wait(LONG_MS / 1000) == 0
    await app.close_async()
