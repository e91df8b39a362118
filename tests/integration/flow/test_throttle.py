"""So many dispatches of a key are accepted in a window."""

import asyncio

import pytest

from integration.engine.kit import Engine, echo_of, open_app, working
from support import wait_until_async
from taskora import Taskora, Throttle, ThrottledError
from taskora.handle import ResultHandle


async def test_what_exceeds_the_window_is_refused_and_its_handle_says_so(any_app: Taskora) -> None:
    task = echo_of(any_app)
    async with working(any_app):
        handles = [task.dispatch(n, throttle=Throttle("api", 3, "1m")) for n in range(5)]
        for handle in handles:
            await handle
        assert [handle.enqueued for handle in handles] == [True, True, True, False, False]
        assert [await handle.result_async(5) for handle in handles[:3]] == [0, 1, 2]
        assert handles[3].existing_id is None
        with pytest.raises(ThrottledError) as caught:
            await handles[3].result_async(5)
        assert (caught.value.key, caught.value.task, caught.value.job_id) == ("api", "idle", handles[3].id)


async def test_raise_on_reject_raises_from_await_on_a_loop_and_at_the_call_in_plain_code(any_app: Taskora) -> None:
    task = echo_of(any_app)
    full = Throttle("api", 1, "1m")

    def in_plain_code() -> ResultHandle[object]:
        return task.dispatch(3, throttle=full, raise_on_reject=True)

    async with open_app(any_app):
        await task.dispatch(1, throttle=full, raise_on_reject=True)
        refused = task.dispatch(2, throttle=full, raise_on_reject=True)
        with pytest.raises(ThrottledError):
            await refused
        with pytest.raises(ThrottledError):
            await asyncio.to_thread(in_plain_code)
        await asyncio.to_thread(any_app.close)


async def test_a_refusal_that_was_to_raise_and_that_nobody_awaits_is_logged(
    any_app: Taskora, caplog: pytest.LogCaptureFixture
) -> None:
    task = echo_of(any_app)
    async with open_app(any_app):
        task.dispatch(1, throttle=Throttle("api", 1, "1m"), raise_on_reject=True)
        task.dispatch(2, throttle=Throttle("api", 1, "1m"), raise_on_reject=True)
        await wait_until_async(lambda: "nobody awaits" in caplog.text)
    assert caplog.text.count("nobody awaits") == 1
    assert "'idle'" in caplog.text


async def test_w32_a_window_begins_with_its_first_dispatch_and_is_fixed(any_app: Taskora) -> None:
    """W32: around a window's end up to twice as many pass; the shared counter knows no sliding window."""
    task = echo_of(any_app)
    async with open_app(any_app):
        rule = Throttle("api", 2, "300ms")
        first = [await task.dispatch(n, throttle=rule) for n in range(3)]

        async def accepted() -> bool:
            return bool((await task.dispatch(9, throttle=rule)).enqueued)

        await wait_until_async(accepted, 2.0)
        assert [handle.enqueued for handle in first] == [True, True, False]
        assert (await task.dispatch(9, throttle=rule)).enqueued
        assert not (await task.dispatch(9, throttle=rule)).enqueued


async def test_the_counter_is_shared_with_the_other_side(engine: Engine, app: Taskora) -> None:
    engine.raw.set(engine.key("idle", "throttle:api"), "4", px=60_000)
    task = echo_of(app)
    async with open_app(app):
        assert (await task.dispatch(1, throttle=Throttle("api", 5, "1s"))).enqueued
        assert not (await task.dispatch(1, throttle=Throttle("api", 5, "1s"))).enqueued
    assert engine.raw.get(engine.key("idle", "throttle:api")) == "5"
    assert 50_000 < engine.raw.pttl(engine.key("idle", "throttle:api")) <= 60_000


async def test_other_options_of_the_job_hold(engine: Engine, app: Taskora) -> None:
    task = echo_of(app)
    async with open_app(app):
        handle = await task.dispatch(1, throttle=Throttle("api", 5, "1s"), delay="1m", priority=7, ttl="1h")
    stored = engine.hash("idle", handle.id)
    assert (stored["state"], stored["priority"], stored["delay"]) == ("delayed", "7", "60000")
    assert int(stored["expireAt"]) - int(stored["ts"]) == 3_600_000
