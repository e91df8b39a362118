"""What stands around handlers: functions that see a job's payload before its handler does, and its result after."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, TypeAlias, cast

from taskora.callables import check_takes
from taskora.context import Context, Reporter, Signal
from taskora.errors import ConfigError
from taskora.model import Claimed
from taskora.quoting import quoted

Next: TypeAlias = Callable[[], Awaitable[None]]
"""Runs what is further in: the next middleware, and at last the handler."""


class MiddlewareContext(Context):
    """A running job, as its middleware sees it. Its handler, if it asks for a context, gets this very one.

    Attributes:
        data: The payload, checked against the task's input type. What it is when the handler is called, the handler
            gets.
        result: What the handler returned, once ``next()`` has; None before. What it is at the end is checked against
            the task's output type and becomes the job's result.
    """

    __slots__ = ("data", "result")

    # A middleware serves tasks of any type; it knows what it expects.
    data: Any
    result: Any

    def __init__(self, job: Claimed, max_attempts: int, signal: Signal, reporter: Reporter) -> None:
        super().__init__(job, max_attempts, signal, reporter)
        self.data = None
        self.result = None

    @property
    def age(self) -> float:
        """Seconds from the job's dispatch until this run was claimed, by the server's clock."""
        return max(0, self._job.processed_ms - self._job.ts_ms) / 1000

    @property
    def token(self) -> str:
        """Text that tells this run from all others of the job, those of the same attempt included."""
        return self._job.token


Middleware: TypeAlias = Callable[[MiddlewareContext, Next], Coroutine[Any, Any, None]]
"""``async def middleware(ctx, next)``. Not calling ``next()`` leaves the handler out."""

_NO_CHAIN: Final[tuple[Middleware, ...]] = ()


def check_middleware(given: object, what: str) -> Middleware:
    """Return a middleware, or say why it cannot be one.

    Raises:
        ConfigError: It is no coroutine function.
    """
    function = given
    while isinstance(function, functools.partial):
        function = cast("functools.partial[object]", function).func
    if not inspect.iscoroutinefunction(function) and not inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 - whether that is a coroutine function, not whether it exists
    ):
        raise ConfigError(f"{what}: expected an async function of a context and next, got {quoted(given)}")
    return check_takes(given, ("a context", "next"), what)


def check_chain(given: object, what: str) -> tuple[Middleware, ...]:
    """Return several of them, the outermost first, or say why they cannot be.

    Raises:
        ConfigError: They are no list, or one of them is no coroutine function.
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ConfigError(f"{what}: expected a list of async functions, got {quoted(given)}")
    return tuple(check_middleware(each, what) for each in cast("Iterable[object]", given)) or _NO_CHAIN


async def run_through(chain: Sequence[Middleware], context: MiddlewareContext, handler: Next) -> None:
    """Run a handler inside its middleware, the first of which is the outermost.

    Raises:
        RuntimeError: From ``next()``: a middleware called it twice.
    """
    await _step(chain, 0, context, handler)


async def _step(chain: Sequence[Middleware], at: int, context: MiddlewareContext, handler: Next) -> None:
    if at == len(chain):
        await handler()
        return
    called = False

    async def inner() -> None:
        nonlocal called
        if called:
            raise RuntimeError(f"job {context.id} of task {context.task!r}: {chain[at]!r} called next() twice")
        called = True
        await _step(chain, at + 1, context, handler)

    await chain[at](context, inner)
