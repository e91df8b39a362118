"""Whether a handler's annotations agree with its contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

from taskora.context import Context
from taskora.contracts import AnyContract
from taskora.errors import ConfigError
from taskora.quoting import quoted
from taskora.schema import handler_types

_UNTOLD: frozenset[object] = frozenset({Union, UnionType, Annotated})  # classes in some versions of Python


def check_handler(contract: AnyContract, handler: Callable[..., object], names: Mapping[str, object]) -> None:
    """Refuse a handler whose annotations contradict a contract. What only a type checker can tell is let pass.

    Args:
        contract: The contract.
        handler: The handler.
        names: Local names of the place where it is defined.

    Raises:
        ConfigError: Its payload or its result is annotated as something else.
    """
    types = handler_types(handler, Context, names=names)
    label = getattr(handler, "__qualname__", None) or quoted(handler)
    if types.takes_data and _contradict(contract.payload, types.input):
        raise ConfigError(
            f"contract {contract.name!r}: handler {label} takes {_shown(types.input)}, the contract's are given "
            f"{_shown(contract.payload)}; change the annotation, or leave it out"
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
