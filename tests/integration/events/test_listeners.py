"""Listeners of tasks, of the application and of the worker, on a real server."""

import asyncio
import logging
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from integration.engine.kit import PATIENCE_S, Engine, ended, gated, open_app, state_is, working
from support import Server, wait_until_async
from taskora import (
    ActiveEvent,
    CancelledEvent,
    CompletedEvent,
    ConfigError,
    Context,
    ExpiredEvent,
    FailedEvent,
    JobEvent,
    ProgressEvent,
    Retry,
    RetryingEvent,
    StalledEvent,
    Taskora,
    define_task,
)
from taskora.model import Want

NAMES = ("completed", "failed", "retrying", "progress", "active", "stalled", "cancelled", "expired")


def collect(app: Taskora, *names: str) -> list[Any]:
    """Listens for events of all tasks; the list gets them as they come."""
    found: list[Any] = []
    on: Any = app.on
    for name in names or NAMES:
        on(f"task:{name}", found.append)
    return found


async def test_a_job_that_succeeds_tells_what_belongs_to_it(app: Taskora) -> None:
    events = collect(app)

    @app.task("add-up")
    async def add_up(numbers: list[int], ctx: Context) -> float:
        ctx.progress({"done": 50})
        await asyncio.sleep(0.02)
        return float(sum(numbers))

    async with working(app):
        handle = await add_up.dispatch([1, 2])
        await handle.result_async(PATIENCE_S)
    active, progress, completed = events
    assert active == ActiveEvent(task="add-up", id=handle.id, attempt=1)
    assert progress == ProgressEvent(task="add-up", id=handle.id, progress={"done": 50})
    assert isinstance(completed, CompletedEvent)
    assert (completed.id, completed.result, completed.attempt) == (handle.id, 3.0, 1)
    assert type(completed.result) is float
    assert 0.015 <= completed.duration < 5


async def test_each_failed_run_is_told_with_its_own_attempt_and_error(app: Taskora) -> None:
    events = collect(app, "active", "failed", "retrying")

    @app.task(retry=Retry(attempts=3, backoff="fixed", delay="10ms", jitter=False))
    async def shaky(n: int, ctx: Context) -> int:
        raise ValueError(f"error {ctx.attempt}")

    before = datetime.now(UTC)
    async with working(app):
        handle = await shaky.dispatch(1)
        assert await ended(handle) == "failed"
    assert [event for event in events if isinstance(event, FailedEvent)] == [
        FailedEvent(task="shaky", id=handle.id, error=f"error {n}", attempt=n, will_retry=n < 3) for n in (1, 2, 3)
    ]
    assert [event.attempt for event in events if isinstance(event, ActiveEvent)] == [1, 2, 3]
    retries = [event for event in events if isinstance(event, RetryingEvent)]
    assert [(each.attempt, each.next_attempt, each.error) for each in retries] == [(1, 2, "error 1"), (2, 3, "error 2")]
    assert all(before <= each.next_attempt_at <= datetime.now(UTC) for each in retries)


async def test_events_carry_what_was_true_when_they_happened_however_late_they_are_read(app: Taskora) -> None:
    seen: list[FailedEvent] = []

    @app.on("task:failed")
    async def slow(event: FailedEvent) -> None:
        await asyncio.sleep(0.05)
        seen.append(event)

    @app.task(retry=Retry(attempts=4, delay=0))
    async def shaky(n: int, ctx: Context) -> int:
        raise ValueError(f"error {ctx.attempt}")

    async with working(app):
        assert await ended(await shaky.dispatch(1)) == "failed"
    assert [(event.attempt, event.error) for event in seen] == [(n, f"error {n}") for n in (1, 2, 3, 4)]


async def test_cancelled_and_expired_jobs_are_told(app: Taskora) -> None:
    events = collect(app, "cancelled", "expired")
    task, gate, runs = gated(app)
    async with working(app):
        running = await task.dispatch(1)
        await wait_until_async(lambda: runs)
        queued = await task.dispatch(2)
        await queued.cancel_async("not needed")
        brief = await task.dispatch(3, ttl="1ms")
        await running.cancel_async()
        assert await ended(running) == "cancelled"
        assert await ended(brief) == "expired"
        gate.set()
    assert events == [
        CancelledEvent(task="gated", id=queued.id, reason="not needed"),
        CancelledEvent(task="gated", id=running.id, reason=None),
        ExpiredEvent(task="gated", id=brief.id),
    ]


