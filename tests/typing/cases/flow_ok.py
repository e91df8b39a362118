"""Collecting tasks and flow control that are right, and what checkers infer for them."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, assert_type

from taskora import (
    Collect,
    CollectBufferInfo,
    CollectTask,
    Context,
    Debounce,
    Deduplicate,
    ResultHandle,
    Taskora,
    Throttle,
)
from taskora.handle import Handles

taskora = Taskora("redis://localhost:6379")


@dataclass
class Row:
    table: str


def table_of(row: Row) -> str:
    return row.table


@taskora.task("insert", collect=Collect(table_of, "2s", max_size=100, max_wait="10s"), concurrency=2)
async def insert(rows: list[Row], ctx: Context) -> int:
    return len(rows) + ctx.attempt


@taskora.task(collect=Collect("all", delay=1))
def total(numbers: list[int]) -> float:
    return sum(numbers)


@taskora.task
def double(n: int) -> int:
    return 2 * n


assert_type(insert, CollectTask[Row, int, [list[Row], Context], Coroutine[Any, Any, int]])
assert_type(total, CollectTask[int, float, [list[int]], float])
assert_type(insert.dispatch(Row("a")), ResultHandle[int])
assert_type(insert.dispatch_many([Row("a")]), Handles[int])
assert_type(insert.peek_collect("a"), list[Row])
assert_type(insert.inspect_collect("a"), CollectBufferInfo | None)
assert_type(insert.dispatch(Row("a")).batch_id, str | None)
assert_type(total([1, 2]), float)
assert_type(total.s([1, 2]).dispatch().result(), float)

assert_type(double.dispatch(1, debounce=Debounce("a", "2s")), ResultHandle[int])
assert_type(double.dispatch(1, throttle=Throttle("a", 100, "1m"), raise_on_reject=True), ResultHandle[int])
assert_type(double.dispatch(1, deduplicate=Deduplicate("a", while_=("waiting",)), delay=5), ResultHandle[int])
