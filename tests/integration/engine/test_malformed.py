"""What anybody may write under our keys costs one job, with a message that says why, and never the worker."""

import asyncio
import json
import time

import pytest

from integration.engine.kit import Engine, error_of, open_app, working
from support import wait_until_async
from taskora import JobFailedError, Taskora
from taskora.task import Task

GOOD = {"data": "1", "ts": "1700000000000", "_v": "1", "attempt": "1", "maxAttempts": "1", "state": "waiting"}
BROKEN: dict[str, tuple[dict[str, str], str, str]] = {
    "data is not JSON": ({"data": "{oops"}, "SerializationError", "not JSON"),
    "data is another type": ({"data": '"text"'}, "ValidationError", "input of task 'plus'"),
    "data is missing": ({"data": ""}, "SerializationError", "has no payload stored"),
    "no version": ({"_v": ""}, "ValidationError", "version 0"),
    "version is no number": ({"_v": "abc"}, "ValidationError", "version 0"),
    "version 0": ({"_v": "0"}, "ValidationError", "version 0"),
    "version is negative": ({"_v": "-3"}, "ValidationError", "version -3"),
}


@pytest.fixture
def plus(app: Taskora) -> Task[int, int]:
    @app.task("plus", concurrency=3)
    async def plus(n: int) -> int:
        return n + 1

    return plus


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_malformed_job_fails_and_says_why(
    engine: Engine, app: Taskora, plus: Task[int, int], kind: str
) -> None:
    changes, error_type, message = BROKEN[kind]
    fields = {name: value for name, value in (GOOD | changes).items() if value}
    async with working(app):
        broken = plus.handle(engine.put_raw("plus", fields))
        error = await error_of(broken)
        assert isinstance(error, JobFailedError)
        assert error.error_type == error_type
        assert message in str(error)
        assert await plus.dispatch(1).result_async(5) == 2


@pytest.mark.parametrize(
    "changes",
    [{"attempt": "x"}, {"ts": "never"}, {"maxAttempts": "many"}, {"expireAt": "?"}, {"priority": "high"}],
    ids=str,
)
async def test_a_broken_field_that_says_nothing_of_the_payload_does_not_stop_the_job(
    engine: Engine, app: Taskora, plus: Task[int, int], changes: dict[str, str]
) -> None:
    async with working(app):
        handle = plus.handle(engine.put_raw("plus", GOOD | changes))
        assert await handle.result_async(5) == 2


async def test_an_id_without_a_job_is_dropped(engine: Engine, app: Taskora, plus: Task[int, int]) -> None:
    async with working(app):
        for job_id in ("", "half a 漢", "x" * 5000):
            engine.put_raw("plus", {}, job_id)
        assert await plus.dispatch(1).result_async(5) == 2
        await wait_until_async(lambda: not engine.raw.llen(engine.key("plus", "wait")))
        assert not engine.raw.llen(engine.key("plus", "active"))


async def test_an_id_that_is_no_text_does_not_stop_the_worker(
    engine: Engine, app: Taskora, plus: Task[int, int]
) -> None:
    async with working(app):
        engine.raw.lpush(engine.key("plus", "wait"), b"\xff\xfe")
        engine.raw.hset(engine.key("plus", "").encode() + b"\xff\xfe", mapping=GOOD)
        engine.raw.zadd(engine.key("plus", "marker"), {"0": 0})
        for n in range(5):
            assert await plus.dispatch(n).result_async(5) == n + 1


async def test_a_job_whose_key_holds_something_else_costs_no_other(
    engine: Engine, app: Taskora, plus: Task[int, int]
) -> None:
    async with open_app(app):
        others = await plus.dispatch_many(range(5))
    engine.raw.set(engine.key("plus", "wrong"), "a string")
    engine.put_raw("plus", {}, "wrong")
    async with working(app):
        assert [await handle.result_async(2) for handle in others] == [1, 2, 3, 4, 5]
        assert await plus.dispatch(1).result_async(5) == 2


async def test_a_newer_payload_is_left_for_another_worker_uncharged_and_without_a_loop(
    engine: Engine, app: Taskora, plus: Task[int, int]
) -> None:
    async with working(app):
        newer = plus.handle(engine.put_raw("plus", GOOD | {"_v": "2"}))

        async def deferred() -> bool:
            return await newer.state_async() == "delayed"

        await wait_until_async(deferred)
        assert await plus.dispatch(1).result_async(5) == 2
        assert engine.hash("plus", newer.id)["attempt"] == "1"
        assert engine.events("plus", newer.id).count("active") == 1


async def test_garbage_in_the_cancel_channel_is_ignored(engine: Engine, app: Taskora, plus: Task[int, int]) -> None:
    async with working(app):
        for message in (b"", b"\xff", b"nobody", json.dumps({"a": 1}).encode()):
            engine.raw.publish(engine.key("plus", "cancel"), message)
        assert await plus.dispatch(1).result_async(5) == 2


async def test_a_torrent_of_malformed_jobs_does_not_slow_the_good_ones(
    engine: Engine, app: Taskora, plus: Task[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "taskora.worker")
    async with open_app(app):
        await app.connect_async()
    for _ in range(200):
        engine.put_raw("plus", GOOD | {"data": "{"})
    async with working(app):
        started_s = time.monotonic()
        handles = await plus.dispatch_many(range(50))
        await asyncio.gather(*(handle.result_async(10) for handle in handles))
        assert time.monotonic() - started_s < 3
