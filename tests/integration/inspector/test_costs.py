"""What looking costs the server: a page costs a page, however much is stored."""

import asyncio
from datetime import UTC, datetime

from integration.engine.kit import Engine, working
from support import wait_until_async
from taskora import Context, Job, Taskora

MOST = 10_000


async def stored(engine: Engine) -> Taskora:
    """An application whose 30 jobs have ended, each with ten lines in its log."""
    app = engine.app()

    @app.task("talk", concurrency=10)
    async def talk(n: int, ctx: Context) -> int:
        for _ in range(10):
            ctx.log.info("hm")
        return n

    async with working(app):
        handles = await talk.dispatch_many(range(30))
        await asyncio.gather(*(handle.result_async(10) for handle in handles))
    return engine.app()


async def test_a_page_of_jobs_costs_one_command_a_job_and_no_logs(engine: Engine) -> None:
    inspector = (await stored(engine)).inspect()
    await inspector.tasks_async()
    for task in ("talk", None):
        engine.reset_calls()
        page = await inspector.completed_async(task, limit=20)
        assert [job.logs for job in page] == [[]] * 20
        assert (engine.calls("hmget"), engine.calls("zrange"), engine.calls("lrange")) == (20, 1, 0)
    found = await inspector.find_async(page[0].id)
    assert found is not None
    assert len(found.logs) == 10


async def test_a_page_of_retries_does_not_read_all_that_is_delayed(engine: Engine) -> None:
    app = engine.app()
    app.task("later", lambda: None)
    engine.raw.zadd(engine.key("later", "delayed"), {f"gone-{number}": number for number in range(3 * MOST)})
    engine.reset_calls()
    assert await app.inspect().retrying_async("later", limit=20) == []
    assert engine.calls("hget") <= MOST + 20 + 500


async def test_a_page_of_workflows_of_a_state_does_not_read_all_of_them(engine: Engine) -> None:
    app = engine.app()
    engine.raw.zadd(f"taskora:{engine.prefix}:workflows", {f"gone-{number}": number for number in range(3 * MOST)})
    engine.reset_calls()
    assert await app.inspect().workflows_async(state="failed") == []
    assert engine.calls("hmget") <= MOST + 20 + 200


async def test_nothing_walks_through_the_keys(engine: Engine) -> None:
    app = await stored(engine)
    inspector = app.inspect()
    (first, *_) = await inspector.completed_async()
    engine.reset_calls()
    for name in ("waiting", "active", "delayed", "retrying", "completed", "failed", "expired", "cancelled"):
        await getattr(inspector, f"{name}_async")()
    for name in ("tasks", "stats", "stats_by_task", "throughput", "workflows", "workers", "server"):
        await getattr(inspector, f"{name}_async")()
    for name in ("stats", "throughput", "migrations", "keys"):
        await getattr(inspector, f"{name}_async")("talk")
    await inspector.find_async(first.id)
    await inspector.workflow_async("none")
    await inspector.clean_async("talk", "completed", datetime.now(UTC), 10)
    await app.dead_letters.list_async()
    await app.dead_letters.groups_async()
    await app.schedules.list_async()
    assert [
        name for name in ("scan", "keys", "sscan", "hscan", "zscan", "smembers", "sort") if engine.calls(name)
    ] == []


async def test_jobs_that_wait_for_their_key_count_among_the_versions(engine: Engine) -> None:
    app = engine.app()

    @app.task("keyed", version=2, concurrency=4, concurrency_limit=1)
    async def keyed(_: int, ctx: Context) -> None:
        await ctx.signal.wait()

    await keyed.dispatch_many([Job(n, concurrency_key="a") for n in range(3)])
    async with working(app, drain=0):

        async def parked() -> bool:
            return bool(engine.raw.zcard(engine.key("keyed", "blocked")) == 2)

        await wait_until_async(parked)
        status = await app.inspect().migrations_async("keyed")
        assert (status.waiting, status.active, status.complete) == ({2: 2}, {2: 1}, True)
