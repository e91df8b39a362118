"""Making a task of a handler and its options."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from taskora.callables import check_takes
from taskora.collecting import CollectFunctionTask, item_type, list_of
from taskora.config import (
    Defaults,
    Retention,
    Retry,
    Schedule,
    Stall,
    TaskOptions,
    Ttl,
    check_count,
    check_flag,
    check_instance,
    check_timeout,
)
from taskora.context import Context
from taskora.duration import to_seconds
from taskora.errors import ConfigError
from taskora.flow_control import Collect
from taskora.function_task import AnyTask, FunctionTask, Handler
from taskora.home import DefiningHome
from taskora.indexing import check_index
from taskora.keys import check_task_name
from taskora.middleware import check_chain
from taskora.migration import migrations_of
from taskora.quoting import quoted
from taskora.schema import ANY, HandlerTypes, Schema, handler_types, schema_for
from taskora.settings import CollectSettings, TaskSettings

_NOT_GIVEN: object = inspect.Parameter.empty
_OURS = frozenset(f"taskora.{module}" for module in ("app", "contracts", "defining", "definition", "implementing"))


def name_of(handler: Callable[..., object]) -> str:
    """Derive a task's name from its function: ``resize_image_task`` is ``resize-image``.

    Raises:
        ConfigError: The function has no name.
    """
    name = getattr(handler, "__name__", "")
    name = re.sub(r"_task$", "", name.strip("_")).replace("_", "-").strip("-")
    if not name or name == "<lambda>":
        raise ConfigError(
            f"name: {quoted(handler)} has no name to take the task's from; give one: task('name', handler=...)"
        )
    return name


def caller_names() -> Mapping[str, object]:
    """Return the local names of the code that defines a task: annotations that are text may name them."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") in _OURS:
        frame = frame.f_back
    return {} if frame is None else frame.f_locals


def define(
    home: DefiningHome,
    name: str | None,
    handler: Callable[..., object],
    settings: TaskSettings,
    names: Mapping[str, object],
) -> AnyTask:
    """Make a task.

    Args:
        home: The application.
        name: The task's name; None derives it from the function.
        handler: The function.
        settings: What it was told.
        names: Local names of the place where the handler is defined, for annotations that are text.

    Raises:
        ConfigError: A name, option or annotation is wrong.
    """
    if not callable(handler):  # pyright: ignore[reportUnnecessaryComparison] - callers without a type checker
        raise ConfigError(f"handler: expected a function, got {quoted(handler)}")
    unknown = settings.keys() - CollectSettings.__annotations__.keys()
    if unknown:
        known = ", ".join(sorted(CollectSettings.__annotations__))
        raise ConfigError(f"{min(unknown)}: there is no such option of a task; there are: {known}")
    name = check_task_name(name_of(handler) if name is None else name)
    options = options_of(settings, home.defaults, home.retention)
    collect = collect_of(settings)
    given = settings.get("input", _NOT_GIVEN)
    types = handler_types(
        handler,
        Context,
        input=given if collect is None or given is _NOT_GIVEN else list_of(given),
        output=settings.get("output", _NOT_GIVEN),
        names=names,
    )
    running = _running(handler, types, settings)
    if collect is None:
        takes_nothing = not types.takes_data and "input" not in settings
        payload = _Nothing() if takes_nothing else payload_schema(types.input, name, names)
        return FunctionTask(home, name, options, (payload, result_schema(types.output, name, names)), running)
    item = item_schema(item_type(types.input, name), name, names)
    schemas = (payload_schema(types.input, name, names), result_schema(types.output, name, names))
    return CollectFunctionTask(home, name, options, schemas, running, collect, item)


def _running(handler: Callable[..., object], types: HandlerTypes, settings: TaskSettings) -> Handler[..., object]:
    return Handler(
        function=handler,
        is_async=_is_async(handler),
        wants_context=types.takes_context,
        call=types.adapt(handler),
        on_cancel=cast("Callable[[object, object], object] | None", settings.get("on_cancel")),
        middleware=check_chain(settings.get("middleware", ()), "middleware"),
        migrations=migrations_of(settings.get("migrate"), settings.get("version"), settings.get("since", 1)),
    )


def payload_schema(kind: object, task: str, names: Mapping[str, object]) -> Schema[object]:
    """Make the schema of a task's payload. Raises ``ConfigError`` when the type cannot be used, as those below."""
    return schema_for(kind, f"input of task {task!r}", task=task, names=names)


def item_schema(kind: object, task: str, names: Mapping[str, object]) -> Schema[object]:
    """Make the schema of what is dispatched to a task that collects."""
    return schema_for(kind, f"item of task {task!r}", task=task, names=names)


def result_schema(kind: object, task: str, names: Mapping[str, object]) -> Schema[object]:
    """Make the schema of a task's result."""
    return schema_for(kind, f"output of task {task!r}", task=task, names=names)


def collect_of(settings: object) -> Collect[Any] | None:
    """Return how a task gathers; None when it does not.

    Raises:
        ConfigError: It is told something else than a ``Collect``.
    """
    collect = cast("CollectSettings", settings).get("collect")
    return None if collect is None else check_instance(collect, cast("type[Collect[Any]]", Collect), "collect")


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
    singleton = settings.get("singleton", False)
    check_flag(singleton, "singleton")
    versions = migrations_of(settings.get("migrate"), settings.get("version"), settings.get("since", 1))
    ttl = settings.get("ttl")
    if "on_cancel" in settings:
        check_takes(settings["on_cancel"], ("the payload", "the context"), "on_cancel")
    return TaskOptions(
        retry=check_instance(settings.get("retry", defaults.retry), Retry, "retry"),
        timeout_s=None if timeout is None else to_seconds(timeout, "timeout"),
        concurrency=concurrency,
        concurrency_limit=limit,
        singleton=singleton,
        stall=check_instance(settings.get("stall", defaults.stall), Stall, "stall"),
        retention=retention,
        ttl=ttl if ttl is None or isinstance(ttl, Ttl) else Ttl(ttl),
        version=versions.version,
        since=versions.since,
        schedule=None if "schedule" not in settings else check_instance(settings["schedule"], Schedule, "schedule"),
        index=check_index(settings.get("index", ())),
    )


def _is_async(handler: Callable[..., object]) -> bool:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


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
