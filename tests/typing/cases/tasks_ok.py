"""Tasks and handles that are right, and what checkers infer for them."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, assert_type

from taskora import Context, FunctionTask, Handles, Job, ResultHandle, Retry, Taskora, WorkflowHandle
from taskora import chain, chord, group

taskora = Taskora("redis://localhost:6379")


@dataclass
class Email:
    to: str


@dataclass
class Receipt:
    id: int


@taskora.task
async def send_email_task(data: Email) -> Receipt:
    return Receipt(len(data.to))


@taskora.task("file-receipt", retry=Retry(attempts=3, backoff="linear"), timeout="30s", concurrency=10)
def file_receipt(receipt: Receipt, ctx: Context) -> str:
    ctx.progress(50)
    return f"{receipt.id} {ctx.attempt}"


@taskora.task()
async def tick() -> float:
    return 1.0


@taskora.task
def total(numbers: list[int]) -> int:
    return sum(numbers)


def plain(n: int) -> int:
    return n


double = taskora.task("double", plain, concurrency=2)

assert_type(send_email_task, FunctionTask[Email, Receipt, [Email], Coroutine[Any, Any, Receipt]])
assert_type(double, FunctionTask[int, int, [int], int])
assert_type(tick, FunctionTask[None, float, [], Coroutine[Any, Any, float]])
assert_type(double(2), int)

assert_type(send_email_task.dispatch(Email("a@b.c"), delay="5s", priority=10), ResultHandle[Receipt])
assert_type(send_email_task.dispatch(Email("a@b.c")).result(), Receipt)
assert_type(tick.dispatch(), ResultHandle[float])
assert_type(double.dispatch_many([1, Job(2, delay=5)]), Handles[int])
assert_type(double.handle("id"), ResultHandle[int])

assert_type(chain(send_email_task.s(Email("x")), file_receipt.s()).dispatch(name="mail"), WorkflowHandle[str])
assert_type((send_email_task.s(Email("x")) | file_receipt.s()).dispatch().result(), str)
assert_type(group(double.s(1), tick.s()).dispatch().result(), tuple[int, float])
assert_type(chord([double.s(n) for n in range(3)], total.s()).dispatch().result(), int)
assert_type(double.map([1, 2]).result(), list[int])
assert_type(double.chunk([1, 2], size=1).result(), list[int])


async def on_a_loop() -> None:
    handle = await send_email_task.dispatch(Email("a"))
    assert_type(handle, ResultHandle[Receipt])
    assert_type(await handle.result_async(timeout="5s"), Receipt)
    assert_type(await send_email_task(Email("a")), Receipt)
