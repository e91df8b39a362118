"""What annotations say, once names and type variables are resolved."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import (
    Annotated,
    Final,
    Generic,
    Protocol,
    TypeGuard,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

Bindings = Mapping[object, object]
Namespace = Mapping[str, object]


def class_hints(kind: type, names: Namespace) -> dict[str, object]:
    """Resolve the annotations of a class and its bases.

    Args:
        kind: The class.
        names: Names to fall back on where the class's own module does not have them (a class inside a function).

    Raises:
        NameError: A name is unknown in both.
    """
    try:
        return dict(get_type_hints(kind, include_extras=True))
    except NameError:
        known = {**names, kind.__name__: kind}
        return dict(get_type_hints(kind, localns=known, include_extras=True))


def resolve(annotation: object, function: Callable[..., object], names: Namespace) -> object:
    """Resolve one annotation of a function, so that another that cannot be resolved does no harm.

    Raises:
        NameError: A name is unknown in the function's module, its closure and ``names``.
    """
    module: dict[str, object] = getattr(function, "__globals__", None) or vars(sys.modules[function.__module__])
    return _evaluate(annotation, module, {**names, **_closure(function)})


def alias_value(alias: object, names: Namespace) -> object:
    """Give what a type alias stands for; names as text, as before 3.12, are looked up in its module.

    Raises:
        NameError: A name is unknown there and in ``names``.
    """
    module = sys.modules.get(str(getattr(alias, "__module__", "")))
    return _evaluate(getattr(alias, "__value__", None), vars(module) if module else {}, names)


def _evaluate(annotation: object, module: dict[str, object], names: Namespace) -> object:
    def probe() -> None: ...

    probe.__annotations__ = {"it": annotation}
    return get_type_hints(probe, globalns=module, localns=dict(names), include_extras=True)["it"]


def _closure(function: Callable[..., object]) -> dict[str, object]:
    """Give what the function has captured; a cell that is not filled yet is left out."""
    code = getattr(function, "__code__", None)
    captured: dict[str, object] = {}
    for name, cell in zip(getattr(code, "co_freevars", ()), getattr(function, "__closure__", None) or (), strict=False):
        try:
            captured[name] = cell.cell_contents
        except ValueError:
            continue
    return captured


def is_class(annotation: object) -> TypeGuard[type[object]]:
    """Tell a class."""
    return isinstance(annotation, type)


def is_typed_dict(annotation: object) -> bool:
    """Tell a TypedDict, of typing or of typing_extensions."""
    return is_class(annotation) and dict in annotation.__mro__ and hasattr(annotation, "__required_keys__")


def is_type_alias(annotation: object) -> bool:
    """Tell a ``type X = ...`` (3.12), or typing_extensions' stand-in for it."""
    return type(annotation).__name__ == "TypeAliasType"


def qualifiers(annotation: object) -> tuple[set[str], object]:
    """Peel Required, NotRequired, ReadOnly and Final off: their names, and what was inside."""
    found: set[str] = set()
    while True:
        origin = get_origin(annotation)
        name = "Final" if origin is Final else getattr(origin, "__name__", None) or getattr(origin, "_name", None)
        if name in ("Required", "NotRequired", "ReadOnly", "Final") and get_args(annotation):
            found.add(str(name))
            annotation = get_args(annotation)[0]
        elif origin is Annotated and qualifiers(get_args(annotation)[0])[0]:
            annotation = get_args(annotation)[0]
        else:
            return found, annotation


def substitute(annotation: object, bindings: Bindings) -> object:
    """Put types in the place of type variables."""
    if isinstance(annotation, TypeVar):
        return bindings.get(annotation, annotation)
    parameters: tuple[object, ...] = getattr(annotation, "__parameters__", ())
    if get_origin(annotation) is None or not parameters or not bindings:
        return annotation
    return cast("_Generic", annotation)[tuple(bindings.get(parameter, parameter) for parameter in parameters)]


class _Generic(Protocol):
    def __getitem__(self, arguments: tuple[object, ...], /) -> object: ...


def bindings_of(kind: object, arguments: tuple[object, ...]) -> dict[object, object]:
    """Give what the type variables of a generic class, and of its bases, stand for."""
    parameters: tuple[object, ...] = getattr(kind, "__type_params__", ())
    if not parameters:
        parameters = getattr(kind, "__parameters__", ())
    bound = dict(zip(parameters, arguments, strict=False))
    if not isinstance(kind, type):
        return bound
    inherited: dict[object, object] = {}
    for base in vars(kind).get("__orig_bases__", kind.__bases__):
        origin = get_origin(base)
        if origin not in (Generic, Protocol):
            given = tuple(substitute(argument, bound) for argument in get_args(base))
            inherited.update(bindings_of(origin or base, given))
    return {**inherited, **bound}
