"""Wrong uses of contracts, each of which a checker must reject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from taskora import Collect, Taskora, chain, define_task, into, static_contract

taskora = Taskora("redis://localhost:6379")


@dataclass
class Email:
    to: str


@dataclass
class Receipt:
    id: str


send_email = define_task("send-email", input=Email, output=Receipt)
typed_only = static_contract("typed-only", input=Email, output=Receipt)
send = taskora.register(send_email)

send.dispatch({"to": "a"})  # error: mypy,pyright
send.dispatch()  # error: mypy,pyright
taskora.register(typed_only).dispatch(Receipt("a"))  # error: mypy,pyright
result: str = send.dispatch(Email("a")).result()  # error: mypy,pyright
chain(send.s(Email("a")), send.s())  # error: mypy,pyright
define_task("send-email", input=Email, output=Receipt, concurrency=4)  # error: mypy,pyright
define_task("send-email", input=Email)  # error: mypy,pyright
send_email.dispatch(Email("a"))  # error: mypy,pyright


def takes_another(data: Receipt) -> Receipt:
    return data


def gives_another(data: Email) -> Email:
    return data


async def gives_another_later(data: Email) -> Email:
    return data


taskora.implement(send_email, takes_another)  # error: mypy,pyright
taskora.implement(send_email, gives_another)  # error: mypy,pyright
taskora.implement(send_email, gives_another_later)  # error: mypy,pyright
taskora.implement(send_email)(takes_another)  # error: mypy,pyright
taskora.implement(send_email)(gives_another_later)  # error: mypy,pyright
taskora.implement(send_email, concurency=4)  # error: mypy,pyright
taskora.implement(send_email, input=Email)  # error: mypy,pyright


@taskora.implement(send_email)  # error: mypy,pyright
def decorated(data: Receipt) -> Receipt:
    return data


def to_receipt(data: Any) -> Receipt:
    return Receipt(str(data))


into(Email, to_receipt)  # error: mypy

gather = define_task("gather", input=Email, output=int, collect=Collect("all", "2s"))
gathering = taskora.register(gather)


def count(emails: list[Email]) -> int:
    return len(emails)


def count_one(email: Email) -> int:
    return len(email.to)


def receipts(emails: list[Email]) -> list[Receipt]:
    return [Receipt(email.to) for email in emails]


gathering.dispatch([Email("a")])  # error: mypy,pyright
gathering.dispatch(Email("a"), delay=5)  # error: mypy,pyright
gathering.s(Email("a"))  # error: mypy,pyright
gathering([Email("a")])  # error: mypy,pyright
taskora.implement(gather, count_one)  # error: mypy,pyright
taskora.implement(gather, receipts)  # error: mypy,pyright
taskora.implement(gather)(count_one)  # error: mypy,pyright
taskora.implement(gather, count, collect=Collect("all", 1))  # error: mypy,pyright
taskora.implement(send_email, collect=Collect("all", 1))  # error: mypy,pyright
define_task("by-name", input=Email, output=int, collect=Collect(count_one, 1))  # error: mypy,pyright
