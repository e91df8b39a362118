"""Wrong uses of tasks, each of which a checker must reject."""

from __future__ import annotations

from taskora import Context, Taskora, chain

taskora = Taskora("redis://localhost:6379")


@taskora.task
async def double(n: int) -> int:
    return 2 * n


@taskora.task
def shout(word: str, ctx: Context) -> str:
    return f"{word}{ctx.attempt}"


@taskora.task
def tick() -> float:
    return 1.0


double.dispatch("two")  # error: mypy,pyright
double.dispatch(2, delya=5)  # error: mypy,pyright
tick.dispatch(5)  # error: mypy,pyright
double("two")  # error: mypy,pyright
chain(double.s(1), shout.s())  # error: mypy,pyright
double.s("two")  # error: mypy,pyright
double.s().dispatch()  # error: mypy,pyright
length: str = double.dispatch(2).result()  # error: mypy,pyright
taskora.task("quad", tick, concurency=2)  # error: mypy,pyright
