"""Making a task of a handler and its options."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypedDict, TypeVar, cast, overload

from taskora.collecting import CollectTask, item_type
from taskora.config import Defaults, Retention, Retry, Schedule, Stall, TaskOptions, Ttl, check_count, check_timeout
from taskora.context import Context
from taskora.duration import Duration, to_seconds
from taskora.errors import ConfigError
from taskora.flow_control import Collect
from taskora.keys import check_task_name
from taskora.middleware import Middleware, check_chain
from taskora.migration import Migration, migrations_of
from taskora.schema import ANY, handler_types, schema_for
from taskora.task import FunctionTask, TaskHome

In = TypeVar("In")
Out = TypeVar("Out")
AnyTask = FunctionTask[Any, Any, ..., Any]
_NOT_GIVEN: object = inspect.Parameter.empty
_OURS = ("taskora.definition", "taskora.app", "taskora.contracts", "taskora.implementing")


class HandlerSettings(TypedDict, total=False):
    """Options of a handler. What is left out is taken from its contract, if it has one, or the application's defaults.

    Attributes:
        retry: When and how a failed job runs again. Replaces the default as a whole.
        timeout: Longest run of an attempt; None for no limit.
        concurrency: Jobs of this task at a time in one process.
        concurrency_limit: Jobs at a time of one ``concurrency_key``, over all processes, for dispatches that set none
            themselves. Defaults to 1.
        singleton: Have at most one job of this task run at a time, over all processes. Defaults to False.
        ttl: How long a job may wait to be taken; a duration, or ``Ttl`` to discard expired jobs.
        stall: What happens to a job whose worker vanished.
        on_cancel: Called with payload and context after a cancelled run has stopped.
        middleware: Async functions of a context and ``next`` around the handler, the first outermost, all of them
            inside those of ``Taskora.use``.
        version: Version of the payload that is written. Defaults to 1, or to what a list of migrations makes of it.
        since: Oldest version that is still read. An older job fails; a newer one waits for a newer worker. Defaults
            to 1.
        migrate: Brings older payloads to the current version, before they are checked: a dict, whose key N takes
            version N to N + 1, or a list, whose first step takes ``since``. A step takes and returns plain values;
            see ``into``. Without it, the defaults of the type fill in what an older version lacks.
        schedule: Has the task dispatched by itself.
    """

    retry: Retry
    timeout: Duration | None
    concurrency: int
    concurrency_limit: int
    singleton: bool
    ttl: Ttl | Duration | None
    stall: Stall
    on_cancel: Callable[[Any, Context], object]
    middleware: Sequence[Middleware]
    version: int
    since: int
    migrate: Mapping[int, Migration] | Sequence[Migration]
    schedule: Schedule


class TaskSettings(HandlerSettings, total=False):
    """Options of ``Taskora.task``.

    Attributes:
        input: Type of the payload; by default the handler's annotation.
        output: Type of the result; by default the handler's annotation.
    """

    input: object
    output: object


class CollectSettings(TaskSettings, total=False):
    """Options of a task whose handler takes batches.

    Attributes:
        collect: How what is dispatched is gathered.
    """

    collect: Collect[Any]


class TaskDecorator(Protocol):
    """Makes a task of a function with no, one or two parameters: payload and context."""

    @overload
    def __call__(
        self, handler: Callable[[In, Context], Coroutine[Any, Any, Out]], /
    ) -> FunctionTask[In, Out, [In, Context], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self, handler: Callable[[In], Coroutine[Any, Any, Out]], /
    ) -> FunctionTask[In, Out, [In], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self, handler: Callable[[], Coroutine[Any, Any, Out]], /
    ) -> FunctionTask[None, Out, [], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(self, handler: Callable[[In, Context], Out], /) -> FunctionTask[In, Out, [In, Context], Out]: ...
    @overload
    def __call__(self, handler: Callable[[In], Out], /) -> FunctionTask[In, Out, [In], Out]: ...
    @overload
    def __call__(self, handler: Callable[[], Out], /) -> FunctionTask[None, Out, [], Out]: ...


def name_of(handler: Callable[..., object]) -> str:
    """Derive a task's name from its function: ``resize_image_task`` is ``resize-image``.

    Raises:
        ConfigError: The function has no name.
    """
    name = getattr(handler, "__name__", "")
    name = re.sub(r"_task$", "", name.strip("_")).replace("_", "-").strip("-")
    if not name or name == "<lambda>":
        raise ConfigError(f"name: {handler!r} has no name to take the task's from; give one: task('name', handler=...)")
    return name


def caller_names() -> Mapping[str, object]:
    """Return the local names of the code that defines a task: annotations that are text may name them."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") in _OURS:
        frame = frame.f_back
    return {} if frame is None else frame.f_locals