async def test_a_job_whose_worker_vanished_is_told(engine: Engine, app: Taskora) -> None:
    task, gate, _ = gated(app)
    async with open_app(app):
        events = collect(app, "stalled")
        handle = await task.dispatch(1)
        lane = app.adapter.leases.lane("elsewhere:1:a", ["gated"], 30_000, lambda _: ())
        from_other = await lane.step((), [Want("gated", 1)])
        await app.listen()
        engine.raw.delete(f"{engine.key('gated', handle.id)}:lock")
        await app.adapter.house.sweep("gated", 1).run_async()
        await app.adapter.house.sweep("gated", 1).run_async()
        await lane.close()
        await wait_until_async(lambda: events)
    assert len(from_other.jobs) == 1
    assert events == [StalledEvent(task="gated", id=handle.id, count=1, action="recovered")]
    assert not gate.is_set()


async def test_a_listener_of_a_task_is_told_of_that_task_only(app: Taskora) -> None:
    ids: list[str] = []

    @app.task
    async def heard(n: int) -> int:
        return n

    @app.task
    async def unheard(n: int) -> int:
        return n

    @heard.on("completed")
    def remember(event: CompletedEvent) -> None:
        ids.append(event.id)

    async with working(app):
        handle = await heard.dispatch(1)
        for each in (handle, await unheard.dispatch(2)):
            await each.result_async(PATIENCE_S)
    assert ids == [handle.id]
    assert callable(remember)


async def test_a_plain_listener_may_block_and_an_async_one_is_awaited(app: Taskora) -> None:
    threads: list[str] = []

    @app.task
    async def quick(n: int) -> int:
        return n

    @quick.on("completed")
    def blocking(event: CompletedEvent) -> None:
        time.sleep(0.05)
        threads.append(threading.current_thread().name)

    @quick.on("completed")
    async def looped(event: CompletedEvent) -> None:
        await asyncio.sleep(0)
        threads.append(threading.current_thread().name)

    async with working(app):
        await quick.dispatch(1).result_async(PATIENCE_S)
        await wait_until_async(lambda: len(threads) == 2)
    main = threading.main_thread().name
    assert threads[0] == main
    assert threads[1] != main


async def test_events_come_in_order_and_none_is_missed_from_the_start_on(engine: Engine, app: Taskora) -> None:
    producer = engine.app()

    async def echo(n: int) -> int:
        return n

    task, remote = app.task("echo", echo, concurrency=50), producer.task("echo", echo)
    results: list[object] = []
    app.on("task:completed", lambda event: results.append(event.result))
    async with open_app(producer):
        await remote.dispatch_many(range(2000))
        async with working(app):
            await asyncio.gather(*(task.handle(each.id).result_async(PATIENCE_S) for each in [task.dispatch(2000)]))
            await wait_until_async(lambda: len(results) == 2001, 10)
    assert sorted(results, key=repr) == sorted(range(2001), key=repr)


async def test_every_process_that_listens_is_told_also_one_that_does_not_work(engine: Engine, app: Taskora) -> None:
    watcher = engine.app()

    async def echo(n: int) -> int:
        return n

    for each in (app, watcher):
        each.task("echo", echo)
    mine, theirs = collect(app, "completed"), collect(watcher, "completed")
    async with open_app(watcher):
        await watcher.listen()
        async with working(app):
            handle = await app.tasks["echo"].dispatch(5)
            await handle.result_async(PATIENCE_S)
        await wait_until_async(lambda: theirs)
    assert [event.id for event in mine] == [event.id for event in theirs] == [handle.id]


async def test_listeners_of_an_application_are_told_of_the_tasks_whose_contracts_it_registered(engine: Engine) -> None:
    contract = define_task("echo", input=int, output=int)
    worker, producer = engine.app(), engine.app()
    worker.implement(contract, lambda n: n)
    echo = producer.register(contract)
    told = collect(producer, "completed")
    async with open_app(producer):
        await producer.listen()
        async with working(worker):
            handle = await echo.dispatch(5)
            assert await handle.result_async(PATIENCE_S) == 5
        await wait_until_async(lambda: told)
    assert [(event.id, event.result) for event in told] == [(handle.id, 5)]


