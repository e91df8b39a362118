"""Converters of dataclasses and TypedDicts. Both are closed: a field that they do not declare is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from taskora.errors import Issue, ValidationError

from .converter import Converter, MismatchError, Step, mismatch, refused


@dataclass(frozen=True, slots=True)
class Member:
    """One field. ``default`` makes the value of a field that is left out, where there is one."""

    converter: Converter
    required: bool
    default: Callable[[], object] | None = None


Members = Mapping[str, Member]


def _decoder(member: Member) -> Step:
    return member.converter.decode


def _encoder(member: Member) -> Step:
    return member.converter.encode


def _convert_given(members: Members, given: dict[str, object], way: Callable[[Member], Step]) -> dict[str, object]:
    """Convert the fields that were given and gather what is wrong with any of them."""
    done: dict[str, object] = {}
    issues: list[Issue] = []
    for name, member in members.items():
        if name in given:
            try:
                done[name] = way(member)(given[name])
            except MismatchError as error:
                issues.extend(error.under(name))
        elif member.required:
            issues.append(Issue((name,), "required field is missing"))
    if any(name not in members for name in given):
        known = ", ".join(members) or "none"
        issues.extend(Issue((str(name),), f"unknown field; known: {known}") for name in given if name not in members)
    if issues:
        raise MismatchError(issues)
    return done


def _as_object(value: object, name: str) -> dict[str, object]:
    if isinstance(value, dict):
        return value  # pyright: ignore[reportUnknownVariableType]  # keys that are no field's name are refused later
    raise mismatch(f"{name} as a dict", value)


@dataclass(frozen=True, slots=True)
class DataclassConverter:
    """A dataclass. Only its ``init`` fields travel; the others are its own business.

    ``constructs`` says that making an instance can refuse (a ``__post_init__`` or an ``__init__`` of its own), so that
    a dict given for one has to be tried. A ValueError, TypeError or AssertionError raised there is an issue.
    """

    kind: type
    members: Members
    constructs: bool

    @property
    def name(self) -> str:
        return self.kind.__name__

    @property
    def produces(self) -> tuple[type, ...]:
        return (self.kind,)

    def decode(self, value: object, /) -> object:
        fields = _convert_given(self.members, _as_object(value, self.name), _decoder)
        try:
            return self.kind(**fields)
        except ValidationError as error:
            raise MismatchError(error.issues or [Issue((), str(error))]) from error
        except (ValueError, TypeError, AssertionError) as error:
            raise refused(f"{self.name} refuses it: {error}") from error

    def encode(self, value: object, /) -> dict[str, object]:
        if isinstance(value, self.kind):
            return self._write(value)
        written = _convert_given(self.members, _as_object(value, self.name), _encoder)
        for name, member in self.members.items():
            if name not in written and member.default is not None:
                written[name] = member.converter.encode(member.default())
        return self._write(self.decode(written)) if self.constructs else written

    def _write(self, instance: object) -> dict[str, object]:
        given = {name: getattr(instance, name) for name in self.members}
        return _convert_given(self.members, given, _encoder)


@dataclass(frozen=True, slots=True)
class TypedDictConverter:
    """A TypedDict."""

    name: str
    members: Members

    @property
    def produces(self) -> tuple[type, ...]:
        return (dict,)

    def decode(self, value: object, /) -> dict[str, object]:
        return _convert_given(self.members, _as_object(value, self.name), _decoder)

    def encode(self, value: object, /) -> dict[str, object]:
        return _convert_given(self.members, _as_object(value, self.name), _encoder)
