"""A task with its handler."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, Self, TypeAlias, TypeVar

from taskora.config import TaskOptions
from taskora.home import TaskHome
from taskora.middleware import Middleware
from taskora.migration import Migrations
from taskora.payloads import load
from taskora.schema import ANY
from taskora.task import Schemas, Task

In = TypeVar("In")
Out = TypeVar("Out")
P = ParamSpec("P")
R = TypeVar("R")


# Without slots: on Python 3.11 a slotted frozen class cannot be made through its alias.
@dataclass(frozen=True, kw_only=True)
class Handler(Generic[P, R]):
    """A function that runs jobs, and all that its process knows of running it.

    Attributes:
        function: It.
        is_async: Whether it is a coroutine function; if not, it runs in a thread.
        wants_context: Whether it looks at its context.
        call: It, as a function of payload and context.
        on_cancel: Called with payload and context after a cancelled run has stopped; None for nothing.
        middleware: Stands around it, the first outermost, inside the application's.
        migrations: Brings older payloads to the current version.
    """

    function: Callable[P, R]
    is_async: bool
    wants_context: bool
    call: Callable[[object, object], object]
    on_cancel: Callable[[object, object], object] | None
    middleware: tuple[Middleware, ...]
    migrations: Migrations


class FunctionTask(Task[In, Out], Generic[In, Out, P, R]):
    """A task with its handler in this process. Calling it runs the handler as the plain function that it is.

    Attributes:
        handler: The function.
        is_async: Whether it is a coroutine function; if not, it runs in a thread.
        wants_context: Whether it looks at its context.
        checks: Whether reading a payload or writing a result may run code of the user's, such as a validator.
        call: It, as a function of payload and context.
        on_cancel: Called with payload and context after a cancelled run has stopped.
    """

    def __init__(
        self, home: TaskHome, name: str, options: TaskOptions, schemas: Schemas, handler: Handler[P, R]
    ) -> None:
        super().__init__(home, name, options, schemas)
        self.handler: Callable[P, R] = handler.function
        self.is_async: bool = handler.is_async
        self.wants_context: bool = handler.wants_context
        self.checks: bool = bool(handler.migrations.steps) or any(schema is not ANY for schema in schemas)
        self.call: Callable[[object, object], object] = handler.call
        self.on_cancel: Callable[[object, object], object] | None = handler.on_cancel
        self._own_middleware = handler.middleware
        self._migrations = handler.migrations
        self.__doc__ = handler.function.__doc__
        self.__wrapped__: Callable[P, R] = handler.function

    def decode_input(self, raw: bytes, version: int | None = None, job_id: str = "", /) -> object:
        """Read a job's stored payload, bring it to the current version and check it.

        Raises:
            MigrationError: A migration raised.
            ValidationError: It does not have the declared shape.
            SerializationError: It cannot be read.
        """
        if version is None or version >= self._migrations.version:
            return self._read(self._input, raw)
        older = load(raw, self._home.serializer)
        return self._input.decode(self._newer(older, version, f"job {job_id} of task {self.name!r}"))

    def _newer(self, older: object, version: int, where: str) -> object:
        return self._migrations.apply(older, version, where)

    @property
    def middleware(self) -> tuple[Middleware, ...]:
        """What stands around the handler: the application's, then the task's own; the first is the outermost."""
        return (*self._home.middleware, *self._own_middleware)

    @property
    def logs_failures(self) -> bool:
        """Whether the worker logs a failure itself: nobody listens for it."""
        return not self._home.listening.tells_of_failures(self.name)

    def moved_to(self, home: TaskHome) -> Self:
        """Make the same task for another application, inside all middleware that it has now."""
        twin = copy.copy(self)
        twin._home, twin._own_middleware = home, self.middleware  # noqa: SLF001 - it is of this very class
        return twin

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the handler here and now: no job, no validation."""
        return self.handler(*args, **kwargs)


AnyTask: TypeAlias = FunctionTask[Any, Any, ..., Any]
