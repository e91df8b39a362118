"""Listeners and middleware that are right, and what checkers infer for them."""

from __future__ import annotations

import contextlib
from typing import assert_type

from taskora import (
    CompletedEvent,
    FailedEvent,
    JobEvent,
    MiddlewareContext,
    Next,
    ResultHandle,
    RetryingEvent,
    Taskora,
)
from taskora.listening import Unsubscribe

taskora = Taskora("redis://localhost:6379")


@taskora.use
async def timing(ctx: MiddlewareContext, next: Next) -> None:
    assert_type(ctx.task, str)
    await next()


async def own(ctx: MiddlewareContext, next: Next) -> None:
    await next()


@taskora.task(middleware=[own, timing])
async def double(n: int) -> int:
    return 2 * n


@double.on("completed")
def completed(event: CompletedEvent) -> None:
    assert_type(event.duration, float)


@double.on("failed")
async def failed(event: FailedEvent) -> None:
    assert_type(event.will_retry, bool)


@taskora.on("task:retrying")
def retrying(event: RetryingEvent) -> None:
    assert_type(event.next_attempt, int)


@taskora.on("worker:ready")
def ready() -> None: ...


@taskora.on("worker:error")
def trouble(error: Exception) -> None: ...


completed(CompletedEvent(task="double", id="1", result=2, duration=0.1, attempt=1))
assert_type(double.on("active", lambda event: event.attempt), Unsubscribe)
assert_type(taskora.on("task:stalled", lambda event: event.action), Unsubscribe)
assert_type(taskora.on("task:failed", failed), Unsubscribe)
assert_type(taskora.on("worker:closing", ready), Unsubscribe)
assert_type(taskora.on("worker:error", lambda error: error.args), Unsubscribe)


async def on_a_loop() -> None:
    async for event in double.dispatch(2).events():
        assert_type(event, JobEvent)
        if isinstance(event, CompletedEvent):
            assert_type(event.attempt, int)


async def follow(handle: ResultHandle[int]) -> JobEvent | None:
    async with contextlib.aclosing(handle.events()) as events:
        async for event in events:
            return event
    return None
