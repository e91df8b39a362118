"""A dispatch is refused while another job holds its key."""

import asyncio

import pytest

from integration.engine.kit import Engine, echo_of, ended, gated, open_app, state_is, working
from support import wait_until_async
from taskora import Deduplicate, DuplicateJobError, Retry, RetryError, Taskora
from taskora.handle import ResultHandle


async def test_a_duplicate_follows_the_job_that_holds_the_key(any_app: Taskora) -> None:
    task, gate, _ = gated(any_app)
    async with working(any_app):
        first = await task.dispatch(1, deduplicate=Deduplicate("report"))
        second = await task.dispatch(2, deduplicate=Deduplicate("report"))
        other = await task.dispatch(3, deduplicate=Deduplicate("another"))
        assert (first.enqueued, second.enqueued, other.enqueued) == (True, False, True)
        assert (second.existing_id, first.existing_id) == (first.id, None)
        assert second.id != first.id
        gate.set()
        assert [await first.result_async(5), await second.result_async(5)] == [1, 1]
        assert (await second.info_async()).id == first.id


@pytest.mark.parametrize("ending", ["completed", "failed", "cancelled"])
async def test_w26_a_key_dies_with_its_job(engine: Engine, app: Taskora, ending: str) -> None:
    """W26: whatever the end, no key stays behind."""

    @app.task("report")
    async def report(how: str) -> None:
        if how == "failed":
            raise ValueError(how)

    async with open_app(app):
        first = await report.dispatch(ending, deduplicate=Deduplicate("report"))
        assert engine.raw.get(engine.key("report", "dedup:report")) == first.id
        if ending == "cancelled":
            await first.cancel_async()
    async with working(app):
        assert await ended(first) == ending
        assert engine.raw.exists(engine.key("report", "dedup:report")) == 0
        assert (await report.dispatch("completed", deduplicate=Deduplicate("report"))).enqueued


async def test_w26_an_expired_job_gives_its_key_up(any_app: Taskora) -> None:
    """W26."""
    task = echo_of(any_app)
    async with working(any_app):
        await task.dispatch(1, deduplicate=Deduplicate("report"), ttl="1ms", delay="2ms")

        async def free() -> bool:
            return bool((await task.dispatch(2, deduplicate=Deduplicate("report"))).enqueued)

        await wait_until_async(free, 5.0)


async def test_w25_a_job_between_two_attempts_holds_its_key(any_app: Taskora) -> None:
    """W25."""
    ran: list[int] = []

    @any_app.task("flaky", retry=Retry(attempts=2, delay="200ms", jitter=False))
    async def flaky(n: int) -> int:
        ran.append(n)
        if len(ran) == 1:
            raise RetryError
        return n

    async with working(any_app):
        first = await flaky.dispatch(1, deduplicate=Deduplicate("report"))
        await state_is(first, "retrying")
        second = await flaky.dispatch(2, deduplicate=Deduplicate("report"))
        assert (second.enqueued, second.existing_id) == (False, first.id)
        assert await second.result_async(5) == 1
    assert ran == [1, 1]


async def test_w25_a_job_that_ends_leaves_the_key_of_another_alone(any_app: Taskora) -> None:
    """W25: the first ends while the second holds the key."""
    task, gate, runs = gated(any_app, concurrency=2)
    waiting = Deduplicate("report", while_=("waiting", "delayed"))
    async with working(any_app):
        first = await task.dispatch(1, deduplicate=waiting)
        await wait_until_async(lambda: len(runs) == 1)
        second = await task.dispatch(2, deduplicate=waiting, delay="1h")
        assert second.enqueued
        gate.set()
        assert await first.result_async(5) == 1
        third = await task.dispatch(3, deduplicate=waiting)
        assert (third.enqueued, third.existing_id) == (False, second.id)


async def test_raise_on_reject_names_the_job_that_holds_the_key(any_app: Taskora) -> None:
    task = echo_of(any_app)

    def in_plain_code() -> ResultHandle[object]:
        return task.dispatch(3, deduplicate=Deduplicate("report"), raise_on_reject=True)

    async with open_app(any_app):
        first = await task.dispatch(1, deduplicate=Deduplicate("report"))
        with pytest.raises(DuplicateJobError) as caught:
            await task.dispatch(2, deduplicate=Deduplicate("report"), raise_on_reject=True)
        assert (caught.value.key, caught.value.existing_id) == ("report", first.id)
        with pytest.raises(DuplicateJobError):
            await asyncio.to_thread(in_plain_code)
        await asyncio.to_thread(any_app.close)


async def test_a_key_of_the_other_side_is_understood(engine: Engine, app: Taskora) -> None:
    theirs = engine.put_raw(
        "idle", {"ts": "1", "_v": "1", "attempt": "1", "state": "waiting", "priority": "0", "data": "1",
                 "dedupKey": engine.key("idle", "dedup:report")},
    )  # fmt: skip
    engine.raw.set(engine.key("idle", "dedup:report"), theirs)
    task = echo_of(app)
    async with open_app(app):
        handle = await task.dispatch(2, deduplicate=Deduplicate("report"))
        assert (handle.enqueued, handle.existing_id) == (False, theirs)
    async with working(app):
        assert await handle.result_async(5) == 1
        assert (await task.dispatch(2, deduplicate=Deduplicate("report"))).enqueued


async def test_of_many_dispatches_at_the_same_time_one_is_accepted(engine: Engine) -> None:
    apps = [engine.app() for _ in range(8)]
    tasks = [echo_of(app) for app in apps]

    def dispatch(at: int) -> bool | None:
        return tasks[at % 8].dispatch(at, deduplicate=Deduplicate("report")).enqueued

    accepted = await asyncio.gather(*(asyncio.to_thread(dispatch, at) for at in range(64)))
    assert accepted.count(True) == 1
