"""Take pictures of every view of a board, light and dark: ``make screenshots``."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import redis
from playwright.async_api import Browser, ViewportSize

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:] = [str(ROOT / "tests"), *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT)]

from browser.palette import reduce_colours  # noqa: E402
from browser.viewing import chromium, served  # noqa: E402 - found by way of the line above
from support import FLAVORS, Flavor, Program, Server, find_binary  # noqa: E402

PICTURES = ROOT / "docs" / "images" / "board"
_MOST_BYTES = 150_000
_VIEWPORT: ViewportSize = {"width": 1280, "height": 800}


@contextmanager
def _workers(url: str) -> Generator[None]:
    """Run a supervisor with two children."""
    command = [str(Path(sys.executable).with_name("taskora-supervise")), "--procs", "2", "browser.shop:taskora"]
    with tempfile.TemporaryDirectory() as folder:
        supervisor = Program(command, Path(folder), {"SHOP_URL": url, "PYTHONPATH": str(ROOT / "tests")}).start()
        try:
            yield
        finally:
            supervisor.end_all()


def _places(found: dict[str, str]) -> dict[str, str]:
    """Addresses below the board, by the name of their picture."""
    return {
        "overview": "",
        "task": "task?name=charge-card&state=failed",
        "job": f"job?task=resize-image&id={found['active']}",
        "failed-job": f"job?task=charge-card&id={found['failed']}",
        "workflows": "workflows",
        "workflow": f"workflow?id={found['running']}",
        "schedules": "schedules",
        "dead-letters": "dead-letters",
        "workers": "workers",
        "flow": f"flow?task=index-products&peek={found['shoes']}",
        "migrations": "migrations",
        "search": "search",
        "audit": "audit",
    }


async def _act(browser: Browser, base: str, failed: str) -> None:
    """Do a few things, so that the audit has something to tell."""
    context = await browser.new_context(extra_http_headers={"Accept": "application/json"})
    for path in ("schedule/trigger?name=stock", f"job/retry?task=charge-card&id={failed}", "task/pause?task=add-up"):
        answer = await context.request.post(f"{base}/{path}")
        assert answer.ok, await answer.text()
    await context.close()


async def _take(found: dict[str, str], base: str) -> None:
    async with chromium() as browser:
        await _act(browser, base, found["retried"])
        for scheme in ("light", "dark"):
            context = await browser.new_context(viewport=_VIEWPORT, color_scheme=scheme)
            page = await context.new_page()
            for name, path in _places(found).items():
                await page.goto(f"{base}/{path}")
                await page.wait_for_selector("[data-live][data-state=on]")
                picture = reduce_colours(await page.screenshot())
                assert len(picture) <= _MOST_BYTES, "too large a picture for a repository"
                (PICTURES / f"{name}-{scheme}.png").write_bytes(picture)
                print(f"{name}-{scheme}.png: {len(picture) / 1000:.0f} kB")
            await context.close()


async def main() -> None:
    """Take them."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    flavor: Flavor = next(flavor for flavor in FLAVORS if find_binary(flavor))
    with Server(flavor, tcp=True) as server:
        os.environ["SHOP_URL"] = server.url
        from browser import shop_day  # the application looks at the address when it is imported
        from browser.shop import taskora
        from taskora.board import create_board

        with redis.Redis.from_url(server.url) as raw:  # pyright: ignore[reportUnknownMemberType]
            shop_day.write_yesterday(raw)
        with _workers(server.url):
            try:
                found = await shop_day.open_shop()
                async with served(create_board(taskora, title="shop").app) as origin:
                    await _take(found, f"{origin}/board")
            finally:
                await taskora.close_async()


if __name__ == "__main__":
    asyncio.run(main())
