"""A real browser before a board that is served over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, cast

import uvicorn
from axe_playwright_python.async_playwright import (  # type: ignore[import-untyped]  # it has no types
    Axe,  # pyright: ignore[reportMissingTypeStubs]
)
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright
from starlette.types import ASGIApp

CHROMIUM = "/usr/bin/chromium"
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-lcd-text",
)  # fmt: skip
PATIENCE_MS = 15_000


@contextlib.asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    """Start a browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncGenerator[str]:
    """Serve an application on a free port; gives its origin."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", log_level="error", timeout_graceful_shutdown=1, access_log=False)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # the signals are pytest's
    with listener:
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@dataclass
class Window:
    """A page of a browser, with what its console said.

    Attributes:
        page: The page.
        base: Address of the board.
        complaints: Errors and warnings, among them what the content policy refused.
    """

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list[str])

    async def open(self, path: str = "") -> Page:
        """Go to a page of the board."""
        await self.page.goto(f"{self.base}/{path}")
        return self.page

    async def axe(self) -> list[str]:
        """Have the page examined for those who cannot see or point; returns what is wrong."""
        results: Any = await cast("Any", Axe()).run(self.page)
        found: list[dict[str, Any]] = results.response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html'][:160]} {one['nodes'][0]['any'][:1]}" for one in found]


@contextlib.asynccontextmanager
async def window(browser: Browser, base: str, **options: Any) -> AsyncGenerator[Window]:
    """Open a window of its own; nothing may have been complained of when it closes."""
    context = await browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    shown = Window(await context.new_page(), base)

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            shown.complaints.append(message.text)

    shown.page.on("console", note)
    shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
    try:
        yield shown
    finally:
        await context.close()
    assert shown.complaints == []
