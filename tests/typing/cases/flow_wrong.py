"""Wrong uses of collecting tasks and flow control, each of which a checker must reject."""

from __future__ import annotations

from taskora import Collect, Debounce, Deduplicate, Taskora, Throttle

taskora = Taskora("redis://localhost:6379")


@taskora.task("total", collect=Collect("all", delay=1))
def total(numbers: list[int]) -> int:
    return sum(numbers)


@taskora.task
def double(n: int) -> int:
    return 2 * n


total.dispatch([1, 2])  # error: mypy,pyright
total.dispatch("text")  # error: mypy,pyright
total.dispatch(1, delay=5)  # error: mypy,pyright
total(3)  # error: mypy,pyright
double.peek_collect("all")  # error: mypy,pyright
double.dispatch(1, debounce="key")  # error: mypy,pyright
double.dispatch(1, throttle=Throttle("a", 1))  # error: mypy,pyright
double.dispatch(1, deduplicate=Deduplicate("a", while_=("done",)))  # error: mypy,pyright
double.dispatch(1, debounce=Debounce(5, 5))  # error: mypy,pyright
