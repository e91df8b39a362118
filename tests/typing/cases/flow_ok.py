"""Collecting tasks and flow control that are right, and what checkers infer for them."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, assert_type

from taskora import (
    Collect,
    CollectBufferInfo,
    CollectFunctionTask,
    CollectTask,
    Context,
    Debounce,
    Deduplicate,
    Handles,
    ResultHandle,
    Task,
    Taskora,
    Throttle,
)

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


def count(rows: list[Row]) -> int:
    return len(rows)


async def count_later(rows: list[Row]) -> int:
    return len(rows)


def count_with(rows: list[Row], ctx: Context) -> int:
    return len(rows) * ctx.attempt


async def count_with_later(rows: list[Row], ctx: Context) -> int:
    return len(rows) * ctx.attempt


counted = taskora.task("count", count, collect=Collect("all", "2s"), timeout=5)
by_table = taskora.task("by-table", handler=count, collect=Collect(table_of, "2s"))
by_lambda = taskora.task("by-lambda", count, collect=Collect(lambda row: row.table, "2s"))
later = taskora.task("later", count_later, collect=Collect("all", "2s"))
with_context = taskora.task("with", count_with, collect=Collect("all", "2s"))
with_context_later = taskora.task("with-later", count_with_later, collect=Collect("all", "2s"))
assert_type(counted, CollectFunctionTask[Row, int, [list[Row]], int])
assert_type(by_table, CollectFunctionTask[Row, int, [list[Row]], int])
assert_type(by_lambda, CollectFunctionTask[Row, int, [list[Row]], int])
assert_type(later, CollectFunctionTask[Row, int, [list[Row]], Coroutine[Any, Any, int]])
assert_type(with_context, CollectFunctionTask[Row, int, [list[Row], Context], int])
assert_type(with_context_later, CollectFunctionTask[Row, int, [list[Row], Context], Coroutine[Any, Any, int]])
assert_type(counted.dispatch(Row("a")).result(), int)
assert_type(Taskora("memory://").adopt(counted), CollectFunctionTask[Row, int, [list[Row]], int])
run: Coroutine[Any, Any, int] = later([Row("a")])
wider: CollectTask[Row, int] = counted
of_batches: Task[list[Row], int] = counted

assert_type(insert, CollectFunctionTask[Row, int, [list[Row], Context], Coroutine[Any, Any, int]])
assert_type(total, CollectFunctionTask[int, float, [list[int]], float])
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