async def test_a_listener_that_fails_is_logged_and_told_of_the_next(
    app: Taskora, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[object] = []

    @app.task
    async def echo(n: int) -> int:
        return n

    def broken(event: CompletedEvent) -> None:
        seen.append(event.result)
        raise RuntimeError("listener broke")

    async def broken_too(event: CompletedEvent) -> None:
        seen.append(event.result)
        raise RuntimeError("so did this one")

    echo.on("completed", broken)
    echo.on("completed", broken_too)
    async with working(app):
        for n in range(2):
            await echo.dispatch(n).result_async(PATIENCE_S)
    assert seen.count(0) == seen.count(1) == 2
    assert "listener broke" in caplog.text
    assert "so did this one" in caplog.text


async def test_a_slow_listener_holds_up_nobody_else(app: Taskora) -> None:
    gate, quick = asyncio.Event(), list[object]()

    @app.task
    async def echo(n: int) -> int:
        return n

    async def stuck(event: CompletedEvent) -> None:
        await gate.wait()

    echo.on("completed", stuck)
    echo.on("completed", lambda event: quick.append(event.result))
    async with working(app):
        for n in range(3):
            await echo.dispatch(n).result_async(PATIENCE_S)
        await wait_until_async(lambda: quick == [0, 1, 2])
        gate.set()


async def test_who_unsubscribed_is_told_nothing_more(app: Taskora) -> None:
    seen: list[object] = []

    @app.task
    async def echo(n: int) -> int:
        return n

    unsubscribe = echo.on("completed", lambda event: seen.append(event.result))
    async with working(app):
        await echo.dispatch(1).result_async(PATIENCE_S)
        await wait_until_async(lambda: seen)
        unsubscribe()
        unsubscribe()
        await echo.dispatch(2).result_async(PATIENCE_S)
    assert seen == [1]


async def test_who_subscribes_late_is_told_from_then_on(app: Taskora) -> None:
    seen: list[object] = []

    @app.task
    async def echo(n: int) -> int:
        return n

    async with working(app):
        await echo.dispatch(1).result_async(PATIENCE_S)
        echo.on("completed", lambda event: seen.append(event.result))

        async def told() -> bool:
            await echo.dispatch(2).result_async(PATIENCE_S)
            return bool(seen)

        await wait_until_async(told)
    assert set(seen) == {2}


async def test_the_worker_tells_that_it_is_ready_and_that_it_closes(app: Taskora) -> None:
    told: list[str] = []

    @app.task
    async def echo(n: int) -> int:
        return n

    app.on("worker:ready", lambda: told.append("ready"))

    @app.on("worker:closing")
    async def closing() -> None:
        told.append("closing")

    async with working(app):
        await wait_until_async(lambda: told == ["ready"])
    assert told == ["ready", "closing"]


async def test_the_worker_tells_of_its_troubles_and_listeners_survive_them(app: Taskora, server: Server) -> None:
    errors: list[Exception] = []
    results: list[object] = []

    @app.task
    async def echo(n: int) -> int:
        return n

    app.on("worker:error", errors.append)
    echo.on("completed", lambda event: results.append(event.result))
    async with working(app):
        await echo.dispatch(1).result_async(PATIENCE_S)
        await asyncio.to_thread(server.stop)
        await wait_until_async(lambda: errors, 10)
        await asyncio.to_thread(server.start)

        async def works_again() -> bool:
            try:
                return await (await echo.dispatch(2)).result_async(PATIENCE_S) == 2
            except Exception:  # noqa: BLE001 - it is down
                return False

        await wait_until_async(works_again, 20)
        await wait_until_async(lambda: 2 in results, 10)


@pytest.mark.parametrize("listens", ["nobody", "task", "app", "other"])
async def test_the_workers_own_log_of_a_failure_is_for_failures_that_nobody_listens_for(
    app: Taskora, caplog: pytest.LogCaptureFixture, listens: str
) -> None:
    @app.task
    async def broken(n: int) -> int:
        raise ValueError("broken")

    @app.task
    async def other(n: int) -> int:
        return n

    if listens == "task":
        broken.on("failed", lambda event: None)
    elif listens == "app":
        app.on("task:failed", lambda event: None)
    elif listens == "other":
        other.on("failed", lambda event: None)
        broken.on("completed", lambda event: None)
    with caplog.at_level(logging.ERROR, "taskora.worker"):
        async with working(app):
            assert await ended(await broken.dispatch(1)) == "failed"
    assert ("broken" in caplog.text) == (listens in ("nobody", "other"))


async def test_unknown_events_and_what_is_no_function_are_refused(app: Taskora) -> None:
    @app.task
    async def echo(n: int) -> int:
        return n

    on_task: Any = echo.on
    on_app: Any = app.on
    async with open_app(app):
        with pytest.raises(ConfigError, match="no event 'task:completed'; there are: active"):
            on_task("task:completed")
        with pytest.raises(ConfigError, match="no event 'completed'; there are: task:active"):
            on_app("completed", print)
        with pytest.raises(ConfigError, match="no event 'worker:dead'"):
            on_app("worker:dead")
        with pytest.raises(ConfigError, match="expected a function"):
            on_task("completed", 5)


async def test_what_other_implementations_leave_out_of_an_event_is_read_from_the_job(
    engine: Engine, app: Taskora
) -> None:
    @app.task
    async def elsewhere(n: int) -> int:
        return n

    events = collect(app)
    fields: dict[str, str] = {"attempt": "2", "processedOn": "1000", "finishedOn": "1500", "result": "7", "error": "oh"}
    stream = engine.key("elsewhere", "events")
    async with open_app(app):
        await app.listen()
        engine.raw.hset(engine.key("elsewhere", "j1"), mapping=fields)
        for name in ("active", "completed", "failed", "completed"):
            engine.raw.xadd(stream, {"event": name, "jobId": "j1"})
        engine.raw.set(engine.key("elsewhere", "j2"), "not a job")
        engine.raw.xadd(stream, {"event": "failed", "jobId": "j2"})
        engine.raw.xadd(stream, {"event": "of the future", "jobId": "j1"})
        engine.raw.xadd(stream, {"event": "cancelled", "jobId": "j1", "reason": ""})
        await wait_until_async(lambda: len(events) == 6)
    completed = CompletedEvent(task="elsewhere", id="j1", result=7, duration=0.5, attempt=2)
    failed = FailedEvent(task="elsewhere", id="j1", error="oh", attempt=2, will_retry=False)
    expected: list[JobEvent] = [
        ActiveEvent(task="elsewhere", id="j1", attempt=2), completed, failed, completed,
        FailedEvent(task="elsewhere", id="j2", error="Unknown error", attempt=1, will_retry=False),
        CancelledEvent(task="elsewhere", id="j1", reason=None),
    ]  # fmt: skip
    assert sorted(map(repr, events)) == sorted(map(repr, expected))


async def test_a_reader_that_was_overtaken_says_so_once_and_goes_on(
    engine: Engine, app: Taskora, caplog: pytest.LogCaptureFixture
) -> None:
    @app.task
    async def busy(n: int) -> int:
        return n

    count = 0

    async def on_active(event: ActiveEvent) -> None:
        nonlocal count
        count += 1

    busy.on("active", on_active)
    stream = engine.key("busy", "events")
    async with open_app(app):
        engine.raw.xadd(stream, {"event": "active", "jobId": "first", "attempt": 1})
        await app.listen()
        pipeline = engine.raw.pipeline(transaction=False)
        for n in range(25_000):  # while the loop is blocked
            pipeline.xadd(stream, {"event": "active", "jobId": f"j{n}", "attempt": 1}, maxlen=10_000)
        pipeline.execute()
        engine.raw.xadd(stream, {"event": "active", "jobId": "last", "attempt": 1})
        await wait_until_async(lambda: "slower than they come" in caplog.text)
        before = count
        engine.raw.xadd(stream, {"event": "active", "jobId": "later", "attempt": 1})
        await wait_until_async(lambda: count > before, 10)
        await wait_until_async(lambda: count >= 10_000, 10)
    assert caplog.text.count("slower than they come") == 1


async def test_all_listeners_share_one_connection_and_none_is_opened_without_them(engine: Engine, app: Taskora) -> None:
    for name in ("one", "two", "three"):

        async def echo(n: int) -> int:
            return n

        app.task(name, echo)
    async with working(app):
        await state_is(await app.tasks["one"].dispatch(1), "completed")
        assert readers(engine) == 0
        events = collect(app)
        events += collect(app)
        await wait_until_async(lambda: readers(engine) == 1)
        await state_is(await app.tasks["two"].dispatch(1), "completed")
        await wait_until_async(lambda: readers(engine) == 1)


def readers(engine: Engine) -> int:
    """How many connections wait for events."""
    return sum(each["cmd"] == "xread" for each in engine.raw.client_list())
