"""From an annotation to a converter."""

from __future__ import annotations

import dataclasses
import enum
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime
from inspect import Parameter
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

from taskora.errors import ConfigError

from . import hints
from .containers import DictOf, FixedTuple, ListOf, OptionalOf, TupleOf, UnionOf
from .converter import UNTOUCHED, Converter, Deferred
from .models import bridge_for
from .records import DataclassConverter, Member, TypedDictConverter
from .scalars import BOOL, DATE, DATETIME, FLOAT, INT, NONE, STR, UUID_TEXT, EnumByValue, JsonKey, OneOf

_NO_BINDINGS: hints.Bindings = {}
_REMEDY = (
    "use a type that JSON has, a dataclass or a TypedDict; or a pydantic model or pydantic.TypeAdapter "
    "(pip install 'taskora[pydantic]'), a msgspec Struct (pip install 'taskora[msgspec]'), or an object with validate()"
)


def _untyped(annotation: object) -> Converter | None:
    return UNTOUCHED if any(annotation is untyped for untyped in (Any, object, Parameter.empty)) else None


def _scalar(annotation: object) -> Converter | None:
    if annotation is None or annotation is type(None):
        return NONE
    known: dict[object, Converter] = {
        bool: BOOL,
        int: INT,
        float: FLOAT,
        str: STR,
        datetime: DATETIME,
        date: DATE,
        UUID: UUID_TEXT,
    }
    return known.get(annotation) if isinstance(annotation, type) else None


