"""What became of a job's attempts, on its page."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, expect

from browser.viewing import PATIENCE_MS, served, window
from support import Spawn
from taskora import Retry, Taskora
from taskora.board import create_board

expect.set_options(timeout=PATIENCE_MS)
TESTS = Path(__file__).resolve().parents[1]
LONG_MS = 30_000


@asynccontextmanager
async def closing(app: Taskora) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await app.close_async()


async def test_attempts_that_did_not_succeed_are_shown_with_their_cause(
    browser: Browser, url: str, spawn: Spawn, tmp_path: Path
) -> None:
    app = Taskora(url, prefix="unlucky")

    @app.task("flaky", retry=Retry(attempts=3))
    async def flaky(data: None) -> str:
        raise NotImplementedError

    @app.task("deadly")
    async def deadly(mark: str) -> str:
        raise NotImplementedError

    failing = await flaky.dispatch(None)
    board = create_board(app, refresh_interval=0.25)
    async with (
        closing(app), served(board.app) as origin, window(browser, f"{origin}/board") as shown
    ):  # fmt: skip
        page = await shown.open(f"job?task=flaky&id={failing.id}")
        rows = page.locator("section[aria-labelledby=attempts] tbody tr")
        await expect(rows).to_have_count(0)

        # The page that is open already goes along.
        command = [str(Path(sys.executable).with_name("taskora-supervise")), "--procs", "1", "browser.unlucky:taskora"]
        fleet = spawn(command, {"UNLUCKY_URL": url, "PYTHONPATH": str(TESTS)})
        await expect(page.locator("h1")).to_contain_text("completed", timeout=LONG_MS)
        await expect(rows).to_have_count(2)
        for row, attempt in ((rows.nth(0), 2), (rows.nth(1), 1)):
            await expect(row.locator("th")).to_have_text(str(attempt))
            await expect(row).to_contain_text("failed")
            await expect(row).to_contain_text(
                f"ConnectionError: <img src=x onerror=alert(1)> refused attempt {attempt}"
            )
            await expect(row).to_contain_text("retried")
        assert "hunter2" not in await page.content()
        assert await page.locator("section[aria-labelledby=attempts] img").count() == 0
        assert await shown.axe() == []

        # Alone: what runs beside it is lost with its process.
        crashing = await deadly.dispatch(str(tmp_path / "mark"))
        page = await shown.open(f"job?task=deadly&id={crashing.id}")
        await expect(page.locator("h1")).to_contain_text("completed", timeout=LONG_MS)
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("killed its process, signal:9")
        await expect(rows).to_contain_text("queued again")
        assert await shown.axe() == []
        fleet.terminate()
        assert fleet.wait(LONG_MS / 1000) == 0
