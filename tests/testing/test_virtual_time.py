"""Time is the runner's clock: whatever takes long takes no time."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from taskora import Collect, Context, Debounce, Retry, Schedule, TaskoraError, Throttle, ThrottledError
from taskora import TimeoutError as TaskTimeoutError
from taskora.testing import TestRunner, create_test_runner


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Hours pass in these tests; none of them may take seconds."""
    began_s = time.monotonic()
    yield
    assert time.monotonic() - began_s < 5


def test_a_delayed_job_runs_at_its_time_and_not_before(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("email")
    async def email(data: str) -> str:
        return data

    handle = taskora_runner.dispatch(email, "x", delay="5s")
    assert taskora_runner.process_all() == 0
    assert handle.state() == "delayed"

    taskora_runner.advance_time("4.999s")
    assert handle.state() == "delayed"
    taskora_runner.advance_time("1ms")
    assert handle.state() == "completed"


def test_execute_lets_the_time_of_retries_pass(taskora_runner: TestRunner) -> None:
    at: list[float] = []

    @taskora_runner.app.task("slow", retry=Retry(attempts=4, backoff="exponential", delay="1h", jitter=False))
    async def slow(data: str) -> None:
        at.append(taskora_runner.clock.now_ms() / 3_600_000)
        raise OSError

    execution = taskora_runner.execute(slow, "x")

    assert execution.attempts == 4
    assert [round(later - earlier, 3) for earlier, later in itertools.pairwise(at)] == [1, 2, 4]


def test_advancing_runs_each_thing_at_its_own_time_in_order(taskora_runner: TestRunner) -> None:
    clock, done = taskora_runner.clock, list[tuple[str, int]]()
    began_ms = clock.now_ms()

    @taskora_runner.app.task("note", concurrency=10)
    async def note(data: str) -> None:
        done.append((data, (clock.now_ms() - began_ms) // 1000))
        if data == "a":
            note.dispatch("a's child", delay="5s")

    note.dispatch("late", delay="30s")
    note.dispatch("a", delay="10s")
    taskora_runner.advance_time("1m")

    assert done == [("a", 10), ("a's child", 15), ("late", 30)]
    assert clock.now_ms() == began_ms + 60_000


def test_a_handler_that_sleeps_takes_no_time(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("sleeper")
    async def sleeper(hours: int) -> str:
        await asyncio.sleep(hours * 3600)
        return "awake"

    assert taskora_runner.execute(sleeper, 5).result == "awake"
    assert taskora_runner.run(sleeper, 5) == "awake"


def test_a_job_that_outlasts_the_advance_still_runs_and_can_be_cancelled(taskora_runner: TestRunner) -> None:
    cleaned: list[str] = []

    def on_cancel(data: object, ctx: Context) -> None:
        time.sleep(0.02)  # in a thread: time stands still
        cleaned.append(ctx.id)

    @taskora_runner.app.task("long", on_cancel=on_cancel)
    async def long(data: str) -> None:
        await asyncio.sleep(3600)

    handle = taskora_runner.dispatch(long, "x")
    taskora_runner.advance_time("10m")
    assert handle.state() == "active"

    assert handle.cancel("enough") == "flagged"
    before_ms = taskora_runner.clock.now_ms()
    taskora_runner.process_all()
    assert taskora_runner.clock.now_ms() - before_ms == 250  # the grace that a handler has to end by itself
    assert (handle.state(), handle.info().cancel_reason) == ("cancelled", "enough")
    assert cleaned == [handle.id]


def test_a_timeout_ends_a_handler_by_the_clock(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("endless", timeout="5m")
    async def endless(data: str) -> None:
        await asyncio.sleep(86_400)

    execution = taskora_runner.execute(endless, "x")
    assert execution.state == "failed"
    assert "300 s" in str(execution.error)
    with pytest.raises(TaskTimeoutError, match="300 s"):
        taskora_runner.run(endless, "x")


def test_a_sync_handler_is_timed_out_at_the_pace_of_real_time(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("spinning", timeout=0.05)
    def spinning(data: str) -> None:
        while True:
            time.sleep(0.001)

    assert taskora_runner.execute(spinning, "x").state == "failed"


def test_time_stands_still_while_a_thread_works(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("threads", timeout="1s")
    async def threads(data: str) -> str:
        await asyncio.to_thread(time.sleep, 0.02)
        return "done"

    before_ms = taskora_runner.clock.now_ms()
    assert taskora_runner.execute(threads, "x").result == "done"
    assert taskora_runner.clock.now_ms() == before_ms


def test_a_connection_is_waited_for_and_does_not_make_time_jump(taskora_runner: TestRunner) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.readline()
        await asyncio.to_thread(time.sleep, 0.02)  # a server takes its time
        writer.write(question.upper())
        writer.close()

    @taskora_runner.app.task("asks", timeout="10s")
    async def asks(data: str) -> str:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(f"{data}\n".encode())
            reply = await reader.readline()
            writer.close()
            await writer.wait_closed()
        return reply.decode().strip()

    before_ms = taskora_runner.clock.now_ms()
    assert taskora_runner.execute(asks, "hello").result == "HELLO"
    assert taskora_runner.run(asks, "again") == "AGAIN"
    assert taskora_runner.clock.now_ms() == before_ms


def test_a_job_expires_when_nobody_works_in_time(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("perishable")
    async def perishable(data: str) -> None: ...

    handle = taskora_runner.dispatch(perishable, "x", ttl="1m")
    taskora_runner.clock.advance(61_000)  # as if no worker was there
    taskora_runner.process_all()
    assert handle.state() == "expired"

    assert taskora_runner.dispatch(perishable, "y", ttl="1m").result() is None


def test_a_schedule_fires_at_each_of_its_times() -> None:
    with create_test_runner(now=datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) as runner:
        fired: list[str] = []

        @runner.app.task("report", schedule=Schedule(cron="0 3 * * *"))
        async def report() -> None:
            fired.append(datetime.fromtimestamp(runner.clock.now_ms() / 1000, UTC).isoformat())

        runner.advance_time("2d")

        assert fired == ["2026-03-02T03:00:00+00:00", "2026-03-03T03:00:00+00:00"]


def test_debounced_dispatches_become_one_job_after_their_quiet_time(taskora_runner: TestRunner) -> None:
    indexed: list[str] = []

    @taskora_runner.app.task("index")
    async def index(data: str) -> None:
        indexed.append(data)

    for text in ("a", "ab", "abc"):
        index.dispatch(text, debounce=Debounce("doc", "10s"))
        taskora_runner.advance_time("9s")
    assert indexed == []
    taskora_runner.advance_time("1s")
    assert indexed == ["abc"]


def test_a_throttle_opens_again_after_its_window(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("call-api")
    async def call_api(data: int) -> int:
        return data

    once = Throttle("api", max=1, window="1s")
    assert taskora_runner.execute(call_api, 1, throttle=once).result == 1
    with pytest.raises(ThrottledError):
        taskora_runner.execute(call_api, 2, throttle=once)
    taskora_runner.advance_time("1s")
    assert taskora_runner.execute(call_api, 3, throttle=once).result == 3


def test_collected_items_become_a_batch_by_time_or_by_flush(taskora_runner: TestRunner) -> None:
    batches: list[list[int]] = []

    @taskora_runner.app.task("collected", collect=Collect("all", delay="10s"))
    async def collected(items: list[int]) -> int:
        batches.append(items)
        return len(items)

    first = taskora_runner.dispatch(collected, 1)
    collected.dispatch(2)
    taskora_runner.advance_time("9s")
    assert batches == []
    assert taskora_runner.flush(collected, "all") == 1
    assert first.result() == 2
    assert taskora_runner.execute(collected, 3).result == 1
    assert batches == [[1, 2], [3]]


def test_what_can_never_come_is_said_instead_of_waited_for(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("stuck")
    async def stuck(data: str) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TaskoraError, match="never comes"):
        taskora_runner.run(stuck, "x")
    with pytest.raises(TaskoraError, match="task 'stuck' runs"):
        taskora_runner.execute(stuck, "x")
    taskora_runner.clear()
    elsewhere = taskora_runner.app.find_task("runs-elsewhere")
    with pytest.raises(TaskoraError, match="no job runs"):
        elsewhere.dispatch(1).result()