def define(
    home: TaskHome,
    defaults: Defaults,
    retention: Retention,
    name: str | None,
    handler: Callable[..., object],
    settings: TaskSettings,
    names: Mapping[str, object],
) -> FunctionTask[Any, Any, ..., Any]:
    """Make a task.

    Args:
        home: The application.
        defaults: Its defaults.
        retention: Its retention.
        name: The task's name; None derives it from the function.
        handler: The function.
        settings: What it was told.
        names: Local names of the place where the handler is defined, for annotations that are text.

    Raises:
        ConfigError: A name, option or annotation is wrong.
    """
    if not callable(handler):  # pyright: ignore[reportUnnecessaryComparison] - callers without a type checker
        raise ConfigError(f"handler: expected a function, got {handler!r}")
    collect = cast("CollectSettings", settings).get("collect")
    unknown = settings.keys() - CollectSettings.__annotations__.keys()
    if unknown:
        options = ", ".join(sorted(CollectSettings.__annotations__))
        raise ConfigError(f"{min(unknown)}: there is no such option of a task; there are: {options}")
    name = check_task_name(name_of(handler) if name is None else name)
    types = handler_types(
        handler,
        Context,
        input=settings.get("input", _NOT_GIVEN),
        output=settings.get("output", _NOT_GIVEN),
        names=names,
    )
    takes_nothing = not types.takes_data and "input" not in settings
    input_schema = (
        _Nothing() if takes_nothing else schema_for(types.input, f"input of task {name!r}", task=name, names=names)
    )
    output_schema = schema_for(types.output, f"output of task {name!r}", task=name, names=names)
    make: Callable[..., AnyTask] = FunctionTask
    if collect is not None:
        collect = _instance(collect, cast("type[Collect[Any]]", Collect), "collect")
        item = schema_for(item_type(types.input, name), f"item of task {name!r}", task=name, names=names)
        make = functools.partial(cast("Callable[..., AnyTask]", CollectTask), collect=collect, item_schema=item)
    return make(
        home,
        name,
        options_of(settings, defaults, retention),
        (input_schema, output_schema),
        handler,
        is_async=_is_async(handler),
        wants_context=types.takes_context,
        call=types.adapt(handler),
        on_cancel=cast("Callable[[object, object], object] | None", settings.get("on_cancel")),
        middleware=check_chain(settings.get("middleware", ()), "middleware"),
        migrations=migrations_of(settings.get("migrate"), settings.get("version"), settings.get("since", 1)),
    )


def options_of(settings: TaskSettings, defaults: Defaults, retention: Retention) -> TaskOptions:
    """Fill in the defaults.

    Raises:
        ConfigError: An option is wrong.
    """
    timeout = settings.get("timeout", defaults.timeout)
    check_timeout(timeout)
    concurrency = settings.get("concurrency", defaults.concurrency)
    check_count(concurrency, "concurrency")
    limit = settings.get("concurrency_limit")
    if limit is not None:
        check_count(limit, "concurrency_limit")
    singleton: object = settings.get("singleton", False)
    if not isinstance(singleton, bool):
        raise ConfigError(f"singleton: expected True or False, got {singleton!r}")
    versions = migrations_of(settings.get("migrate"), settings.get("version"), settings.get("since", 1))
    ttl = settings.get("ttl")
    on_cancel: object = settings.get("on_cancel", options_of)
    if not callable(on_cancel):
        raise ConfigError(f"on_cancel: expected a function of payload and context, got {on_cancel!r}")
    return TaskOptions(
        retry=_instance(settings.get("retry", defaults.retry), Retry, "retry"),
        timeout_s=None if timeout is None else to_seconds(timeout, "timeout"),
        concurrency=concurrency,
        concurrency_limit=limit,
        singleton=singleton,
        stall=_instance(settings.get("stall", defaults.stall), Stall, "stall"),
        retention=retention,
        ttl=ttl if ttl is None or isinstance(ttl, Ttl) else Ttl(ttl),
        version=versions.version,
        since=versions.since,
        schedule=None if "schedule" not in settings else _instance(settings["schedule"], Schedule, "schedule"),
    )


T = TypeVar("T")


def _is_async(handler: Callable[..., object]) -> bool:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


def _instance(value: object, kind: type[T], name: str) -> T:
    if not isinstance(value, kind):
        raise ConfigError(f"{name}: expected {kind.__name__}(...), got {value!r}")
    return value


class _Nothing:
    """The payload of a handler that takes none: whatever a producer sends is accepted and not looked at."""

    type: object = None

    def decode(self, value: object, /) -> object:
        """Return the value."""
        return value

    def decode_bytes(self, raw: bytes, /) -> object:
        """Read JSON."""
        return ANY.decode_bytes(raw)

    def encode(self, value: object, /) -> object:
        """Return the value."""
        return value
