"""The inspector on a real server, in both forms."""

import contextlib
import itertools
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from support import Server, wait_until_async
from taskora import ConfigError, Context, Keep, QueueStats, Retention, Retry, Task, Taskora, chain
from taskora.inspector import Inspector


@contextlib.contextmanager
def opened(url: str, prefix: str) -> Generator[Taskora]:
    app = Taskora(url, prefix=prefix)
    try:
        yield app
    finally:
        app.close()


@contextlib.asynccontextmanager
async def working(url: str, prefix: str) -> AsyncGenerator[Taskora]:
    app = Taskora(url, prefix=prefix, retention=Retention(completed=Keep("1h", 100), failed=Keep("1h", 100)))

    @app.task("good", concurrency=4)
    async def good(n: int) -> int:
        return n

    @app.task("bad")
    async def bad(n: int) -> int:
        raise ValueError(f"bad {n}")

    @app.task("again", retry=Retry(attempts=2, delay="1h"))
    async def again(n: int) -> int:
        raise ValueError("again")

    @app.task("held")
    async def held(n: int, ctx: Context) -> int:
        await ctx.signal.wait()
        return n

    await app.start()
    try:
        yield app
    finally:
        await app.close_async(0)


def inspector(app: Taskora) -> Inspector:
    return Inspector(app.adapter, app.tasks)


def test_waiting_and_delayed_jobs_are_listed_of_one_task_and_of_all(server: Server, url: str, prefix: str) -> None:
    with opened(url, prefix) as app:
        first, second = app.task("a", lambda: None), app.task("b", lambda: None)
        jobs = [task.dispatch().id for task in (first, second, first, second)]
        later = first.dispatch(delay="1h").id
        looking = inspector(app)
        assert looking.tasks() == ["a", "b"]
        assert [job.id for job in looking.waiting()] == jobs
        assert [job.id for job in looking.waiting(limit=2, offset=1)] == jobs[1:3]
        assert [job.id for job in looking.waiting("b")] == [jobs[1], jobs[3]]
        assert [job.id for job in looking.delayed()] == [later]
        assert looking.stats("a") == QueueStats(waiting=2, delayed=1)
        assert looking.stats() == QueueStats(waiting=4, delayed=1)
        assert looking.stats_by_task()["b"] == QueueStats(waiting=2)


async def test_each_state_has_its_list_and_its_count(server: Server, url: str, prefix: str) -> None:
    async with working(url, prefix) as app:
        done = [await app.tasks["good"].dispatch(n).result_async(10) for n in range(3)]
        for name in ("bad", "again"):
            await app.tasks[name].dispatch(1)
        running = await app.tasks["held"].dispatch(1)
        cancelled = await app.tasks["good"].dispatch(1, delay="1h")
        await cancelled.cancel_async("enough")
        looking = inspector(app)

        async def settled() -> bool:
            return await looking.stats_async() == QueueStats(
                active=1, delayed=1, retrying=1, completed=3, failed=1, cancelled=1
            )

        await wait_until_async(settled, 10)
        assert [job.result for job in await looking.completed_async()] == done[::-1]
        assert [job.error for job in await looking.failed_async("bad")] == ["bad 1"]
        assert [job.task for job in await looking.retrying_async()] == ["again"]
        assert [job.id for job in await looking.active_async()] == [running.id]
        assert [job.cancel_reason for job in await looking.cancelled_async()] == ["enough"]
        assert await looking.expired_async() == await looking.waiting_async() == await looking.delayed_async() == []


async def test_throughput_counts_what_ended_by_the_minute(server: Server, url: str, prefix: str) -> None:
    async with working(url, prefix) as app:
        for n in range(5):
            await app.tasks["good"].dispatch(n).result_async(10)
        with pytest.raises(Exception, match="bad"):
            await app.tasks["bad"].dispatch(1).result_async(10)
        looking = inspector(app)
        minutes = await looking.throughput_async(count=60)
        assert len(minutes) == 60
        assert (sum(m.completed for m in minutes), sum(m.failed for m in minutes)) == (5, 1)
        assert [b.at - a.at for a, b in itertools.pairwise(minutes)] == [minutes[1].at - minutes[0].at] * 59
        (hour, day) = await looking.throughput_async("good", bucket="12h", count=2)
        assert (hour.completed + day.completed, hour.failed + day.failed) == (5, 0)


def test_throughput_refuses_what_is_not_counted(server: Server, url: str, prefix: str) -> None:
    with opened(url, prefix) as app:
        for bucket, count in (("90s", 1), ("30s", 1), ("1h", 25)):
            with pytest.raises(ConfigError):
                inspector(app).throughput(bucket=bucket, count=count)


