"""An adapter on the test's server, and a plain client that sees what is stored."""

from collections.abc import AsyncIterator, Iterator

import pytest
import redis

from taskora.adapters.redis import RedisAdapter, redis_adapter


@pytest.fixture
async def adapter(url: str, prefix: str) -> AsyncIterator[RedisAdapter]:
    made = redis_adapter(url, prefix=prefix)
    yield made
    await made.close_async()


@pytest.fixture
def raw(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        yield client
