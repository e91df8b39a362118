"""A dispatch stores its job once, tells when it could not, and is never silently lost."""

import asyncio
import contextlib
import logging
import math
import time
from typing import Any

import pytest

from integration.adapter.proxy import CuttingProxy
from integration.engine.kit import Engine, echo_of, open_app, working
from support import Server, wait_until_async
from taskora import AdapterError, ConfigError, Job, SerializationError, Taskora, ValidationError
from taskora.task import Task


@pytest.fixture
def echo(app: Taskora) -> Task[int, int]:
    @app.task("echo", concurrency=20)
    async def echo(n: int) -> int:
        return n

    return echo


def test_in_plain_code_the_job_is_stored_on_return(engine: Engine, echo: Task[int, int]) -> None:
    handle = echo.dispatch(1)
    assert handle.enqueued is True
    assert handle.existing_id is None
    assert engine.hash("echo", handle.id)["data"] == "1"
    assert handle.state() == "waiting"


async def test_on_a_loop_dispatch_returns_at_once_and_a_tick_shares_one_call(
    engine: Engine, app: Taskora, echo: Task[int, int]
) -> None:
    async with open_app(app):
        await echo.dispatch(0)
        engine.reset_calls()
        handles = [echo.dispatch(n) for n in range(100)]
        assert [handle.enqueued for handle in handles] == [None] * 100
        for handle in handles:
            assert await handle is handle
        assert [handle.enqueued for handle in handles] == [True] * 100
        assert engine.calls("evalsha") == 1
        assert [engine.hash("echo", handle.id)["data"] for handle in handles] == [str(n) for n in range(100)]


async def test_jobs_run_in_the_order_of_their_dispatch(app: Taskora) -> None:
    order: list[int] = []

    @app.task("ordered")
    async def ordered(n: int) -> None:
        order.append(n)

    async with open_app(app):
        await ordered.dispatch_many(range(600))
        for n in range(600, 700):
            ordered.dispatch(n)
        async with working(app):
            await wait_until_async(lambda: len(order) == 700)
    assert order == list(range(700))


async def test_dispatch_many_keeps_each_jobs_own_options(engine: Engine, app: Taskora, echo: Task[int, int]) -> None:
    async with open_app(app):
        await echo.dispatch(0, job_id="taken")
        many = await echo.dispatch_many(
            [1, Job(2, delay=60), Job(3, priority=7), Job(4, ttl="1h"), Job(5, job_id="mine"), Job(6, job_id="taken")]
        )
        states = [str(await handle.state_async()) for handle in many]
    assert states == ["waiting", "delayed", "waiting", "waiting", "waiting", "waiting"]
    assert [handle.enqueued for handle in many] == [True] * 5 + [False]
    assert [handle.existing_id for handle in many] == [None] * 5 + ["taken"]
    assert engine.hash("echo", many[2].id)["priority"] == "7"
    assert "expireAt" in engine.hash("echo", many[3].id)
    assert engine.hash("echo", "mine")["data"] == "5"
    assert engine.hash("echo", "taken")["data"] == "0"


def test_a_given_id_makes_dispatch_idempotent(echo: Task[int, int]) -> None:
    first, second = echo.dispatch(1, job_id="order-7"), echo.dispatch(2, job_id="order-7")
    assert (first.enqueued, first.existing_id) == (True, None)
    assert (second.enqueued, second.existing_id) == (False, "order-7")
    assert second.id == "order-7"


async def test_a_given_id_stays_taken_once_its_job_has_ended(app: Taskora, echo: Task[int, int]) -> None:
    async with working(app):
        assert await echo.dispatch(1, job_id="order-7").result_async(5) == 1
        again = await echo.dispatch(2, job_id="order-7")
        assert again.enqueued is False
        assert await again.result_async(5) == 1


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("priority", {"priority": 901}), ("priority", {"priority": -1}), ("priority", {"priority": 1.5}),
    ("priority", {"priority": "1"}), ("delay", {"delay": -1}), ("delay", {"delay": "soon"}), ("delay", {"delay": ""}),
    ("delay", {"delay": None}), ("delay", {"delay": math.inf}), ("ttl", {"ttl": 0}), ("ttl", {"ttl": -5}),
    ("ttl", {"ttl": "x"}), ("job_id", {"job_id": ""}), ("job_id", {"job_id": "a b"}), ("job_id", {"job_id": "wait"}),
    ("job_id", {"job_id": 7}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "options"), WRONG, ids=repr)
def test_a_wrong_option_is_refused_at_the_call_and_named_first(
    engine: Engine, echo: Task[int, int], field: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=f"^{field}"):
        echo.dispatch(1, **options)
    assert not engine.raw.keys("*echo*")


def test_what_cannot_be_stored_is_refused_at_the_call(engine: Engine) -> None:
    app = engine.app(max_payload=100)
    anything = echo_of(app, "any")
    for data in (math.nan, [1, math.inf], object(), {1, 2}, {"deep": [{"x": object()}]}, "half \udc00"):
        with pytest.raises(SerializationError):
            anything.dispatch(data)
    with pytest.raises(SerializationError, match=r"'any'.*102 bytes.*max_payload is 100"):
        anything.dispatch("x" * 100)
    assert not engine.raw.keys("*any*")


