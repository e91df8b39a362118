"""An application in which one of everything has happened."""

from collections.abc import AsyncIterator

import pytest_asyncio

from integration.board.town import Town, settled
from taskora import Taskora


@pytest_asyncio.fixture
async def town(app: Taskora) -> AsyncIterator[Town]:
    async with settled(app, "it rained", {"note": "hello"}) as found:
        yield found
