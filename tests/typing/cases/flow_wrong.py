"""Wrong uses of collecting tasks and flow control, each of which a checker must reject."""

from __future__ import annotations

from taskora import Collect, Debounce, Deduplicate, Taskora, Throttle

taskora = Taskora("redis://localhost:6379")


@taskora.task("total", collect=Collect("all", delay=1))
def total(numbers: list[int]) -> int:
    return sum(numbers)


def add(numbers: list[int]) -> int:
    return sum(numbers)


def one(number: int) -> int:
    return number


def of_text(text: str) -> str:
    return text


direct = taskora.task("direct", add, collect=Collect("all", delay=1))


@taskora.task
def double(n: int) -> int:
    return 2 * n


total.dispatch([1, 2])  # error: mypy,pyright
total.dispatch("text")  # error: mypy,pyright
total.dispatch(1, delay=5)  # error: mypy,pyright
total(3)  # error: mypy,pyright
direct.dispatch([1, 2])  # error: mypy,pyright
direct.dispatch("text")  # error: mypy,pyright
direct.dispatch_many([[1]])  # error: mypy,pyright
text: str = direct.dispatch(1).result()  # error: mypy,pyright
taskora.task("one", one, collect=Collect("all", delay=1))  # error: mypy,pyright
taskora.task("by-text", add, collect=Collect(of_text, delay=1))  # error: mypy,pyright
taskora.task("size", add, collect=Collect("all", delay=1), max_size=2)  # error: mypy,pyright
double.peek_collect("all")  # error: mypy,pyright
double.inspect_collect("all")  # error: mypy,pyright
double.dispatch(1, debounce="key")  # error: mypy,pyright
double.dispatch(1, throttle=Throttle("a", 1))  # error: mypy,pyright
double.dispatch(1, deduplicate=Deduplicate("a", while_=("done",)))  # error: mypy,pyright
double.dispatch(1, debounce=Debounce(5, 5))  # error: mypy,pyright