def test_one_wrong_payload_stores_none_of_a_dispatch_many(engine: Engine, echo: Task[int, int]) -> None:
    with pytest.raises(ValidationError) as raised:
        echo.dispatch_many([1, "two"])  # type: ignore[list-item]  # on purpose
    assert raised.value.issues
    assert not engine.raw.keys("*echo*")


async def test_a_dispatch_without_a_server_fails_on_await_within_5_s_and_is_logged_when_nobody_awaits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server("redis").start()
    app = Taskora(server.url)
    echo = echo_of(app, "echo")
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(server.close)
        await stack.enter_async_context(open_app(app))
        await echo.dispatch(0)
        server.kill()
        started_s = time.monotonic()
        awaited, _ = echo.dispatch(1), echo.dispatch(2)
        with pytest.raises(AdapterError, match="server"):
            await awaited
        assert 3 < time.monotonic() - started_s < 6
        with pytest.raises(AdapterError):
            await awaited
        server.start()
        assert (await echo.dispatch(3)).enqueued
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "1 jobs of task 'echo' could not be dispatched, and nobody awaits it" in record.getMessage()


def test_a_dispatch_in_plain_code_outlives_a_restart_of_the_server(server: Server, echo: Task[int, int]) -> None:
    echo.dispatch(0)
    server.restart()
    assert echo.dispatch(1).enqueued


@pytest.mark.parametrize("given", [None, "mine"])
def test_a_reply_lost_on_the_way_leaves_one_job_and_true(server: Server, engine: Engine, given: str | None) -> None:
    with CuttingProxy(server.socket_path) as proxy:
        app = engine.app(proxy.url)
        task = echo_of(app, "once")
        task.dispatch(0)
        proxy.cut("EVALSHA")
        handle = task.dispatch(1, job_id=given)
        assert proxy.cuts == 1
        assert handle.enqueued is True
        assert engine.raw.llen(engine.key("once", "wait")) == 2
        app.close()


async def test_a_reply_lost_on_a_loop_leaves_each_job_once(server: Server, engine: Engine) -> None:
    with CuttingProxy(server.socket_path) as proxy:
        app = engine.app(proxy.url)
        task = echo_of(app, "once")
        async with open_app(app):
            await task.dispatch(0)
            proxy.cut("EVALSHA")
            handles = [task.dispatch(n) for n in range(50)]
            for handle in handles:
                await handle
        assert proxy.cuts == 1
        assert [handle.enqueued for handle in handles] == [True] * 50
        assert engine.raw.llen(engine.key("once", "wait")) == 51


async def test_what_a_handler_dispatches_without_awaiting_is_stored_before_its_job_ends(
    engine: Engine, app: Taskora
) -> None:
    child = echo_of(app, "child")

    @app.task("parent")
    async def parent(n: int) -> str:
        return child.dispatch(n, delay=60).id

    async with working(app):
        ids = [await handle.result_async(5) for handle in await parent.dispatch_many(range(20))]
        assert all(engine.hash("child", job_id) for job_id in ids)


async def test_closing_sends_what_was_not_awaited(engine: Engine, app: Taskora, echo: Task[int, int]) -> None:
    handles = [echo.dispatch(n) for n in range(3)]
    await app.close_async()
    assert [handle.enqueued for handle in handles] == [True] * 3
    assert engine.raw.llen(engine.key("echo", "wait")) == 3


def test_a_loop_that_ends_right_after_a_dispatch_has_stored_it(
    server: Server, engine: Engine, app: Taskora, echo: Task[int, int]
) -> None:
    async def hurry(steps: int) -> list[str]:
        ids = [echo.dispatch(n).id for n in range(3)]
        for _ in range(steps):
            await asyncio.sleep(0)
        return ids

    app.connect()
    for steps in range(4):
        ids = asyncio.run(hurry(steps))
        assert all(engine.hash("echo", job_id) for job_id in ids)
    assert engine.raw.llen(engine.key("echo", "wait")) == 12
    assert not app.outbox._unsent  # pyright: ignore[reportPrivateUsage]
    assert server.client_count() <= 2


def test_a_loop_whose_tasks_are_cancelled_before_they_began_has_stored_its_dispatches(
    engine: Engine, echo: Task[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    async def hurry() -> list[str]:
        ids = [echo.dispatch(n).id for n in range(3)]
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return ids

    assert all(engine.hash("echo", job_id) for job_id in asyncio.run(hurry()))
    assert "3 dispatches were not sent when their event loop ended" in caplog.text


async def test_blocking_methods_on_a_loop_name_their_async_twin(app: Taskora, echo: Task[int, int]) -> None:
    async with open_app(app):
        handle = await echo.dispatch(1)
        for name in ("result", "state", "progress", "logs", "info", "cancel"):
            with pytest.raises(RuntimeError, match=rf"await handle\.{name}_async\(\)"):
                getattr(handle, name)()
        for name in ("connect", "close"):
            with pytest.raises(RuntimeError, match=rf"await {name}_async\(\)"):
                getattr(app, name)()
        with pytest.raises(RuntimeError, match=r"await start\(\)"):
            app.run()
