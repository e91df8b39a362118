"""All that the documentation's access rules allow is enough."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.engine.kit import Engine
from support import Server, wait_until_async
from taskora import (
    AdapterError,
    Collect,
    Context,
    Debounce,
    Deduplicate,
    Retry,
    SchedulerConfig,
    Taskora,
    Throttle,
    chain,
    group,
)

PAGE = Path(__file__).resolve().parents[3] / "docs" / "servers.md"
LIMIT_S = 30.0


def documented(user: str, prefix: str) -> list[str]:
    """The rules of the page, for another user and prefix."""
    found = re.search(r"ACL SETUSER shop on (.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    rules = found[1].replace("taskora:shop:", f"taskora:{prefix}:").replace(">PASSWORD", ">secret").split()
    return ["ACL", "SETUSER", user, "on", *rules]


@pytest.fixture
def user(server: Server, engine: Engine, prefix: str) -> Iterator[str]:
    """The address of a user who may do what is documented, and nothing else."""
    engine.raw.execute_command(*documented("narrow", prefix))
    engine.raw.execute_command("ACL", "LOG", "RESET")
    yield f"{server.url}?username=narrow&password=secret"
    engine.raw.execute_command("ACL", "DELUSER", "narrow")


def refused(engine: Engine) -> list[str]:
    """What the server refused that user."""
    return [f"{each['reason']}: {each['object']}" for each in engine.raw.acl_log() if each["username"] == "narrow"]


async def jobs_of_every_kind(app: Taskora) -> None:
    tries: list[int] = []

    @app.task("work", concurrency=4)
    async def work(n: int, ctx: Context) -> int:
        ctx.progress(n)
        ctx.log.info("at work")
        return n + 1

    @app.task("fail", retry=Retry(attempts=2, delay=0.01))
    async def fail(n: int) -> int:
        tries.append(n)
        if len(tries) < 3:
            raise ValueError("not yet")
        return n

    @app.task("gather", collect=Collect("k", delay=0.05))
    async def gather(items: list[int]) -> int:
        return sum(items)

    @app.task("single", singleton=True)
    async def single(n: int) -> int:
        return n

    seen: list[str] = []
    work.on("completed", lambda event: seen.append(event.id))
    app.schedule("often", task=work, every="100ms", data=1)
    await app.start()
    assert await work.dispatch(1).result_async(timeout=LIMIT_S) == 2
    handles = [
        *await work.dispatch_many(range(20)), work.dispatch(1, delay=0.05), work.dispatch(1, priority=3, ttl=60),
        work.dispatch(1, debounce=Debounce("a", 0.05)), work.dispatch(1, throttle=Throttle("a", 5, 60)),
        work.dispatch(1, deduplicate=Deduplicate("a")), work.dispatch(1, concurrency_key="a", concurrency_limit=1),
        single.dispatch(1), gather.dispatch(1), gather.dispatch(2),
    ]  # fmt: skip
    for handle in handles:
        await handle.result_async(timeout=LIMIT_S)
    await work.dispatch(1, delay=600).cancel_async("no")
    broken = await fail.dispatch(5)
    with pytest.raises(Exception, match="not yet"):
        await broken.result_async(timeout=LIMIT_S)
    assert await app.dead_letters.retry_async("fail", broken.id)
    flow = chain(work.s(1), group(work.s(), work.s()))
    assert await flow.dispatch().result_async(timeout=LIMIT_S) == (3, 3)
    await wait_until_async(lambda: len(seen) > 30, LIMIT_S)


async def looks_of_every_kind(app: Taskora) -> None:
    inspector = app.inspect()
    for look in ("waiting", "active", "delayed", "retrying", "completed", "failed", "expired", "cancelled"):
        await getattr(inspector, f"{look}_async")(task="work")
    await inspector.stats_async("work")
    await inspector.workers_async()
    await inspector.workflows_async()
    await inspector.throughput_async()
    await inspector.server_async()
    (done, *_) = await inspector.completed_async(task="work")
    assert await inspector.find_async(done.id) is not None
    await app.dead_letters.list_async()
    await app.schedules.pause_async("often")
    await app.schedules.list_async()
    await app.schedules.trigger_async("often")
    await app.schedules.remove_async("often")


async def test_the_documented_rules_are_enough_for_all_that_applications_do(user: str, engine: Engine) -> None:
    app = engine.app(user, scheduler=SchedulerConfig(poll_interval=0.02, lock_ttl=5))
    try:
        await jobs_of_every_kind(app)
    finally:
        assert not refused(engine)
    await looks_of_every_kind(app)
    await app.close_async()
    plain = engine.app(user)
    await asyncio.to_thread(lambda: plain.inspect().stats())
    assert not refused(engine)


async def test_what_is_missing_is_told(user: str, engine: Engine) -> None:
    app = engine.app(user)
    work = app.task("work", lambda: None)
    engine.raw.execute_command("ACL", "SETUSER", "narrow", "-hset")
    with pytest.raises(AdapterError, match=r"access rules forbid it; docs/servers.md"):
        await work.dispatch(None)
    engine.raw.execute_command("ACL", "SETUSER", "narrow", "+hset", "resetkeys", "~other:*")
    with pytest.raises(AdapterError, match=r"access rules forbid it; docs/servers.md"):
        await work.dispatch(None)
    await app.close_async()