class PlainBuilder:
    """Makes the converter of one declared type.

    Args:
        what: What the type is of, for messages: ``input of task 'send-email'``.
        names: Names to fall back on when a class's annotations are text.
    """

    def __init__(self, what: str, names: hints.Namespace) -> None:
        self._what = what
        self._names = names
        self._under_way: dict[object, Deferred] = {}

    def build(self, annotation: object, where: str = "", bindings: hints.Bindings = _NO_BINDINGS) -> Converter:
        """Make the converter.

        Args:
            annotation: The type.
            where: The way to it from the declared type, for messages: ``Order.items[]``.
            bindings: What type variables stand for.

        Raises:
            ConfigError: There is no converter for the type, or for a part of it.
        """
        if isinstance(annotation, TypeVar):
            return self._variable(annotation, where, bindings)
        annotation = hints.substitute(annotation, bindings)
        simple = _untyped(annotation) or _scalar(annotation)
        if simple is not None:
            return simple
        if isinstance(annotation, str):
            raise self._error(where, f"the name {annotation!r} is text", "give the type itself")
        return (
            self._bridged(annotation, where)
            or self._wrapped(annotation, where)
            or self._container(annotation, where)
            or self._record(annotation, where)
            or self._refuse(annotation, where)
        )

    def _refuse(self, annotation: object, where: str) -> Converter:
        raise self._error(where, f"no converter for {annotation!r}", _REMEDY)

    def _error(self, where: str, problem: str, remedy: str) -> ConfigError:
        place = f"{self._what}: {where}" if where else self._what
        return ConfigError(f"{place}: {problem}; {remedy}")

    def _bridged(self, annotation: object, where: str) -> Converter | None:
        try:
            return bridge_for(annotation)
        except ValueError as error:
            raise self._error(where, f"no converter for {annotation!r}: {error}", "declare another type") from error

    def _variable(self, variable: TypeVar, where: str, bindings: hints.Bindings) -> Converter:
        """Follow a type variable to what it stands for, else to its bound, else to anything."""
        if variable in bindings:
            return self.build(bindings[variable], where)
        if variable.__constraints__:
            return self._union(variable.__constraints__, where)
        return UNTOUCHED if variable.__bound__ is None else self.build(variable.__bound__, where)

    def _wrapped(self, annotation: object, where: str) -> Converter | None:
        """Look through what only names or decorates another type."""
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.build(arguments[0], where)
        qualified, inner = hints.qualifiers(annotation)
        if qualified:
            return self.build(inner, where)
        supertype: object = getattr(annotation, "__supertype__", None)  # NewType
        if supertype is not None:
            return self.build(supertype, where)
        alias = annotation if hints.is_type_alias(annotation) else origin if hints.is_type_alias(origin) else None
        if alias is not None:
            bindings = hints.bindings_of(alias, arguments)
            return self._once(annotation, lambda: self.build(self._aliased(alias), where, bindings))
        return None

    def _once(self, annotation: object, make: Callable[[], Converter]) -> Converter:
        """Make a converter that may need itself."""
        if annotation in self._under_way:
            return self._under_way[annotation]
        deferred = self._under_way[annotation] = Deferred(_show(annotation))
        try:
            deferred.target = make()
        finally:
            del self._under_way[annotation]
        return deferred.target

    # -- containers, unions, literals --------------------------------------------------------------------------------

    def _container(self, annotation: object, where: str) -> Converter | None:
        kind, arguments = get_origin(annotation) or annotation, get_args(annotation)
        if getattr(annotation, "__unpacked__", False):  # the *tuple[...] in a tuple
            return None
        if kind is list:
            return ListOf(_show(annotation), self.build(arguments[0], f"{where}[]") if arguments else UNTOUCHED)
        if kind is dict:
            return self._dict(annotation, where)
        if kind is tuple:
            return self._tuple(annotation, where)
        if kind in (Union, types.UnionType) and arguments:
            return self._union(arguments, where)
        if kind is Literal and arguments:
            return self._literal(annotation, where)
        return None

    def _dict(self, annotation: object, where: str) -> Converter:
        arguments = get_args(annotation)
        if not arguments:
            return DictOf("dict", STR, UNTOUCHED)
        key = self.build(arguments[0], f"{where}[key]")
        if not _written_as_text(key):
            problem = f"no converter for {annotation!r}: the keys of a JSON object are text"
            raise self._error(where, problem, "declare its keys as str, a Literal of str or an Enum of str")
        return DictOf(_show(annotation), key, self.build(arguments[1], f"{where}[]"))

    def _tuple(self, annotation: object, where: str) -> Converter:
        arguments = get_args(annotation)
        if annotation is tuple or (get_origin(annotation) is tuple and not arguments and _show(annotation) == "Tuple"):
            return TupleOf("tuple", UNTOUCHED)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return TupleOf(_show(annotation), self.build(arguments[0], f"{where}[]"))
        places = enumerate(() if arguments == ((),) else arguments)
        return FixedTuple(_show(annotation), tuple(self.build(item, f"{where}[{place}]") for place, item in places))

    def _union(self, arguments: tuple[object, ...], where: str) -> Converter:
        others = [self.build(argument, where) for argument in arguments if _scalar(argument) is not NONE]
        # An int passes as a float: were float asked first, `float | int` would never give an int.
        others.sort(key=lambda member: member is FLOAT)
        inner = others[0] if len(others) == 1 else UnionOf(tuple(others))
        return inner if len(others) == len(arguments) else OptionalOf(inner)

    def _literal(self, annotation: object, where: str) -> Converter:
        by_json: dict[JsonKey, object] = {}
        to_json: dict[JsonKey, object] = {}
        for member in get_args(annotation):
            written: object = member.value if isinstance(member, enum.Enum) else member
            if not isinstance(written, bool | int | str | None):
                raise self._error(where, f"no converter for {annotation!r}", f"JSON has no form for {member!r}")
            by_json[type(written), written] = member
            to_json[type(member), member] = written
        return OneOf(" | ".join(repr(written) for _, written in by_json), by_json, to_json)

    # -- enums, dataclasses, TypedDicts ------------------------------------------------------------------------------

    def _record(self, annotation: object, where: str) -> Converter | None:
        kind = get_origin(annotation) or annotation
        if not hints.is_class(kind):
            return None
        if issubclass(kind, enum.Enum):
            return self._enum(kind, where)
        if hints.is_typed_dict(kind):
            return self._once(annotation, lambda: self._typed_dict(kind, get_args(annotation)))
        if dataclasses.is_dataclass(kind):
            return self._once(annotation, lambda: self._dataclass(kind, get_args(annotation)))
        return None

    def _enum(self, kind: type[enum.Enum], where: str) -> Converter:
        by_json: dict[JsonKey, enum.Enum] = {}
        for member in kind.__members__.values():
            written: object = member.value
            if not isinstance(written, bool | int | float | str | None):
                raise self._error(where, f"no converter for {kind!r}", f"JSON has no form for the value of {member}")
            by_json[type(written), written] = member
            if isinstance(written, float) and written.is_integer():
                by_json.setdefault((int, int(written)), member)  # JavaScript writes 1.0 as 1
        return EnumByValue(kind, by_json)

    def _typed_dict(self, kind: type, arguments: tuple[object, ...]) -> Converter:
        by_default: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
        bindings = hints.bindings_of(kind, arguments)
        members: dict[str, Member] = {}
        for name, hint in self._hints(kind).items():
            # __required_keys__ is blind to qualifiers inside annotations that are text.
            qualified, inner = hints.qualifiers(hint)
            required = "Required" in qualified or (name in by_default and "NotRequired" not in qualified)
            members[name] = Member(self.build(inner, f"{kind.__name__}.{name}", bindings), required)
        return TypedDictConverter(kind.__name__, members)

    def _dataclass(self, kind: type, arguments: tuple[object, ...]) -> Converter:
        bindings = hints.bindings_of(kind, arguments)
        found = self._hints(kind)
        for name, hint in found.items():
            if isinstance(hint, dataclasses.InitVar) or hint is dataclasses.InitVar:
                problem = "an InitVar cannot be written, since an instance does not keep it"
                raise self._error(f"{kind.__name__}.{name}", problem, "make it a field")
        members = {
            field.name: _member(field, self.build(found[field.name], f"{kind.__name__}.{field.name}", bindings))
            for field in dataclasses.fields(kind)
            if field.init
        }
        return DataclassConverter(kind, members, _constructs(kind))

    # -- names in annotations that are text --------------------------------------------------------------------------

    def _hints(self, kind: type) -> Mapping[str, object]:
        try:
            return hints.class_hints(kind, self._names)
        except NameError as error:
            raise self._unknown_name(kind.__name__, error) from error

    def _aliased(self, alias: object) -> object:
        try:
            return hints.alias_value(alias, self._names)
        except NameError as error:
            raise self._unknown_name(str(alias), error) from error

    def _unknown_name(self, where: str, error: NameError) -> ConfigError:
        remedy = "define or import it in the module of the type, outside of TYPE_CHECKING"
        return self._error(where, f"the name {error.name!r} in its annotations is unknown", remedy)


def _member(field: dataclasses.Field[object], converter: Converter) -> Member:
    if field.default_factory is not dataclasses.MISSING:
        return Member(converter, required=False, default=field.default_factory)
    if field.default is not dataclasses.MISSING:
        default = field.default
        return Member(converter, required=False, default=lambda: default)
    return Member(converter, required=True)


def _constructs(kind: type) -> bool:
    """Tell whether making an instance runs code of the user's."""
    generated: bool = getattr(kind, "__dataclass_params__").init  # noqa: B009  # no type checker knows the attribute
    return not generated or hasattr(kind, "__post_init__") or "__new__" in vars(kind)


def _written_as_text(key: Converter) -> bool:
    if isinstance(key, OneOf | EnumByValue):
        return all(issubclass(kind, str) for kind, _ in key.by_json)
    return key is STR


def _show(annotation: object) -> str:
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return repr(annotation).replace("typing.", "")
