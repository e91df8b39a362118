"""What a task can be told where it is defined, as keyword arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from taskora.config import Retry, Schedule, Stall, Ttl
from taskora.context import Context
from taskora.duration import Duration
from taskora.flow_control import Collect
from taskora.middleware import Middleware
from taskora.migration import Migration


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
        index: Paths into the payload, such as ``("user_id", "order.id")``, by whose values jobs can be found:
            ``Inspector.search``. Defaults to none.
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
    index: tuple[str, ...]


class TaskSettings(HandlerSettings, total=False):
    """Options of ``Taskora.task``.

    Attributes:
        input: Type of what is dispatched: of the payload, or, with ``collect``, of an item. By default the handler's
            annotation says it.
        output: Type of the result. By default the handler's annotation.
    """

    input: object
    output: object


class CollectSettings(TaskSettings, total=False):
    """Options of a task whose handler takes batches.

    Attributes:
        collect: How what is dispatched is gathered. The handler then takes a list of it.
    """

    collect: Collect[Any]
