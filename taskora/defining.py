"""How an application's tasks are defined: ``Taskora.task`` in all its forms, as type checkers see them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar, Unpack, overload

from taskora.collecting import CollectFunctionTask
from taskora.context import Context
from taskora.flow_control import Collect
from taskora.function_task import AnyTask, FunctionTask
from taskora.settings import CollectSettings, TaskSettings

In = TypeVar("In")
Item = TypeVar("Item")
Out = TypeVar("Out")
P = ParamSpec("P")
R = TypeVar("R")
DefineTask: TypeAlias = Callable[[str | None, Callable[..., object], TaskSettings], AnyTask]
"""Defines a task of the application: its name, or None for the function's; its handler; what it is told."""


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


class CollectDecorator(Protocol):
    """Makes a task of a function of a list of items, and of a context if it wants one."""

    @overload
    def __call__(
        self, handler: Callable[[list[Item], Context], Coroutine[Any, Any, Out]], /
    ) -> CollectFunctionTask[Item, Out, [list[Item], Context], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self, handler: Callable[[list[Item]], Coroutine[Any, Any, Out]], /
    ) -> CollectFunctionTask[Item, Out, [list[Item]], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self, handler: Callable[[list[Item], Context], Out], /
    ) -> CollectFunctionTask[Item, Out, [list[Item], Context], Out]: ...
    @overload
    def __call__(
        self, handler: Callable[[list[Item]], Out], /
    ) -> CollectFunctionTask[Item, Out, [list[Item]], Out]: ...


class TaskDefiner:
    """Defines tasks; what ``Taskora.task`` is."""

    def __init__(self, define: DefineTask) -> None:
        self._define = define

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
    @overload
    def __call__(
        self,
        name: str,
        handler: Callable[[list[Item], Context], Coroutine[Any, Any, Out]],
        *,
        collect: Collect[Item],
        **settings: Unpack[TaskSettings],
    ) -> CollectFunctionTask[Item, Out, [list[Item], Context], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self,
        name: str,
        handler: Callable[[list[Item]], Coroutine[Any, Any, Out]],
        *,
        collect: Collect[Item],
        **settings: Unpack[TaskSettings],
    ) -> CollectFunctionTask[Item, Out, [list[Item]], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self,
        name: str,
        handler: Callable[[list[Item], Context], Out],
        *,
        collect: Collect[Item],
        **settings: Unpack[TaskSettings],
    ) -> CollectFunctionTask[Item, Out, [list[Item], Context], Out]: ...
    @overload
    def __call__(
        self,
        name: str,
        handler: Callable[[list[Item]], Out],
        *,
        collect: Collect[Item],
        **settings: Unpack[TaskSettings],
    ) -> CollectFunctionTask[Item, Out, [list[Item]], Out]: ...
    @overload
    def __call__(
        self, name: str, handler: Callable[[In, Context], Coroutine[Any, Any, Out]], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[In, Out, [In, Context], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self, name: str, handler: Callable[[In], Coroutine[Any, Any, Out]], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[In, Out, [In], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self, name: str, handler: Callable[[], Coroutine[Any, Any, Out]], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[None, Out, [], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self, name: str, handler: Callable[[In, Context], Out], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[In, Out, [In, Context], Out]: ...
    @overload
    def __call__(
        self, name: str, handler: Callable[[In], Out], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[In, Out, [In], Out]: ...
    @overload
    def __call__(
        self, name: str, handler: Callable[[], Out], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[None, Out, [], Out]: ...
    @overload
    def __call__(
        self, name: str | None = None, /, *, collect: Collect[Any], **settings: Unpack[TaskSettings]
    ) -> CollectDecorator: ...
    @overload
    def __call__(self, name: str | None = None, /, **settings: Unpack[TaskSettings]) -> TaskDecorator: ...
    def __call__(
        self,
        name: str | Callable[..., object] | None = None,
        handler: Callable[..., object] | None = None,
        **settings: Unpack[CollectSettings],
    ) -> Any:
        """Define a task; see ``Taskora.task``.

        Args:
            name: The task's name, or the handler itself.
            handler: The handler, when this is not used as a decorator.
            **settings: See ``TaskSettings`` and, for batches, ``CollectSettings``.

        Raises:
            ConfigError: A name is taken or not allowed, an option is wrong, or an annotation cannot be used.
        """
        if callable(name):
            return self._define(None, name, settings)
        if handler is not None:
            return self._define(name, handler, settings)

        def decorate(function: Callable[..., object]) -> AnyTask:
            return self._define(name, function, settings)

        return decorate
