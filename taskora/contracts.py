"""Contracts: a task's name, types and defaults, declared apart from its handler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, Final, Generic, TypeAlias, TypedDict, TypeVar, Unpack, cast, overload

from taskora.collecting import CollectTask, check_alone, list_of
from taskora.config import Defaults, Retention, Retry, Stall, Ttl, check_flag, check_instance
from taskora.definition import (
    caller_names,
    collect_of,
    item_schema,
    options_of,
    payload_schema,
    result_schema,
)
from taskora.duration import Duration
from taskora.errors import ConfigError
from taskora.flow_control import Collect
from taskora.home import DefiningHome
from taskora.keys import check_task_name
from taskora.schema import ANY, Schema
from taskora.settings import TaskSettings
from taskora.task import Schemas, Task

In = TypeVar("In")
Item = TypeVar("Item")
Out = TypeVar("Out")
_PLAIN = frozenset({dict, list, str, int, float, bool, type(None)})
_NO_NAMES: Mapping[str, object] = {}


class Default(Enum):
    """Stands for an option that a contract leaves to the application."""

    DEFAULT = "default"


DEFAULT: Final = Default.DEFAULT


class ContractSettings(TypedDict, total=False):
    """Options that both sides of a contract know. The worker may overrule them with ``implement``.

    Attributes:
        retry: When and how a failed job runs again. Replaces the application's default as a whole.
        timeout: Longest run of an attempt; None for no limit.
        ttl: How long a job may wait to be taken; a duration, or ``Ttl`` to discard expired jobs.
        stall: What happens to a job whose worker vanished.
        version: Version of the payload that is written. Defaults to 1.
        since: Oldest version that is still read. Defaults to 1.
        index: Paths into the payload by whose values jobs can be found. Defaults to none.
    """

    retry: Retry
    timeout: Duration | None
    ttl: Ttl | Duration | None
    stall: Stall
    version: int
    since: int
    index: tuple[str, ...]


# Without slots: on Python 3.11 a slotted frozen class cannot be made through its alias.
@dataclass(frozen=True, kw_only=True)
class Contract(Generic[Out]):
    """What a ``TaskContract`` and a ``CollectContract`` have in common.

    It belongs to no application: ``taskora.register`` makes a task of it that can be dispatched, ``taskora.implement``
    one that runs. Two contracts with the same name, types and options are equal.

    Attributes:
        name: The task's name.
        input: Type of what is dispatched; ``object`` when it is not known at run time.
        output: Type of the result; likewise.
        validates: Whether a producer checks payloads against the type.
        retry: See ``ContractSettings``, as for all that follow; ``DEFAULT`` for what the application says.
        timeout: See ``ContractSettings``.
        ttl: See ``ContractSettings``.
        stall: See ``ContractSettings``.
        version: See ``ContractSettings``.
        since: See ``ContractSettings``.
        index: See ``ContractSettings``.
    """

    name: str
    input: object
    output: object
    validates: bool = True
    retry: Retry | Default = DEFAULT
    timeout: Duration | Default | None = DEFAULT
    ttl: Ttl | Duration | Default | None = DEFAULT
    stall: Stall | Default = DEFAULT
    version: int | Default = DEFAULT
    since: int | Default = DEFAULT
    index: tuple[str, ...] | Default = DEFAULT

    def __post_init__(self) -> None:
        check_task_name(self.name)
        check_flag(self.validates, "validates")
        options_of(self.settings(), Defaults(), Retention())

    @property
    def payload(self) -> object:
        """Type of what a handler is given."""
        return self.input

    def settings(self) -> TaskSettings:
        """Return what it says as options of a task, its types included."""
        given = {name: getattr(self, name) for name in ContractSettings.__annotations__}
        given |= {name: kind for name in ("input", "output") if (kind := getattr(self, name)) is not object}
        return cast("TaskSettings", {name: value for name, value in given.items() if value is not DEFAULT})

    def schemas(self, names: Mapping[str, object] = _NO_NAMES) -> Schemas:
        """Make what a producer reads and writes payload and result with.

        Raises:
            ConfigError: A type cannot be used.
        """
        payload = payload_schema(self.payload, self.name, names)
        return self._checking(payload), result_schema(self.output, self.name, names)

    def bound_to(self, home: DefiningHome, names: Mapping[str, object]) -> Task[Any, Out]:
        """Make a task of it, without a handler.

        Args:
            home: The application.
            names: Local names of the place where this is asked for, for types that are text.
        """
        raise NotImplementedError

    def _checking(self, schema: Schema[object]) -> Schema[object]:
        return schema if self.validates else Unchecked(schema)


@dataclass(frozen=True, kw_only=True)
class TaskContract(Contract[Out], Generic[In, Out]):
    """What producers and workers of a task agree on. Made by ``define_task`` and ``static_contract``.

    Attributes:
        input: Type of the payload; ``object`` when it is not known at run time.
    """

    def bound_to(self, home: DefiningHome, names: Mapping[str, object]) -> Task[In, Out]:
        """See ``Contract``."""
        options = options_of(self.settings(), home.defaults, home.retention)
        return Task(home, self.name, options, self.schemas(names))


@dataclass(frozen=True, kw_only=True)
class CollectContract(Contract[Out], Generic[Item, Out]):
    """What producers and workers of a task that collects agree on. Made by ``define_task`` and ``static_contract``.

    Attributes:
        input: Type of an item: what is dispatched. A handler is given a list of it.
        collect: How producers gather what they dispatch.
    """

    collect: Collect[Item]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_instance(self.collect, cast("type[Collect[Any]]", Collect), "collect")

    @property
    def payload(self) -> object:
        """Type of what a handler is given: a batch."""
        return list_of(self.input)

    def settings(self) -> TaskSettings:
        """Return what it says as options of a task, its types included."""
        return cast("TaskSettings", {**super().settings(), "collect": self.collect})

    def item_schema(self, names: Mapping[str, object] = _NO_NAMES) -> Schema[object]:
        """Make what a producer writes an item with.

        Raises:
            ConfigError: The type cannot be used.
        """
        return self._checking(item_schema(self.input, self.name, names))

    def bound_to(self, home: DefiningHome, names: Mapping[str, object]) -> CollectTask[Item, Out]:
        """See ``Contract``."""
        options = options_of(self.settings(), home.defaults, home.retention)
        return CollectTask(home, self.name, options, self.schemas(names), self.collect, self.item_schema(names))


AnyContract: TypeAlias = TaskContract[Any, Any] | CollectContract[Any, Any]


@overload
def define_task(
    name: str, *, input: type[Item], output: type[Out], collect: Collect[Item], **settings: Unpack[ContractSettings]
) -> CollectContract[Item, Out]: ...
@overload
def define_task(
    name: str, *, input: type[Item], output: None, collect: Collect[Item], **settings: Unpack[ContractSettings]
) -> CollectContract[Item, None]: ...
@overload
def define_task(
    name: str, *, input: object, output: object, collect: Collect[Item], **settings: Unpack[ContractSettings]
) -> CollectContract[Item, Out]: ...  # pyright: ignore[reportInvalidTypeVarUse] - the declared type of the variable tells
@overload
def define_task(
    name: str, *, input: type[In], output: type[Out], **settings: Unpack[ContractSettings]
) -> TaskContract[In, Out]: ...
@overload
def define_task(
    name: str, *, input: type[In], output: None, **settings: Unpack[ContractSettings]
) -> TaskContract[In, None]: ...
@overload
def define_task(
    name: str, *, input: None, output: type[Out], **settings: Unpack[ContractSettings]
) -> TaskContract[None, Out]: ...
@overload
def define_task(
    name: str, *, input: object, output: object, **settings: Unpack[ContractSettings]
) -> TaskContract[In, Out]: ...  # pyright: ignore[reportInvalidTypeVarUse] - the declared type of the variable tells
def define_task(
    name: str,
    *,
    input: object,  # noqa: A002 - the option's name
    output: object,
    collect: Collect[Any] | None = None,
    **settings: Unpack[ContractSettings],
) -> AnyContract:
    """Declare a task without its handler, for producers that cannot or should not import it.

    Args:
        name: The task's name.
        input: Type of the payload, of any kind that a handler's annotation may have; None for none. Where it is no
            class (``int | None``), annotate the result: ``contract: TaskContract[int | None, str] = define_task(…)``.
        output: Type of the result, likewise.
        collect: Have what is dispatched gathered into batches. ``input`` is then the type of an item, a handler is
            given a list of it, and the contract is a ``CollectContract``.
        **settings: See ``ContractSettings``.

    Raises:
        ConfigError: The name, a type or an option cannot be used.
    """
    return _checked(name, input, output, collect, settings, validates=True)


@overload
def static_contract(
    name: str, *, input: type[Item], output: type[Out], collect: Collect[Item], **settings: Unpack[ContractSettings]
) -> CollectContract[Item, Out]: ...
@overload
def static_contract(
    name: str,
    *,
    input: object = ...,
    output: object = ...,
    collect: Collect[Item],
    **settings: Unpack[ContractSettings],
) -> CollectContract[Item, Out]: ...  # pyright: ignore[reportInvalidTypeVarUse] - the declared type of the variable tells
@overload
def static_contract(
    name: str, *, input: type[In], output: type[Out], **settings: Unpack[ContractSettings]
) -> TaskContract[In, Out]: ...
@overload
def static_contract(
    name: str, *, input: object = ..., output: object = ..., **settings: Unpack[ContractSettings]
) -> TaskContract[In, Out]: ...  # pyright: ignore[reportInvalidTypeVarUse] - the declared type of the variable tells
def static_contract(
    name: str,
    *,
    input: object = object,  # noqa: A002 - the option's name
    output: object = object,
    collect: Collect[Any] | None = None,
    **settings: Unpack[ContractSettings],
) -> AnyContract:
    """Declare a task whose payloads producers do not check; the worker does, as always.

    The types may be left out and be known to type checkers alone, so that a producer need not import them:
    ``contract: TaskContract[Email, Receipt] = static_contract("send-email")``. It then dispatches plain values and gets
    plain results. With types, results are read as them, and payloads may be instances.

    Args:
        name: The task's name.
        input: Type of the payload. Left out, the worker checks against the annotations of its handler.
        output: Type of the result, likewise.
        collect: See ``define_task``.
        **settings: See ``ContractSettings``.

    Raises:
        ConfigError: The name, a type or an option cannot be used.
    """
    return _checked(name, input, output, collect, settings, validates=False)


def _checked(
    name: str,
    given: object,
    output: object,
    collect: Collect[Any] | None,
    settings: ContractSettings,
    *,
    validates: bool,
) -> AnyContract:
    unknown = settings.keys() - ContractSettings.__annotations__.keys()
    if unknown:
        options = ", ".join(sorted({"collect", *ContractSettings.__annotations__}))
        raise ConfigError(
            f"{min(unknown)}: there is no such option of a contract; there are: {options}; what workers alone need to "
            "know is an option of implement()"
        )
    told = options_of(cast("TaskSettings", settings), Defaults(), Retention())
    name = check_task_name(name)
    gathered = collect_of({"collect": collect})
    if gathered is None:
        plain: TaskContract[Any, Any] = TaskContract(
            name=name, input=given, output=output, validates=validates, **settings
        )
        plain.schemas(caller_names())
        return plain
    check_alone(told)
    collecting: CollectContract[Any, Any] = CollectContract(
        name=name, input=given, output=output, validates=validates, collect=gathered, **settings
    )
    collecting.schemas(caller_names())
    collecting.item_schema(caller_names())
    return collecting


class Unchecked:
    """Writes payloads without checking them. What is an instance of a class is written as its type says."""

    __slots__ = ("_schema",)

    def __init__(self, schema: Schema[object]) -> None:
        self._schema = schema

    @property
    def type(self) -> object:
        """What was declared."""
        return self._schema.type

    def decode(self, value: object, /) -> object:
        """Read a value as the type."""
        return self._schema.decode(value)

    def decode_bytes(self, raw: bytes, /) -> object:
        """Read JSON as the type."""
        return self._schema.decode_bytes(raw)

    def encode(self, value: object, /) -> object:
        """Return a plain value as it is."""
        if self._schema is ANY or type(value) in _PLAIN:
            return value
        return self._schema.encode(value)


def difference(one: AnyContract, other: AnyContract) -> str:
    """Say in what two contracts of one name differ; empty when they are equal."""
    names = dict.fromkeys(field.name for contract in (one, other) for field in fields(contract))
    return ", ".join(name for name in names if getattr(one, name, None) != getattr(other, name, None))
