"""Converters of single values.

Strict as JSON is: no text becomes a number, a bool is no int, a float is no int even when it is integral. The one
widening is that an int passes as a float, because JavaScript writes 1.0 as 1.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from .converter import MismatchError, excerpt, mismatch, refused

JsonKey = tuple[type, object]


@dataclass(frozen=True, slots=True)
class Exact:
    """A type that JSON has itself. Subclasses (an IntEnum for an int) are written as their plain value."""

    name: str
    kind: type
    plain: Callable[[object], object] | None = None

    @property
    def produces(self) -> tuple[type, ...]:
        return (self.kind,)

    def decode(self, value: object, /) -> object:
        if type(value) is self.kind:
            return value
        if self.plain is not None and isinstance(value, self.kind) and not isinstance(value, bool):
            return self.plain(value)
        raise mismatch(self.name, value)

    def encode(self, value: object, /) -> object:
        return self.decode(value)


@dataclass(frozen=True, slots=True)
class Float:
    """A float; an int passes. What JSON cannot express (NaN, infinities) is refused."""

    name: str = "float"
    produces: tuple[type, ...] = (float,)

    def decode(self, value: object, /) -> float:
        return float(self.encode(value))

    def encode(self, value: object, /) -> float | int:
        if isinstance(value, float):
            if not math.isfinite(value):
                raise refused(f"expected a finite float, got {value!r}: JSON has no form for it")
            return value if type(value) is float else float(value)
        if isinstance(value, int) and not isinstance(value, bool):
            try:
                float(value)
            except OverflowError as error:
                raise refused("expected float, got an int that is too large for one") from error
            return int(value)
        raise mismatch("float", value)


def _plain_str(value: object) -> object:
    # Not str(value): an Enum with str mixed in prints its name.
    return str.__str__(value) if isinstance(value, str) else value


def _plain_int(value: object) -> object:
    return int(value) if isinstance(value, int) else value


NONE = Exact("None", type(None))
BOOL = Exact("bool", bool)
INT = Exact("int", int, _plain_int)
FLOAT = Float()
STR = Exact("str", str, _plain_str)


@dataclass(frozen=True, slots=True)
class Text:
    """A type that travels as text."""

    name: str
    form: str
    kind: type
    read: Callable[[str], object]
    write: Callable[[object], str | None]

    @property
    def produces(self) -> tuple[type, ...]:
        return (self.kind,)

    def decode(self, value: object, /) -> object:
        if not isinstance(value, str):
            raise mismatch(f"{self.name} as {self.form}", value)
        try:
            return self.read(value)
        except ValueError as error:
            raise refused(f"expected {self.name} as {self.form}, got {excerpt(value)}") from error

    def encode(self, value: object, /) -> object:
        text = self.write(value)
        if text is not None:
            return text
        self.decode(value)
        return value


def _read_datetime(text: str) -> datetime:
    # fromisoformat takes a bare date for midnight; a date where a time is meant is a mistake.
    if not any(mark in text for mark in "Tt "):
        raise ValueError("no time of day")
    return datetime.fromisoformat(text)


def _write_datetime(value: object) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else None


def _write_date(value: object) -> str | None:
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else None


def _read_uuid(text: str) -> UUID:
    # UUID() ignores braces, prefixes and where the hyphens are.
    uuid = UUID(text)
    if str(uuid) != text.lower():
        raise ValueError("not the canonical form")
    return uuid


def _write_uuid(value: object) -> str | None:
    return str(value) if isinstance(value, UUID) else None


DATETIME: Final = Text("datetime", "ISO 8601 text with a time", datetime, _read_datetime, _write_datetime)
DATE: Final = Text("date", "ISO 8601 text", date, date.fromisoformat, _write_date)
UUID_TEXT: Final = Text("UUID", "hyphenated text", UUID, _read_uuid, _write_uuid)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A Literal. Compares type and value, so that ``Literal[1]`` takes neither True nor 1.0."""

    name: str
    by_json: Mapping[JsonKey, object]
    to_json: Mapping[JsonKey, object]

    @property
    def produces(self) -> tuple[type, ...]:
        return tuple({kind for kind, _ in self.to_json})

    def decode(self, value: object, /) -> object:
        try:
            return self.by_json[type(value), value]
        except (KeyError, TypeError):  # TypeError: a list or dict, which has no hash
            raise refused(f"expected {self.name}, got {excerpt(value)}") from None

    def encode(self, value: object, /) -> object:
        try:
            return self.to_json[type(value), value]
        except (KeyError, TypeError):
            self.decode(value)
            return value


@dataclass(frozen=True, slots=True)
class EnumByValue:
    """An Enum, by value on the wire. Combined flags and the enum's own ``_missing_`` are honoured."""

    kind: type[enum.Enum]
    by_json: Mapping[JsonKey, enum.Enum]

    @property
    def name(self) -> str:
        return self.kind.__name__

    @property
    def produces(self) -> tuple[type, ...]:
        return (self.kind,)

    def decode(self, value: object, /) -> enum.Enum:
        try:
            return self.by_json[type(value), value]
        except (KeyError, TypeError):
            return self._computed(value)

    def encode(self, value: object, /) -> object:
        member = value if isinstance(value, self.kind) else self.decode(value)
        return member.value

    def _computed(self, value: object) -> enum.Enum:
        # Only for a value of a type that the members have: Enum(True) would find the member of value 1.
        if any(kind is type(value) for kind, _ in self.by_json):
            try:
                return self.kind(value)
            except (ValueError, TypeError):
                pass
        raise self._unknown(value)

    def _unknown(self, value: object) -> MismatchError:
        shown = [repr(member.value) for member in self.kind]
        known = " | ".join(shown if len(shown) <= 12 else [*shown[:12], "..."])
        return refused(f"expected {self.name} ({known}), got {excerpt(value)}")
