"""Converters of lists, dicts, tuples and unions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from taskora.errors import Issue

from .converter import UNTOUCHED, Converter, MismatchError, Step, mismatch, refused
from .scalars import STR


def _convert_each(steps: Iterable[tuple[object, Step]]) -> list[object]:
    """Convert item by item and gather what is wrong with each."""
    done: list[object] = []
    issues: list[Issue] = []
    for index, (item, step) in enumerate(steps):
        try:
            done.append(step(item))
        except MismatchError as error:
            issues.extend(error.under(index))
    if issues:
        raise MismatchError(issues)
    return done


def _convert_all(values: list[object] | tuple[object, ...], step: Step) -> list[object]:
    try:
        return [step(value) for value in values]
    except MismatchError:
        return _convert_each((value, step) for value in values)


def _as_array(value: object, name: str) -> list[object] | tuple[object, ...]:
    if isinstance(value, list | tuple):
        return value  # pyright: ignore[reportUnknownVariableType]  # isinstance cannot tell the items
    raise mismatch(name, value)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; a tuple is taken for one."""

    name: str
    item: Converter

    @property
    def produces(self) -> tuple[type, ...]:
        return (list,)

    def decode(self, value: object, /) -> list[object]:
        return self._convert(value, self.item.decode)

    def encode(self, value: object, /) -> list[object]:
        return self._convert(value, self.item.encode)

    def _convert(self, value: object, step: Step) -> list[object]:
        array = _as_array(value, self.name)
        if self.item is UNTOUCHED:
            return array if isinstance(array, list) else list(array)
        return _convert_all(array, step)


@dataclass(frozen=True, slots=True)
class TupleOf:
    """A tuple of any length; a JSON array on the wire."""

    name: str
    item: Converter

    @property
    def produces(self) -> tuple[type, ...]:
        return (tuple,)

    def decode(self, value: object, /) -> tuple[object, ...]:
        return tuple(_convert_all(_as_array(value, self.name), self.item.decode))

    def encode(self, value: object, /) -> list[object]:
        return _convert_all(_as_array(value, self.name), self.item.encode)


@dataclass(frozen=True, slots=True)
class FixedTuple:
    """A tuple with a type for each place; a JSON array of exactly that length on the wire."""

    name: str
    items: tuple[Converter, ...]

    @property
    def produces(self) -> tuple[type, ...]:
        return (tuple,)

    def decode(self, value: object, /) -> tuple[object, ...]:
        array = self._checked(value)
        return tuple(_convert_each((item, to.decode) for item, to in zip(array, self.items, strict=True)))

    def encode(self, value: object, /) -> list[object]:
        array = self._checked(value)
        return _convert_each((item, to.encode) for item, to in zip(array, self.items, strict=True))

    def _checked(self, value: object) -> list[object] | tuple[object, ...]:
        array = _as_array(value, self.name)
        if len(array) != len(self.items):
            raise refused(f"expected {self.name} of {len(self.items)} items, got {len(array)}")
        return array


@dataclass(frozen=True, slots=True)
class DictOf:
    """A dict whose keys are text on the wire."""

    name: str
    key: Converter
    value: Converter

    @property
    def produces(self) -> tuple[type, ...]:
        return (dict,)

    def decode(self, value: object, /) -> dict[object, object]:
        return self._convert(value, self.key.decode, self.value.decode)

    def encode(self, value: object, /) -> dict[object, object]:
        return self._convert(value, self.key.encode, self.value.encode)

    def _convert(self, value: object, key_step: Step, value_step: Step) -> dict[object, object]:
        if not isinstance(value, dict):
            raise mismatch(self.name, value)
        given: dict[object, object] = value  # pyright: ignore[reportUnknownVariableType]  # isinstance cannot tell
        if self.value is UNTOUCHED and self.key is STR:
            return given  # its keys are text when read, and checked by the serializer when written
        try:
            return {key_step(key): value_step(item) for key, item in given.items()}
        except MismatchError:
            return _convert_entries(given, key_step, value_step)


def _convert_entries(given: dict[object, object], key_step: Step, value_step: Step) -> dict[object, object]:
    done: dict[object, object] = {}
    issues: list[Issue] = []
    for key, item in given.items():
        shown = key if isinstance(key, str | int) else repr(key)
        try:
            new_key = key_step(key)
        except MismatchError as error:
            issues.extend(Issue((shown,), f"key: {issue.message}") for issue in error.issues)
            continue
        try:
            done[new_key] = value_step(item)
        except MismatchError as error:
            issues.extend(error.under(shown))
    if issues:
        raise MismatchError(issues)
    return done


@dataclass(frozen=True, slots=True)
class OptionalOf:
    """The value or None."""

    inner: Converter

    @property
    def name(self) -> str:
        return f"{self.inner.name} | None"

    @property
    def produces(self) -> tuple[type, ...]:
        return (*self.inner.produces, type(None))

    def decode(self, value: object, /) -> object:
        return None if value is None else self.inner.decode(value)

    def encode(self, value: object, /) -> object:
        return None if value is None else self.inner.encode(value)


@dataclass(frozen=True, slots=True)
class UnionOf:
    """The first member that fits.

    Reading tries the members in the order of the declaration, except that an int is not taken for a float where int is
    a member too. Writing prefers the member whose own class the value has.
    """

    members: tuple[Converter, ...]

    @property
    def name(self) -> str:
        return " | ".join(member.name for member in self.members)

    @property
    def produces(self) -> tuple[type, ...]:
        return tuple(kind for member in self.members for kind in member.produces)

    def decode(self, value: object, /) -> object:
        return self._first(value, [(member.name, member.decode) for member in self.members])

    def encode(self, value: object, /) -> object:
        ranked = sorted(self.members, key=lambda member: _distance(value, member.produces))
        return self._first(value, [(member.name, member.encode) for member in ranked])

    def _first(self, value: object, attempts: list[tuple[str, Step]]) -> object:
        failures: list[tuple[str, MismatchError]] = []
        for name, step in attempts:
            try:
                return step(value)
            except MismatchError as error:
                failures.append((name, error))
        raise self._explain(value, failures)

    def _explain(self, value: object, failures: list[tuple[str, MismatchError]]) -> MismatchError:
        """Report the members whose outer shape the value has; the others were not meant."""
        close = [(name, error) for name, error in failures if all(issue.path for issue in error.issues)]
        if not close:
            return mismatch(self.name, value)
        if len(close) == 1:
            return close[0][1]
        return MismatchError(
            [Issue(issue.path, f"{issue.message} (as {name})") for name, error in close for issue in error.issues]
        )


def _distance(value: object, produces: tuple[type, ...]) -> int:
    if type(value) in produces:
        return 0
    return 1 if isinstance(value, produces) else 2
