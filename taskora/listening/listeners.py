"""Who listens for what."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

from taskora.callables import check_takes
from taskora.errors import ConfigError
from taskora.events import EventName
from taskora.quoting import quoted

Function: TypeAlias = Callable[..., Any]
JOB_EVENTS: frozenset[str] = frozenset(get_args(EventName))
WORKER_EVENTS = frozenset({"worker:ready", "worker:error", "worker:closing"})
_OF_TASKS = "task:"


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """One function and what it wants to be told of.

    Attributes:
        event: Name of the event: of a job, or of the worker.
        task: The task; None for all, and for events of the worker.
    """

    event: str
    task: str | None
    function: Function

    def __str__(self) -> str:
        name = getattr(self.function, "__qualname__", repr(self.function))
        return f"{name}, which listens for {self.event!r} of " + (
            "all tasks" if self.task is None else f"task {self.task!r}"
        )


class Listeners:
    """All listeners of an application; may be changed from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: tuple[Listener, ...] = ()
        self._by_event: dict[tuple[str | None, str], tuple[Listener, ...]] = {}

    def add(self, name: str, task: str | None, function: Function) -> Listener:
        """Add a function.

        Args:
            name: An event of a job, for a task; for the application ``task:`` before it, or an event of the worker.
            task: The task; None for the application.
            function: It is called with the event.

        Raises:
            ConfigError: There is no such event, or the function is none.
        """
        event = check_event(name, task is None)
        told = () if event in ("worker:ready", "worker:closing") else ("the event",)
        listener = Listener(event, task, check_takes(function, told, f"on {name!r}"))
        with self._lock:
            self._set((*self._all, listener))
        return listener

    def remove(self, listener: Listener) -> None:
        """Remove a function; nothing when it was removed before."""
        with self._lock:
            self._set(tuple(each for each in self._all if each is not listener))

    def of(self, event: str, task: str | None) -> tuple[Listener, ...]:
        """Return who wants to be told of an event of a task, or, with None, of the worker."""
        everybody = self._by_event.get((None, event), ())
        return everybody if task is None else everybody + self._by_event.get((task, event), ())

    def tasks(self, known: Iterable[str]) -> set[str]:
        """Return the tasks of which somebody wants to be told something; ``known`` are all of the application."""
        names = {listener.task for listener in self._all if listener.task is not None}
        if any(listener.task is None and listener.event in JOB_EVENTS for listener in self._all):
            names.update(known)
        return names

    def _set(self, listeners: tuple[Listener, ...]) -> None:
        by_event: dict[tuple[str | None, str], tuple[Listener, ...]] = {}
        for each in listeners:
            by_event[each.task, each.event] = (*by_event.get((each.task, each.event), ()), each)
        self._all, self._by_event = listeners, by_event


def check_event(name: object, of_app: bool) -> str:
    """Return an event's name as it is told, or say that there is no such event.

    Raises:
        ConfigError: There is none.
    """
    if isinstance(name, str):
        if not of_app and name in JOB_EVENTS:
            return name
        if of_app and name in WORKER_EVENTS:
            return name
        if of_app and name.startswith(_OF_TASKS) and name.removeprefix(_OF_TASKS) in JOB_EVENTS:
            return name.removeprefix(_OF_TASKS)
    known = [_OF_TASKS + each for each in JOB_EVENTS] + list(WORKER_EVENTS) if of_app else list(JOB_EVENTS)
    raise ConfigError(f"on: there is no event {quoted(name)}; there are: {', '.join(sorted(known))}")
