"""Right uses of contracts, which both checkers must accept, with the types that they infer."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, assert_type

from taskora import Collect, CollectContract, CollectFunctionTask, CollectTask
from taskora import Context, FunctionTask, ResultHandle, Retry, Task, TaskContract, Taskora, chain, into
from taskora import define_task, static_contract

taskora = Taskora("redis://localhost:6379")


@dataclass
class Email:
    to: str


@dataclass
class Receipt:
    id: str


send_email = define_task("send-email", input=Email, output=Receipt, retry=Retry(attempts=3), timeout="30s")
assert_type(send_email, TaskContract[Email, Receipt])
tick = define_task("tick", input=None, output=int)
assert_type(tick, TaskContract[None, int])
archive = define_task("archive", input=list[str], output=None)
assert_type(archive, TaskContract[list[str], None])
maybe: TaskContract[int | None, str] = define_task("maybe", input=int | None, output=str)
typed_only: TaskContract[Email, Receipt] = static_contract("typed-only")
static = static_contract("static", input=Email, output=Receipt)
assert_type(static, TaskContract[Email, Receipt])

send = taskora.register(send_email)
assert_type(send, Task[Email, Receipt])
assert_type(send.dispatch(Email("a")), ResultHandle[Receipt])
assert_type(send.dispatch(Email("a")).result(), Receipt)
assert_type(taskora.register(tick).dispatch(), ResultHandle[int])
assert_type(taskora.register(typed_only).dispatch(Email("a")), ResultHandle[Receipt])


@taskora.implement(send_email, concurrency=4)
async def send_email_handler(data: Email, ctx: Context) -> Receipt:
    return Receipt(data.to)


@taskora.implement(static)
def static_handler(data: Email) -> Receipt:
    return Receipt(data.to)


assert_type(static_handler(Email("a")), Receipt)


@taskora.implement(tick)
def tick_handler() -> int:
    return 1


def maybe_handler(data: int | None) -> str:
    return str(data)


implemented: FunctionTask[int | None, str, [int | None], str] = taskora.implement(maybe, maybe_handler, timeout=5)
chain(taskora.register(tick).s(), taskora.implement(maybe, maybe_handler).s())


def upgrade(data: dict[str, str]) -> Email:
    return Email(data["address"])


taskora.implement(send_email, send_email_handler.handler, migrate=[into(Email, upgrade)])
taskora.implement(send_email, send_email_handler.handler, version=2, migrate={1: upgrade})

gather = define_task("gather", input=Email, output=int, collect=Collect("all", "2s"), version=2)
by_address = define_task("by-address", input=Email, output=None, collect=Collect(lambda email: email.to, "2s"))
static_batch = static_contract("static-batch", input=Email, output=int, collect=Collect("all", "2s"))
typed_batch: CollectContract[int | None, int] = static_contract("typed-batch", collect=Collect("all", "2s"))
assert_type(gather, CollectContract[Email, int])
assert_type(by_address, CollectContract[Email, None])
assert_type(static_batch, CollectContract[Email, int])

gathering = taskora.register(gather)
assert_type(gathering, CollectTask[Email, int])
assert_type(gathering.dispatch(Email("a")), ResultHandle[int])
assert_type(gathering.peek_collect("all"), list[Email])
assert_type(gathering.s([Email("a")]).dispatch().result(), int)
assert_type(taskora.register(by_address).dispatch(Email("a")).result(), None)
assert_type(taskora.register(typed_batch).dispatch(None), ResultHandle[int])


def count(emails: list[Email]) -> int:
    return len(emails)


@taskora.implement(gather, concurrency=4)
async def gather_handler(emails: list[Email], ctx: Context) -> int:
    return len(emails) + ctx.attempt


assert_type(gather_handler, CollectFunctionTask[Email, int, [list[Email], Context], Coroutine[Any, Any, int]])
assert_type(gather_handler.dispatch(Email("a")), ResultHandle[int])
assert_type(taskora.implement(static_batch, count), CollectFunctionTask[Email, int, [list[Email]], int])
