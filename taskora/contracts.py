"""Contracts: a task's name, types and defaults, declared apart from its handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    TypedDict,
    TypeVar,
    Union,
    Unpack,
    cast,
    get_args,
    get_origin,
    overload,
)

from taskora.config import Defaults, Retention, Retry, Stall, Ttl
from taskora.context import Context
from taskora.definition import TaskSettings, caller_names, options_of
from taskora.duration import Duration
from taskora.errors import ConfigError
from taskora.keys import check_task_name
from taskora.schema import ANY, Schema, handler_types, schema_for

In = TypeVar("In")
Out = TypeVar("Out")
_PLAIN = frozenset({dict, list, str, int, float, bool, type(None)})
_NO_NAMES: Mapping[str, object] = {}
_UNTOLD: frozenset[object] = frozenset({Union, UnionType, Annotated})  # classes in some versions of Python


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
    """

    retry: Retry
    timeout: Duration | None
    ttl: Ttl | Duration | None
    stall: Stall
    version: int
    since: int


# Without slots: on Python 3.11 a slotted frozen class cannot be made through its alias.
@dataclass(frozen=True, kw_only=True)
class TaskContract(Generic[In, Out]):
    """What producers and workers of a task agree on. Made by ``define_task`` and ``static_contract``.

    It belongs to no application: ``taskora.register`` makes a task of it that can be dispatched, ``taskora.implement``
    one that runs. Two contracts with the same name, types and options are equal.

    Attributes:
        name: The task's name.
        input: Type of the payload; ``object`` when it is not known at run time.
        output: Type of the result; likewise.
        validates: Whether a producer checks payloads against the type.
        retry: See ``ContractSettings``, as for all that follow; ``DEFAULT`` for what the application says.
        timeout: See ``ContractSettings``.
        ttl: See ``ContractSettings``.
        stall: See ``ContractSettings``.
        version: See ``ContractSettings``.
        since: See ``ContractSettings``.
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

    def settings(self) -> TaskSettings:
        """Return what it says as options of a task, its types included."""
        given = {name: getattr(self, name) for name in ContractSettings.__annotations__}
        given |= {name: kind for name in ("input", "output") if (kind := getattr(self, name)) is not object}
        return cast("TaskSettings", {name: value for name, value in given.items() if value is not DEFAULT})

    def schemas(self, names: Mapping[str, object] = _NO_NAMES) -> tuple[Schema[object], Schema[object]]:
        """Make what a producer reads and writes payload and result with.

        Raises:
            ConfigError: A type cannot be used.
        """
        pair = (
            schema_for(self.input, f"input of task {self.name!r}", task=self.name, names=names),
            schema_for(self.output, f"output of task {self.name!r}", task=self.name, names=names),
        )
        return pair if self.validates else (Unchecked(pair[0]), pair[1])


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
    **settings: Unpack[ContractSettings],
) -> TaskContract[Any, Any]:
    """Declare a task without its handler, for producers that cannot or should not import it.

    Args:
        name: The task's name.
        input: Type of the payload, of any kind that a handler's annotation may have; None for none. Where it is no
            class (``int | None``), annotate the result: ``contract: TaskContract[int | None, str] = define_task(…)``.
        output: Type of the result, likewise.
        **settings: See ``ContractSettings``.

    Raises:
        ConfigError: The name, a type or an option cannot be used.
    """
    return _checked(name, input, output, settings, validates=True)


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
    **settings: Unpack[ContractSettings],
) -> TaskContract[Any, Any]:
    """Declare a task whose payloads producers do not check; the worker does, as always.

    The types may be left out and be known to type checkers alone, so that a producer need not import them:
    ``contract: TaskContract[Email, Receipt] = static_contract("send-email")``. It then dispatches plain values and gets
    plain results. With types, results are read as them, and payloads may be instances.

    Args:
        name: The task's name.
        input: Type of the payload. Left out, the worker checks against the annotations of its handler.
        output: Type of the result, likewise.
        **settings: See ``ContractSettings``.

    Raises:
        ConfigError: The name, a type or an option cannot be used.
    """
    return _checked(name, input, output, settings, validates=False)


def _checked(
    name: str, given: object, output: object, settings: ContractSettings, *, validates: bool
) -> TaskContract[Any, Any]:
    unknown = settings.keys() - ContractSettings.__annotations__.keys()
    if unknown:
        options = ", ".join(sorted(ContractSettings.__annotations__))
        raise ConfigError(
            f"{min(unknown)}: there is no such option of a contract; there are: {options}; what workers alone need to "
            "know is an option of implement()"
        )
    options_of(cast("TaskSettings", settings), Defaults(), Retention())
    contract: TaskContract[Any, Any] = TaskContract(
        name=check_task_name(name), input=given, output=output, validates=validates, **settings
    )
    contract.schemas(caller_names())
    return contract


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


def check_handler(
    contract: TaskContract[Any, Any], handler: Callable[..., object], names: Mapping[str, object], *, takes: object
) -> None:
    """Refuse a handler whose annotations contradict a contract. What only a type checker can tell is let pass.

    Args:
        contract: The contract.
        handler: The handler.
        names: Local names of the place where it is defined.
        takes: What it is handed.

    Raises:
        ConfigError: Its payload or its result is annotated as something else.
    """
    types = handler_types(handler, Context, names=names)
    label = getattr(handler, "__qualname__", repr(handler))
    if types.takes_data and _contradict(takes, types.input):
        raise ConfigError(
            f"contract {contract.name!r}: handler {label} takes {_shown(types.input)}, the contract's input is "
            f"{_shown(takes)}; change the annotation, or leave it out"
        )
    if _contradict(types.output, contract.output):
        raise ConfigError(
            f"contract {contract.name!r}: handler {label} returns {_shown(types.output)}, the contract's output is "
            f"{_shown(contract.output)}; change the annotation, or leave it out"
        )


def _contradict(given: object, wanted: object) -> bool:
    """Tell whether a value of one type can never pass for another; False where that cannot be told."""
    if given == wanted or Any in (given, wanted) or object in (given, wanted):
        return False
    given, wanted = (type(None) if kind is None else kind for kind in (given, wanted))
    origins = tuple(get_origin(kind) or kind for kind in (given, wanted))
    if not all(isinstance(origin, type) for origin in origins) or not _UNTOLD.isdisjoint(origins):
        return False
    if origins == (int, float):
        return False
    if origins[0] != origins[1]:
        return not _is_subclass(*origins)
    pairs = zip(get_args(given), get_args(wanted), strict=False)
    return any(_contradict(one, other) and _contradict(other, one) for one, other in pairs)


def _is_subclass(given: object, wanted: object) -> bool:
    try:
        return issubclass(cast("type", given), cast("type", wanted))
    except TypeError:
        # A Protocol or a TypedDict cannot be asked: another one may well have the same members.
        return True


def _shown(kind: object) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def difference(one: TaskContract[Any, Any], other: TaskContract[Any, Any]) -> str:
    """Say in what two contracts of one name differ; empty when they are equal."""
    differing = [field.name for field in fields(one) if getattr(one, field.name) != getattr(other, field.name)]
    return ", ".join(differing)
