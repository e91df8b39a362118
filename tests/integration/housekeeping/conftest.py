"""An adapter on the test's server, a plain client that sees what is stored, and housekeepers that end with the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol

import pytest
import redis

from taskora.adapters.redis import RedisAdapter, redis_adapter
from taskora.config import SchedulerConfig, TaskOptions
from taskora.housekeeping import Housekeeper, Pace

FAST = Pace(
    roster_s=0.02, trim_s=0.02, workflows_s=0.02, owed_s=0.1, registry_s=0.05, mend_s=0.05, mend_grace_s=0.1,
    mend_pause_s=0.0, mend_keys=20,
)  # fmt: skip


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


@pytest.fixture
def root(prefix: str) -> str:
    return f"taskora:{prefix}"


class StartHousekeeper(Protocol):
    def __call__(self, known: Mapping[str, TaskOptions] | None = None, **options: Any) -> Awaitable[Housekeeper]: ...


@pytest.fixture
async def housekeep(adapter: RedisAdapter) -> AsyncIterator[StartHousekeeper]:
    """Starts a housekeeper in a hurry; it is stopped with the test."""
    started: list[Housekeeper] = []

    async def start(known: Mapping[str, TaskOptions] | None = None, **options: Any) -> Housekeeper:
        ttl = options.pop("lock_ttl", 0.6)
        config = SchedulerConfig(poll_interval=0.02, lock_ttl=ttl)
        made = Housekeeper(adapter, known or {}, config=config, pace=options.pop("pace", FAST), **options)
        started.append(made)
        await made.start()
        return made

    yield start
    for made in started:
        await made.stop()


@pytest.fixture
def kill() -> Callable[[Housekeeper], Awaitable[None]]:
    """Ends a housekeeper as a crash does: it does not resign."""

    async def end(housekeeper: Housekeeper) -> None:
        inside: Any = housekeeper
        task, inside._task = inside._task, None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return end
