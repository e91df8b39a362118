"""``on``: how listeners are added, as decorators and by call. Type checkers infer the event from its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, overload

from taskora.events import (
    ActiveEvent,
    CancelledEvent,
    CompletedEvent,
    ExpiredEvent,
    FailedEvent,
    ProgressEvent,
    RetryingEvent,
    StalledEvent,
)
from taskora.listening.listeners import check_event
from taskora.listening.listening import Listening

E = TypeVar("E")
R = TypeVar("R")
Hears: TypeAlias = Callable[[E], object]
Unsubscribe: TypeAlias = Callable[[], None]
"""Removes the listener; a second call does nothing."""


class Listens(Protocol[E]):
    """A decorator that adds a listener and returns it."""

    def __call__(self, listener: Callable[[E], R], /) -> Callable[[E], R]: ...


class ListensForNothing(Protocol):
    """A decorator that adds a listener which is called without an event, and returns it."""

    def __call__(self, listener: Callable[[], R], /) -> Callable[[], R]: ...


class _On:
    """Adds listeners of one task, or of all."""

    __slots__ = ("_listening", "_task")

    def __init__(self, listening: Listening, task: str | None = None) -> None:
        self._listening = listening
        self._task = task

    def _add(self, event: str, listener: Callable[..., Any] | None) -> Any:
        if listener is not None:
            return self._listening.on(event, self._task, listener)
        check_event(event, self._task is None)

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            self._listening.on(event, self._task, function)
            return function

        return decorate


class OnTask(_On):
    """Adds listeners of a task."""

    __slots__ = ()

    @overload
    def __call__(self, event: Literal["completed"], /) -> Listens[CompletedEvent]: ...
    @overload
    def __call__(self, event: Literal["completed"], listener: Hears[CompletedEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["failed"], /) -> Listens[FailedEvent]: ...
    @overload
    def __call__(self, event: Literal["failed"], listener: Hears[FailedEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["retrying"], /) -> Listens[RetryingEvent]: ...
    @overload
    def __call__(self, event: Literal["retrying"], listener: Hears[RetryingEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["progress"], /) -> Listens[ProgressEvent]: ...
    @overload
    def __call__(self, event: Literal["progress"], listener: Hears[ProgressEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["active"], /) -> Listens[ActiveEvent]: ...
    @overload
    def __call__(self, event: Literal["active"], listener: Hears[ActiveEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["stalled"], /) -> Listens[StalledEvent]: ...
    @overload
    def __call__(self, event: Literal["stalled"], listener: Hears[StalledEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["cancelled"], /) -> Listens[CancelledEvent]: ...
    @overload
    def __call__(self, event: Literal["cancelled"], listener: Hears[CancelledEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["expired"], /) -> Listens[ExpiredEvent]: ...
    @overload
    def __call__(self, event: Literal["expired"], listener: Hears[ExpiredEvent], /) -> Unsubscribe: ...
    def __call__(self, event: str, listener: Callable[..., object] | None = None, /) -> Any:
        """Have a function told of an event.

        Args:
            event: Its name.
            listener: Called with the event; an async one is awaited on the event loop, a plain one runs in a thread.
                Without it this is a decorator, which returns the function as it is.

        Returns:
            A function that removes the listener.

        Raises:
            ConfigError: There is no such event, or the listener is no function.
        """
        return self._add(event, listener)


class OnApp(_On):
    """Adds listeners of all tasks of the application, and of the worker in this process."""

    __slots__ = ()

    @overload
    def __call__(self, event: Literal["task:completed"], /) -> Listens[CompletedEvent]: ...
    @overload
    def __call__(self, event: Literal["task:completed"], listener: Hears[CompletedEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["task:failed"], /) -> Listens[FailedEvent]: ...
    @overload
    def __call__(self, event: Literal["task:failed"], listener: Hears[FailedEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["task:retrying"], /) -> Listens[RetryingEvent]: ...
    @overload
    def __call__(self, event: Literal["task:retrying"], listener: Hears[RetryingEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["task:progress"], /) -> Listens[ProgressEvent]: ...
    @overload
    def __call__(self, event: Literal["task:progress"], listener: Hears[ProgressEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["task:active"], /) -> Listens[ActiveEvent]: ...
    @overload
    def __call__(self, event: Literal["task:active"], listener: Hears[ActiveEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["task:stalled"], /) -> Listens[StalledEvent]: ...
    @overload
    def __call__(self, event: Literal["task:stalled"], listener: Hears[StalledEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["task:cancelled"], /) -> Listens[CancelledEvent]: ...
    @overload
    def __call__(self, event: Literal["task:cancelled"], listener: Hears[CancelledEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["task:expired"], /) -> Listens[ExpiredEvent]: ...
    @overload
    def __call__(self, event: Literal["task:expired"], listener: Hears[ExpiredEvent], /) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["worker:ready", "worker:closing"], /) -> ListensForNothing: ...
    @overload
    def __call__(
        self, event: Literal["worker:ready", "worker:closing"], listener: Callable[[], object], /
    ) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["worker:error"], /) -> Listens[Exception]: ...
    @overload
    def __call__(self, event: Literal["worker:error"], listener: Hears[Exception], /) -> Unsubscribe: ...
    def __call__(self, event: str, listener: Callable[..., object] | None = None, /) -> Any:
        """Have a function told of an event.

        Args:
            event: Its name: ``task:`` and the name of an event of jobs, ``worker:ready`` and ``worker:closing``, which
                come without an event, or ``worker:error``, which comes with the error.
            listener: Called with the event; an async one is awaited on the event loop, a plain one runs in a thread.
                Without it this is a decorator, which returns the function as it is.

        Returns:
            A function that removes the listener.

        Raises:
            ConfigError: There is no such event, or the listener is no function.
        """
        return self._add(event, listener)