async def test_a_job_is_found_by_its_id_alone_from_another_process(server: Server, url: str, prefix: str) -> None:
    async with working(url, prefix) as app:
        handle = await app.tasks["good"].dispatch(7)
        await handle.result_async(10)
        stranger = Taskora(url, prefix=prefix)
        looking = stranger_inspector = inspector(stranger)
        try:
            assert await looking.tasks_async() == ["again", "bad", "good", "held"]
            by_id, by_both = await looking.find_async(handle.id), await looking.find_async("good", handle.id)
            assert by_id is not None
            assert by_id == by_both
            assert (by_id.task, by_id.data, by_id.result) == ("good", 7, 7)
            assert await stranger_inspector.find_async("no-such-job") is None
            assert await looking.find_async("bad", handle.id) is None
        finally:
            await stranger.close_async()


async def test_tasks_are_given_by_name_or_as_they_are(server: Server, url: str, prefix: str) -> None:
    async with working(url, prefix) as app:
        good = cast("Task[int, int]", app.tasks["good"])
        handle = await good.dispatch(7)
        await handle.result_async(10)
        looking = inspector(app)
        assert [job.id for job in await looking.completed_async(good)] == [handle.id]
        assert await looking.find_async(good, handle.id) == await looking.find_async("good", handle.id)
        assert await looking.stats_async(good) == QueueStats(completed=1)
        assert sum(minute.completed for minute in await looking.throughput_async(good)) == 1
        assert (await looking.migrations_async(good)).task == "good"
        assert await looking.keys_async(good) == await looking.keys_async("good")
        assert await looking.clean_async(good, "completed", datetime.now(UTC) + timedelta(minutes=1)) == 1
        with pytest.raises(ConfigError, match="id"):
            await looking.find_async(good)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType] - which job?


async def test_workflows_and_workers_are_seen(server: Server, url: str, prefix: str) -> None:
    async with working(url, prefix) as app:
        good = cast("Task[int, int]", app.tasks["good"])
        handle = chain(good.s(1), good.s()).dispatch(name="two steps")
        assert await handle.result_async(10) == 1
        looking = inspector(app)
        (summary,) = await looking.workflows_async(state="completed")
        assert (summary.id, summary.name, summary.node_count) == (handle.workflow_id, "two steps", 2)
        assert await looking.workflows_async(state="failed") == []
        record = await looking.workflow_async(handle.workflow_id)
        assert record is not None
        assert [node.state for node in record.nodes] == ["completed", "completed"]

        async def registered() -> bool:
            return [worker.role for worker in await looking.workers_async()] == ["worker"]

        await wait_until_async(registered)
        facts = await looking.server_async()
        assert facts.flavor == server.flavor
        assert facts.memory_policy == "noeviction"
        assert facts.layout["wireVersion"] == "6"
        assert abs(facts.skew_s) < 1


async def test_the_blocking_form_is_refused_on_an_event_loop(server: Server, url: str, prefix: str) -> None:
    looking = inspector(Taskora(url, prefix=prefix))
    for name in ("waiting", "stats", "throughput", "workers", "tasks", "server"):
        with pytest.raises(RuntimeError, match=f"{name}_async"):
            getattr(looking, name)()


def test_a_page_cannot_be_negative(server: Server, url: str, prefix: str) -> None:
    with opened(url, prefix) as app, pytest.raises(ConfigError, match="offset"):
        inspector(app).waiting(offset=-1)


def test_unheld_jobs_and_fences_are_seen(server: Server, url: str, prefix: str) -> None:
    with opened(url, prefix) as app:
        jobs = app.task("a", lambda: None).dispatch_many([None, None, None])
        vitals = app.adapter.vitals
        base = app.adapter.keys.task("a")
        for job in jobs:
            server.command("LPUSH", f"{base}:active", job.id)
            server.command("HSET", f"{base}:{job.id}", "state", "active")
        server.command("SET", f"{base}:{jobs[1].id}:lock", "t")
        server.command("SET", f"{base}:{jobs[2].id}:lock", "t", "PX", "60000")
        locks = vitals.locks("a", 10).run()
        assert locks == (3, (jobs[0].id,), (jobs[1].id,))
        app.adapter.leases.fence("w1", ["a"], True).run()
        assert vitals.fences([("w1", "a"), ("w2", "a")]).run() == ["halt", ""]


def test_erasing_takes_what_is_under_the_prefix_and_nothing_else(server: Server, url: str, prefix: str) -> None:
    with opened(url, prefix) as app, opened(url, f"{prefix}x") as other:
        app.task("a", lambda: None).dispatch_many([None] * 10)
        other.task("a", lambda: None).dispatch()
        assert app.adapter.vitals.erase().run() > 10
        assert inspector(app).stats() == QueueStats()
        assert inspector(other).stats() == QueueStats(waiting=1)
    with opened(url, "") as everything, pytest.raises(ConfigError, match="prefix"):
        everything.adapter.vitals.erase()
