"""Wrong uses of listeners and middleware, each of which a checker must reject."""

from __future__ import annotations

from taskora import CompletedEvent, FailedEvent, MiddlewareContext, Next, Taskora

taskora = Taskora("redis://localhost:6379")


@taskora.task
async def double(n: int) -> int:
    return 2 * n


def on_completed(event: CompletedEvent) -> None: ...


def on_failed(event: FailedEvent) -> None: ...


def plain(ctx: MiddlewareContext, next: Next) -> None: ...


double.on("completed", on_failed)  # error: mypy,pyright
double.on("completd", on_completed)  # error: mypy,pyright
double.on("failed")(on_completed)  # error: mypy,pyright
double.on("completed", lambda event: event.will_retry)  # error: mypy,pyright
taskora.on("completed", on_completed)  # error: mypy,pyright
taskora.on("task:failed", on_completed)  # error: mypy,pyright
taskora.on("worker:ready", on_failed)  # error: mypy,pyright
taskora.use(plain)  # error: mypy,pyright
taskora.task("quad", on_completed, middleware=[plain])  # error: mypy,pyright
