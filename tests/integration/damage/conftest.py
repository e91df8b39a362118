from collections.abc import AsyncIterator

import pytest_asyncio

from integration.adapter.kit import Kit


@pytest_asyncio.fixture
async def kit(url: str, prefix: str) -> AsyncIterator[Kit]:
    """An adapter and a raw client; what damaged keys leave behind is looked at by the tests themselves."""
    kit = Kit(url, prefix)
    try:
        yield kit
    finally:
        await kit.close()
        kit.raw.close()
