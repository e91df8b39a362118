"""A browser, and a board in which one of everything can be seen."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from browser.viewing import CHROMIUM, chromium, served
from integration.board.town import Town, settled
from integration.engine.kit import Engine
from support import FLAVORS, Server, find_binary
from taskora import Taskora
from taskora.board import create_board


@pytest.fixture(scope="session")
def session_server() -> Iterator[Server]:
    """What a browser shows does not depend on the flavor of the server: one will do."""
    with Server(next(flavor for flavor in FLAVORS if find_binary(flavor))) as running:
        yield running


@pytest.fixture(autouse=True)
def has_chromium() -> None:
    if Path(CHROMIUM).exists():
        return
    message = f"there is no {CHROMIUM}; the package chromium brings it"
    if os.environ.get("CI"):
        pytest.fail(f"{message}, and CI must look at the board")
    pytest.skip(message)


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
def engine(url: str, prefix: str) -> Iterator[Engine]:
    made = Engine(url, prefix)
    yield made
    made.close()


@pytest.fixture
def app(engine: Engine) -> Taskora:
    return engine.app()


@pytest_asyncio.fixture
async def town(app: Taskora) -> AsyncIterator[Town]:
    async with settled(app, "it rained", {"note": "hello", "password": "hunter2"}) as found:
        yield found


@pytest_asyncio.fixture
async def base(town: Town) -> AsyncIterator[str]:
    async with served(create_board(town.app, refresh_interval=0.25).app) as origin:
        yield f"{origin}/board"
