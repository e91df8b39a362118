"""What an application does with contracts: dispatch them, or run them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, Protocol, TypeVar, Unpack, cast, overload

from taskora.config import Defaults, Retention
from taskora.context import Context
from taskora.contracts import TaskContract, check_handler, difference
from taskora.definition import HandlerSettings, TaskSettings, caller_names, options_of
from taskora.errors import ConfigError
from taskora.task import FunctionTask, Task, TaskHome

In = TypeVar("In")
Out = TypeVar("Out")
AnyContract = TaskContract[Any, Any]


class ContractHome(TaskHome, Protocol):
    """What contracts need of the application."""

    @property
    def defaults(self) -> Defaults: ...

    @property
    def retention(self) -> Retention: ...

    @property
    def tasks(self) -> Mapping[str, Task[Any, Any]]: ...


class Define(Protocol):
    """Defines a task of the application."""

    def __call__(
        self, name: str, handler: Callable[..., object], settings: TaskSettings, /
    ) -> FunctionTask[Any, Any, ..., Any]: ...


class Contracts:
    """The contracts that an application registered or implemented.

    Args:
        home: The application.
        define: What defines its tasks.
    """

    def __init__(self, home: ContractHome, define: Define) -> None:
        self._home = home
        self._define = define
        self._known: dict[str, AnyContract] = {}
        self._implemented: set[str] = set()
        self.registered: dict[str, Task[Any, Any]] = {}

    def register(self, contract: TaskContract[In, Out]) -> Task[In, Out]:
        """See ``Taskora.register``."""
        self._meet(contract)
        name = contract.name
        known = self.registered.get(name) or self._home.tasks.get(name)
        if known is not None:
            return cast("Task[In, Out]", known)
        options = options_of(contract.settings(), self._home.defaults, self._home.retention)
        task: Task[In, Out] = Task(self._home, name, options, *contract.schemas(caller_names()))
        self.registered[name] = task
        return task

    def implement(
        self, contract: AnyContract, handler: Callable[..., object], settings: HandlerSettings
    ) -> FunctionTask[Any, Any, ..., Any]:
        """See ``Taskora.implement``."""
        self._meet(contract)
        name = contract.name
        if name in self._implemented:
            raise ConfigError(
                f"contract {name!r}: this application implements it already; a contract has one handler in a process"
            )
        for given in ("input", "output"):
            if given in settings:
                raise ConfigError(f"{given}: contract {name!r} says it; an option of implement() cannot")
        if "collect" in settings:
            raise ConfigError(
                f"collect: contract {name!r} cannot be collected, as its producers would have to know how; define such "
                "a task with task() in a module that both sides import"
            )
        told = cast("TaskSettings", {**contract.settings(), **settings})
        check_handler(contract, handler, caller_names(), takes=contract.input)
        task = self._define(name, handler, told)
        self._implemented.add(name)
        return task

    def follow(self, task: Task[Any, Any]) -> None:
        """Have what was registered take over what the same task is told where it is defined."""
        known = self.registered.get(task.name)
        if known is not None:
            known.follow(task)

    def check_runnable(self) -> None:
        """Refuse to start where there is nothing but registered contracts.

        Raises:
            ConfigError: There is nothing else.
        """
        if self.registered and not self._home.tasks:
            names = ", ".join(map(repr, sorted(self.registered)))
            raise ConfigError(
                f"start: this process only registered contracts ({names}) and has no handler to run; it dispatches and "
                "waits without start(). A worker gives a contract its handler with implement()"
            )

    def _meet(self, contract: AnyContract) -> None:
        if not isinstance(contract, TaskContract):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise ConfigError(f"contract: expected one from define_task() or static_contract(), got {contract!r}")
        known = self._known.setdefault(contract.name, contract)
        if known != contract:
            raise ConfigError(
                f"contract {contract.name!r}: there is another one of that name, with different "
                f"{difference(known, contract)}; both sides must share one"
            )


class Implementer(Generic[In, Out]):
    """Gives a contract its handler, as a decorator. Made by ``Taskora.implement``."""

    def __init__(self, contracts: Contracts, contract: TaskContract[In, Out], settings: HandlerSettings) -> None:
        self._contracts = contracts
        self._contract = contract
        self._settings = settings

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
    ) -> FunctionTask[In, Out, [], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(self, handler: Callable[[In, Context], Out], /) -> FunctionTask[In, Out, [In, Context], Out]: ...
    @overload
    def __call__(self, handler: Callable[[In], Out], /) -> FunctionTask[In, Out, [In], Out]: ...
    @overload
    def __call__(self, handler: Callable[[], Out], /) -> FunctionTask[In, Out, [], Out]: ...
    def __call__(self, handler: Callable[..., object], /) -> Any:
        """Implement it."""
        return self._contracts.implement(self._contract, handler, self._settings)


class Implement:
    """Gives contracts their handlers; what ``Taskora.implement`` is."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts

    @overload
    def __call__(
        self, contract: TaskContract[In, Out], /, **settings: Unpack[HandlerSettings]
    ) -> Implementer[In, Out]: ...
    @overload
    def __call__(
        self,
        contract: TaskContract[In, Out],
        handler: Callable[[In, Context], Coroutine[Any, Any, Out]],
        /,
        **settings: Unpack[HandlerSettings],
    ) -> FunctionTask[In, Out, [In, Context], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self,
        contract: TaskContract[In, Out],
        handler: Callable[[In], Coroutine[Any, Any, Out]],
        /,
        **settings: Unpack[HandlerSettings],
    ) -> FunctionTask[In, Out, [In], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self,
        contract: TaskContract[In, Out],
        handler: Callable[[], Coroutine[Any, Any, Out]],
        /,
        **settings: Unpack[HandlerSettings],
    ) -> FunctionTask[In, Out, [], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self,
        contract: TaskContract[In, Out],
        handler: Callable[[In, Context], Out],
        /,
        **settings: Unpack[HandlerSettings],
    ) -> FunctionTask[In, Out, [In, Context], Out]: ...
    @overload
    def __call__(
        self, contract: TaskContract[In, Out], handler: Callable[[In], Out], /, **settings: Unpack[HandlerSettings]
    ) -> FunctionTask[In, Out, [In], Out]: ...
    @overload
    def __call__(
        self, contract: TaskContract[In, Out], handler: Callable[[], Out], /, **settings: Unpack[HandlerSettings]
    ) -> FunctionTask[In, Out, [], Out]: ...
    def __call__(
        self,
        contract: TaskContract[Any, Any],
        handler: Callable[..., object] | None = None,
        /,
        **settings: Unpack[HandlerSettings],
    ) -> Any:
        """Implement a contract; see ``Taskora.implement``."""
        if handler is None:
            return Implementer(self._contracts, contract, settings)
        return self._contracts.implement(contract, handler, settings)
