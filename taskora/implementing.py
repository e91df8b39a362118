"""What an application does with contracts: dispatch them, or run them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar, Unpack, cast, overload

from taskora.agreement import check_handler
from taskora.collecting import CollectFunctionTask, CollectTask
from taskora.context import Context
from taskora.contracts import AnyContract, CollectContract, Contract, TaskContract, difference
from taskora.defining import DefineTask
from taskora.definition import caller_names
from taskora.errors import ConfigError
from taskora.function_task import AnyTask, FunctionTask
from taskora.home import DefiningHome
from taskora.quoting import quoted
from taskora.settings import HandlerSettings, TaskSettings
from taskora.task import Task

In = TypeVar("In")
Item = TypeVar("Item")
Out = TypeVar("Out")
_THE_CONTRACTS = ("input", "output", "collect")


class ContractHome(DefiningHome, Protocol):
    """What contracts need of the application."""

    @property
    def tasks(self) -> Mapping[str, Task[Any, Any]]: ...


class Contracts:
    """The contracts that an application registered or implemented.

    Args:
        home: The application.
        define: What defines its tasks.
    """

    def __init__(self, home: ContractHome, define: DefineTask) -> None:
        self._home = home
        self._define = define
        self._known: dict[str, AnyContract] = {}
        self._implemented: set[str] = set()
        self.registered: dict[str, Task[Any, Any]] = {}

    def register(self, contract: AnyContract) -> Task[Any, Any]:
        """See ``Taskora.register``."""
        self._meet(contract)
        name = contract.name
        known = self.registered.get(name) or self._home.tasks.get(name)
        if known is None:
            known = self.registered[name] = contract.bound_to(self._home, caller_names())
        _check_gathering(contract, known)
        return known

    def implement(self, contract: AnyContract, handler: Callable[..., object], settings: HandlerSettings) -> AnyTask:
        """See ``Taskora.implement``."""
        self._meet(contract)
        name = contract.name
        if name in self._implemented:
            raise ConfigError(
                f"contract {name!r}: this application implements it already; a contract has one handler in a process"
            )
        for given in _THE_CONTRACTS:
            if given in settings:
                raise ConfigError(
                    f"{given}: contract {name!r} says it, as producers have to know it too; give it to define_task()"
                )
        told = cast("TaskSettings", {**contract.settings(), **settings})
        check_handler(contract, handler, caller_names())
        task = self._define(name, handler, told)
        self._implemented.add(name)
        return task

    def follow(self, task: Task[Any, Any]) -> None:
        """Have what was registered take over what the same task is told where it is defined.

        Raises:
            ConfigError: One of them collects, the other does not.
        """
        known = self.registered.get(task.name)
        if known is not None:
            _check_gathering(self._known[task.name], task)
            known.follow(task)

    def check_runnable(self) -> None:
        """Refuse to work where there is nothing but registered contracts.

        Raises:
            ConfigError: There is nothing else.
        """
        if self.registered and not self._home.tasks:
            names = ", ".join(map(repr, sorted(self.registered)))
            raise ConfigError(
                f"tasks: this process only registered contracts ({names}) and has no handler to run; give them "
                "handlers with implement(), or import the module that does. Dispatching and waiting needs no worker"
            )

    def _meet(self, contract: AnyContract) -> None:
        if not isinstance(contract, Contract):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise ConfigError(f"contract: expected one from define_task() or static_contract(), got {quoted(contract)}")
        known = self._known.setdefault(contract.name, contract)
        if known != contract:
            raise ConfigError(
                f"contract {contract.name!r}: there is another one of that name, with different "
                f"{difference(known, contract)}; both sides must share one"
            )


def _check_gathering(contract: AnyContract, task: Task[Any, Any]) -> None:
    """Refuse a task of another kind than its contract: what is dispatched to the one, the other cannot take."""
    if isinstance(task, CollectTask) != isinstance(contract, CollectContract):
        which = "the task" if isinstance(task, CollectTask) else "the contract"
        raise ConfigError(
            f"collect: of task {contract.name!r} and its contract, {which} alone collects; give collect= to both, or "
            "implement() the contract"
        )


class Implementer(Protocol[In, Out]):
    """Gives a contract its handler, as a decorator. Made by ``Taskora.implement``."""

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


class CollectImplementer(Protocol[Item, Out]):
    """Gives a contract that collects its handler, as a decorator. Made by ``Taskora.implement``."""

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


class Implement:
    """Gives contracts their handlers; what ``Taskora.implement`` is."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts

    @overload
    def __call__(
        self, contract: CollectContract[Item, Out], /, **settings: Unpack[HandlerSettings]
    ) -> CollectImplementer[Item, Out]: ...
    @overload
    def __call__(
        self,
        contract: CollectContract[Item, Out],
        handler: Callable[[list[Item], Context], Coroutine[Any, Any, Out]],
        /,
        **settings: Unpack[HandlerSettings],
    ) -> CollectFunctionTask[Item, Out, [list[Item], Context], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self,
        contract: CollectContract[Item, Out],
        handler: Callable[[list[Item]], Coroutine[Any, Any, Out]],
        /,
        **settings: Unpack[HandlerSettings],
    ) -> CollectFunctionTask[Item, Out, [list[Item]], Coroutine[Any, Any, Out]]: ...
    @overload
    def __call__(
        self,
        contract: CollectContract[Item, Out],
        handler: Callable[[list[Item], Context], Out],
        /,
        **settings: Unpack[HandlerSettings],
    ) -> CollectFunctionTask[Item, Out, [list[Item], Context], Out]: ...
    @overload
    def __call__(
        self,
        contract: CollectContract[Item, Out],
        handler: Callable[[list[Item]], Out],
        /,
        **settings: Unpack[HandlerSettings],
    ) -> CollectFunctionTask[Item, Out, [list[Item]], Out]: ...
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
        contract: AnyContract,
        handler: Callable[..., object] | None = None,
        /,
        **settings: Unpack[HandlerSettings],
    ) -> Any:
        """Implement a contract; see ``Taskora.implement``."""
        if handler is None:

            def decorate(function: Callable[..., object]) -> AnyTask:
                return self._contracts.implement(contract, function, settings)

            return decorate
        return self._contracts.implement(contract, handler, settings)
