from collections.abc import AsyncIterator

import pytest_asyncio

from integration.adapter.kit import Kit
from support import Server


@pytest_asyncio.fixture
async def kit(server: Server, url: str, prefix: str) -> AsyncIterator[Kit]:
    """An adapter and a raw client; at the end every key must have a time to live or a place on the permanent list."""
    kit = Kit(url, prefix)
    try:
        yield kit
    finally:
        await kit.close()
        server.start()
        try:
            left = kit.unkept_keys()
        finally:
            kit.raw.close()
    assert not left, f"keys that nothing removes: {left}"
