"""An adapter on the test's server, and a plain client that sees what is stored."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis

from taskora.adapters.redis import RedisAdapter, redis_adapter


@pytest.fixture
async def adapter(url: str, prefix: str) -> AsyncIterator[RedisAdapter]:
    made = redis_adapter(url, prefix=prefix)
    yield made
    await made.close_async()


@pytest.fixture
def raw(url: str) -> Iterator[Any]:
    client: Any = redis.Redis
    with client.from_url(url, decode_responses=True) as opened:
        yield opened
