"""Failed jobs through the application, and the command for them, on a real server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from support import Server, wait_until_async
from taskora import ConfigError, Context, JobFailedError, Retry, Taskora, chain
from taskora.cli.main import cli
from taskora.dead_letters import FailureGroup
from taskora.lua import load


@contextlib.contextmanager
def opened(url: str, prefix: str) -> Generator[Taskora]:
    app = Taskora(url, prefix=prefix)
    try:
        yield app
    finally:
        app.close()


class World:
    """Handlers that fail until they are mended."""

    def __init__(self, url: str, prefix: str) -> None:
        self.app = Taskora(url, prefix=prefix)
        self.broken = True

        @self.app.task("charge", retry=Retry(attempts=2, delay="1ms"), concurrency=20)
        async def charge(n: int) -> int:
            if self.broken:
                raise ValueError(f"no account {n}")
            return n

        @self.app.task("notify")
        async def notify(n: int, ctx: Context) -> int:
            if self.broken:
                raise KeyError(n)
            return ctx.attempt

        self.charge, self.notify = charge, notify

    async def fail(self, charges: int, notes: int = 0) -> list[str]:
        handles = await self.charge.dispatch_many(list(range(charges)))
        others = await self.notify.dispatch_many(list(range(notes)))
        for handle in [*handles, *others]:
            with pytest.raises(JobFailedError):
                await handle.result_async(30)
        return [handle.id for handle in [*handles, *others]]


@contextlib.asynccontextmanager
async def working(url: str, prefix: str) -> AsyncGenerator[World]:
    world = World(url, prefix)
    await world.app.start()
    try:
        yield world
    finally:
        await world.app.close_async(0)


async def test_a_retried_job_runs_again_with_all_its_attempts(server: Server, url: str, prefix: str) -> None:
    async with working(url, prefix) as world:
        (job_id,) = await world.fail(1)
        letters = world.app.dead_letters
        (job,) = await letters.list_async()
        assert (job.id, job.attempt, job.error) == (job_id, 2, "no account 0")
        world.broken = False
        assert await letters.retry_async(job_id)
        assert await world.charge.handle(job_id).result_async(30) == 0
        done = await world.app.inspect().find_async(job_id)
        assert done is not None
        assert (done.attempt, done.error) == (1, None)
        assert not await letters.retry_async(job_id)
        assert await letters.list_async() == []


async def test_a_job_is_retried_by_its_task_too(server: Server, url: str, prefix: str) -> None:
    async with working(url, prefix) as world:
        (job_id,) = await world.fail(1)
        letters = world.app.dead_letters
        world.broken = False
        assert not await letters.retry_async(world.notify, job_id)
        assert not await letters.retry_async("charge", "nobody")
        assert await letters.retry_async(world.charge, job_id)


async def test_all_are_retried_in_several_calls_and_each_once(server: Server, url: str, prefix: str) -> None:
    async with working(url, prefix) as world:
        await world.fail(130, 2)
        world.broken = False
        assert await world.app.dead_letters.retry_all_async("charge") == 130
        assert await world.app.dead_letters.retry_all_async() == 2
        assert await world.app.dead_letters.retry_all_async() == 0

        async def all_done() -> bool:
            return (await world.app.inspect().stats_async()).completed >= 100

        await wait_until_async(all_done, 30)


async def test_what_fails_again_at_once_is_not_retried_for_ever(server: Server, url: str, prefix: str) -> None:
    async with working(url, prefix) as world:
        await world.fail(110)
        assert await world.app.dead_letters.retry_all_async() == 110


async def test_failures_are_grouped_by_what_their_messages_share(server: Server, url: str, prefix: str) -> None:
    async with working(url, prefix) as world:
        ids = await world.fail(3, 1)
        charges, notes = await world.app.dead_letters.groups_async()
        assert (charges.task, charges.error_type, charges.fingerprint) == ("charge", "ValueError", "no account #")
        assert (charges.count, notes.count) == (3, 1)
        assert charges.newest_id in ids
        assert charges.newest_error.startswith("no account ")
        assert charges.first_seen <= charges.last_seen <= datetime.now(UTC) + timedelta(seconds=5)
        assert [group.task for group in await world.app.dead_letters.groups_async(world.notify)] == ["notify"]


async def test_the_workflow_of_a_retried_job_stays_ended(server: Server, url: str, prefix: str) -> None:
    async with working(url, prefix) as world:
        handle = await chain(world.charge.s(7), world.notify.s()).dispatch()
        with pytest.raises(JobFailedError):
            await handle.result_async(30)
        (job,) = await world.app.dead_letters.list_async()
        assert job.workflow_id == handle.workflow_id
        world.broken = False
        assert await world.app.dead_letters.retry_async(job.id)
        assert await world.charge.handle(job.id).result_async(30) == 7
        assert await handle.state_async() == "failed"
        assert (await world.app.inspect().stats_async("notify")).waiting == 0


def test_plain_code_has_the_same_and_a_cancelled_job_can_be_retried(server: Server, url: str, prefix: str) -> None:
    with opened(url, prefix) as app:
        task = app.task("a", lambda: None)
        handle = task.dispatch(delay="1h")
        handle.cancel("mistake")
        letters = app.dead_letters
        assert letters.list() == []
        assert letters.groups() == []
        assert letters.retry(handle.id)
        assert handle.state() == "waiting"
        assert not letters.retry(handle.id)
        assert letters.retry_all() == 0


async def test_plain_forms_are_refused_on_a_loop(server: Server, url: str, prefix: str) -> None:
    letters = Taskora(url, prefix=prefix).dead_letters
    for call in (letters.list, letters.retry_all, letters.groups):
        with pytest.raises(RuntimeError, match=f"await {call.__name__}_async"):
            call()


def test_ended_jobs_are_removed_by_the_inspector(server: Server, url: str, prefix: str) -> None:
    with opened(url, prefix) as app:
        task = app.task("a", lambda: None)
        for handle in task.dispatch_many([None] * 3):
            handle.cancel()
        inspector, now = app.inspect(), datetime.now(UTC) + timedelta(seconds=5)
        assert inspector.clean("a", "cancelled", now - timedelta(hours=1)) == 0
        assert inspector.clean("a", "failed", now) == 0
        assert inspector.clean("a", "cancelled", now, 2) == 2
        assert inspector.clean("a", "cancelled", now) == 1
        assert inspector.cancelled() == []
        for state, before, limit in (("active", now, 1), ("done", now, 1), ("failed", datetime(2026, 1, 1), 1),  # noqa: DTZ001
                                     ("failed", now, 0)):  # fmt: skip
            with pytest.raises(ConfigError):
                inspector.clean("a", state, before, limit)


def test_the_keys_of_a_task_are_measured(server: Server, url: str, prefix: str) -> None:
    with opened(url, prefix) as app:
        task = app.task("a", lambda: None)
        task.dispatch_many([None] * 3)
        keys = {key.name: key for key in app.inspect().keys("a")}
        assert (keys["wait"].count, keys["events"].count, keys["failed"].count) == (3, 3, 0)
        assert keys["wait"].memory > 0
        assert keys["failed"].memory == 0


def dlq(url: str, prefix: str, *words: str) -> Result:
    return CliRunner().invoke(cli, ["dlq", *words, "--url", url, "--prefix", prefix], standalone_mode=False)


def test_the_command_lists_groups_and_retries(server: Server, url: str, prefix: str) -> None:
    async def fail() -> list[str]:
        async with working(url, prefix) as world:
            return await world.fail(2, 1)

    ids = asyncio.run(fail())
    listed = json.loads(dlq(url, prefix, "list", "--json").stdout)
    assert {job["id"] for job in listed} == set(ids)
    assert "no account 0" in dlq(url, prefix, "list", "charge").stdout
    group, other = json.loads(dlq(url, prefix, "groups", "--json").stdout)
    assert set(group) == set(FailureGroup.__dataclass_fields__)
    assert (group["count"], group["fingerprint"], other["task"]) == (2, "no account #", "notify")
    assert "no account #" in dlq(url, prefix, "groups").stdout

    assert "queued again" in dlq(url, prefix, "retry", ids[0]).stdout
    again = dlq(url, prefix, "retry", ids[0], "--json")
    assert (json.loads(again.stdout), again.return_value) == ({"id": ids[0], "task": "charge", "retried": False}, 1)
    assert type(dlq(url, prefix, "retry", "nobody").exception).__name__ == "JobNotFoundError"
    assert json.loads(dlq(url, prefix, "retry-all", "charge", "--json").stdout) == {"task": "charge", "retried": 1}
    assert dlq(url, prefix, "retry-all").stdout == "1 job is queued again\n"
    assert "did you mean 'charge'" in str(dlq(url, prefix, "list", "charg").exception)


def test_a_call_that_is_repeated_after_a_lost_reply_answers_as_the_first_did(
    server: Server, url: str, prefix: str
) -> None:
    with opened(url, prefix) as app:
        handle = app.task("a", lambda: None).dispatch()
        handle.cancel()
        base = app.adapter.keys.task("a")

        def send(script: str, number: int, *args: str) -> str:
            return server.command("EVAL", load(script).source, "1", base, "producer", str(number), *args)

        first = send("requeue", 1, "1", "0", handle.id)
        assert first.partition("\r\n")[2].startswith("1,0,")
        assert send("requeue", 1, "1", "0", handle.id) == first
        assert ",0," in send("requeue", 2, "1", "0", handle.id)
        assert app.inspect().stats("a").waiting == 1

        handle.cancel()
        removed = send("clean", 3, "cancelled", str(2**44), "10")
        assert removed == "$1\r\n1\r\n"
        assert send("clean", 3, "cancelled", str(2**44), "10") == removed
