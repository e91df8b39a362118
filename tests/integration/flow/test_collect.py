"""What is dispatched is gathered into batches."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest

from integration.engine.kit import Engine, error_of, open_app, working
from support import wait_until_async
from taskora import CancelledError, Collect, CollectFunctionTask, ConfigError, Debounce, State, Taskora, ValidationError


@dataclass
class Row:
    table: str
    n: int


Batches = list[list[int]]


def batching(
    app: Taskora, collect: Collect[Any] | None = None, name: str = "batch", **options: Any
) -> tuple[CollectFunctionTask[int, int, Any, Any], Batches]:
    """A task that returns the sum of its items; the list gets its batches."""
    batches: Batches = []

    async def batch(items: list[int]) -> int:
        batches.append(items)
        return sum(items)

    gathered: Collect[Any] = collect or Collect[Any]("all", "100ms")
    task: CollectFunctionTask[int, int, Any, Any] = app.task(name, batch, collect=gathered, **options)
    return task, batches


async def test_items_come_as_one_list_in_their_order_and_each_handle_has_the_batchs_result(any_app: Taskora) -> None:
    task, batches = batching(any_app)
    async with working(any_app):
        handles = [task.dispatch(n) for n in range(5)]
        assert [await handle.result_async(5) for handle in handles] == [10] * 5
        assert len({handle.batch_id for handle in handles}) == 1
        assert [handle.enqueued for handle in handles] == [True] * 5
        assert await handles[2].state_async() is State.COMPLETED
        assert (await handles[2].info_async()).data == [0, 1, 2, 3, 4]
    assert batches == [[0, 1, 2, 3, 4]]


async def test_each_further_item_begins_the_delay_anew(any_app: Taskora) -> None:
    task, batches = batching(any_app, Collect("all", "250ms"))
    async with working(any_app):
        for n in range(5):
            await task.dispatch(n)
            await asyncio.sleep(0.07)
        assert batches == []
        last = await task.dispatch(5)
        assert await last.result_async(5) == 15


async def test_max_size_flushes_at_once_and_no_batch_is_larger(any_app: Taskora) -> None:
    task, batches = batching(any_app, Collect("all", "1h", max_size=4), concurrency=5)
    async with working(any_app):
        handles = await task.dispatch_many(range(10))
        assert [await handle.result_async(5) for handle in handles[:8]] == [6] * 4 + [22] * 4
        assert await task.peek_collect_async("all") == [8, 9]
        await task.dispatch_many([10, 11])
        assert await handles[9].result_async(5) == 38
    assert sorted(batches) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


async def test_a_batch_of_one_goes_at_once(any_app: Taskora) -> None:
    task, batches = batching(any_app, Collect("all", "1h", max_size=1), concurrency=5)
    async with working(any_app):
        assert [await task.dispatch(n).result_async(5) for n in range(3)] == [0, 1, 2]
    assert batches == [[0], [1], [2]]


async def test_no_batch_is_larger_than_a_payload_may_be_and_no_item_is_lost(engine: Engine, any_app: Taskora) -> None:
    any_app.max_payload = len("[1000,1001,1002]")
    task, batches = batching(any_app, Collect("all", "50ms"), concurrency=5)
    async with working(any_app):
        handles = await task.dispatch_many(range(1000, 1010))
        sums = [await handle.result_async(5) for handle in handles]
        assert sums == [3003] * 3 + [3012] * 3 + [3021] * 3 + [1009]
    assert sorted(batches) == [[1000, 1001, 1002], [1003, 1004, 1005], [1006, 1007, 1008], [1009]]


async def test_max_wait_flushes_although_items_keep_coming(any_app: Taskora) -> None:
    task, batches = batching(any_app, Collect("all", "10s", max_wait="300ms"))
    async with working(any_app):
        began_s = time.monotonic()
        first = await task.dispatch(0)
        while await first.state_async() is not State.COMPLETED:
            await task.dispatch(1)
            await asyncio.sleep(0.02)
        assert 0.3 <= time.monotonic() - began_s < 3
    assert len(batches[0]) > 3


async def test_a_function_says_which_batch_an_item_goes_to(any_app: Taskora) -> None:
    batches: list[list[Row]] = []

    def table_of(row: Row) -> str:
        return f"table:{row.table}"

    @any_app.task("insert", collect=Collect(table_of, "50ms"))
    def insert(rows: list[Row]) -> int:
        batches.append(rows)
        return len(rows)

    async with working(any_app):
        handles = [insert.dispatch(Row("ab"[n % 2], n)) for n in range(6)]
        assert [await handle.result_async(5) for handle in handles] == [3] * 6
    assert sorted([row.n for row in batch] for batch in batches) == [[0, 2, 4], [1, 3, 5]]


async def test_peek_and_inspect_read_the_buffer_and_leave_it(any_app: Taskora) -> None:
    task, _ = batching(any_app, Collect("chat", "1h"))
    async with open_app(any_app):
        assert await task.peek_collect_async("chat") == []
        assert await task.inspect_collect_async("chat") is None
        for n in range(3):
            await task.dispatch(n)
        assert await task.peek_collect_async("chat") == await task.peek_collect_async("chat") == [0, 1, 2]
        info = await task.inspect_collect_async("chat")
        assert info is not None
        assert info.count == 3
        assert info.oldest_at <= info.newest_at
        assert abs(info.newest_at.timestamp() - time.time()) < 60


async def test_peek_leaves_out_what_cannot_be_read(engine: Engine, app: Taskora) -> None:
    task, _ = batching(app, Collect("chat", "1h"))
    async with open_app(app):
        await task.dispatch(1)
        engine.raw.rpush(engine.key("batch", "collect:chat:items"), "not json", '"no number"')
        await task.dispatch(2)
        assert await task.peek_collect_async("chat") == [1, 2]


async def test_once_claimed_the_buffer_is_empty(any_app: Taskora) -> None:
    gate = asyncio.Event()

    @any_app.task("batch", collect=Collect("all", "20ms"))
    async def batch(items: list[int]) -> int:
        await gate.wait()
        return len(items)

    async with working(any_app):
        first = await batch.dispatch(1)

        async def active() -> bool:
            return await first.state_async() is State.ACTIVE

        await wait_until_async(active)
        assert await batch.peek_collect_async("all") == []
        assert await batch.inspect_collect_async("all") is None
        second = await batch.dispatch(2)
        assert second.batch_id != first.batch_id
        gate.set()
        assert [await first.result_async(5), await second.result_async(5)] == [1, 1]


async def test_w29_a_cancelled_batch_is_cancelled_with_its_items(any_app: Taskora) -> None:
    """W29: none is left without a flush; they can be read in the cancelled job."""
    task, batches = batching(any_app, Collect("all", "5s"))
    async with working(any_app):
        handles = await task.dispatch_many([1, 2])
        batch_id = handles[0].batch_id
        assert batch_id is not None
        assert await task.handle(batch_id).cancel_async("not now") == "cancelled"
        error = await error_of(handles[1])
        assert isinstance(error, CancelledError)
        assert error.reason == "not now"
        assert (await task.handle(batch_id).info_async()).data == [1, 2]
        assert await task.peek_collect_async("all") == []
        later = await task.dispatch(3)
        assert later.batch_id != batch_id
        assert await task.peek_collect_async("all") == [3]
    assert batches == []


async def test_an_item_cannot_cancel_the_batch_of_the_others(any_app: Taskora) -> None:
    task, _ = batching(any_app, Collect("all", "1h"))
    async with open_app(any_app):
        handles = await task.dispatch_many([1, 2])
        assert await handles[0].cancel_async() == "not_cancellable"
        assert await task.peek_collect_async("all") == [1, 2]


async def test_an_item_is_checked_where_it_is_dispatched(any_app: Taskora) -> None:
    task, _ = batching(any_app)
    async with open_app(any_app):
        with pytest.raises(ValidationError):
            task.dispatch("text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - wrong on purpose
        assert await task.peek_collect_async("all") == []


async def test_items_of_another_version_are_not_mixed_into_a_batch(engine: Engine) -> None:
    old, _ = batching(engine.app(), Collect("all", "1h"))
    app = engine.app()
    batches: list[list[str]] = []

    @app.task("batch", collect=Collect("all", "50ms"), version=2, migrate={1: str})
    async def batch(items: list[str]) -> int:
        batches.append(items)
        return len(items)

    await asyncio.to_thread(lambda: old.dispatch_many([1, 2]))
    async with working(app):
        assert await batch.dispatch("3").result_async(5) == 1
    assert sorted(batches) == [["1", "2"], ["3"]]


@pytest.mark.parametrize("option", ["delay", "priority", "ttl", "job_id", "debounce", "concurrency_key"])
def test_no_other_option_of_a_dispatch_goes_with_collect(option: str) -> None:
    task, _ = batching(Taskora("memory://"))
    options: Any = {option: Debounce("k", 1) if option == "debounce" else 1}
    with pytest.raises(ConfigError, match=f"{option}.*collect"):
        task.dispatch(1, **options)


def test_a_handler_that_takes_no_list_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"collect.*list"):

        @Taskora("memory://").task("batch", collect=Collect("all", 1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - wrong on purpose
        async def batch(item: int) -> int:
            return item


def test_a_time_to_live_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"ttl.*collect"):
        batching(Taskora("memory://"), ttl="1m")


def test_plain_code_waits_for_the_batch_too(engine: Engine, app: Taskora) -> None:
    task, _ = batching(engine.app(), Collect("all", "50ms"))
    batching(app, Collect("all", "50ms"))

    async def work(until: asyncio.Event) -> None:
        async with working(app):
            await until.wait()

    async def both() -> None:
        until = asyncio.Event()
        worker = asyncio.create_task(work(until))
        handles = await asyncio.to_thread(lambda: [task.dispatch(n) for n in (1, 2)])
        assert await asyncio.to_thread(lambda: [handle.result(5) for handle in handles]) == [3, 3]
        until.set()
        await worker

    asyncio.run(both())
