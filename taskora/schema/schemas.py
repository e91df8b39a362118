"""The schema of a declared type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar, overload

from taskora.errors import Issue, ValidationError
from taskora.serializer import JSON

from .converter import UNTOUCHED, Converter, MismatchError
from .models import TextReader
from .plain import PlainBuilder
from .protocol import ANY, Schema

T = TypeVar("T")

_NO_NAMES: Mapping[str, object] = {}


@overload
def schema_for(
    annotation: type[T], what: str, *, task: str | None = None, names: Mapping[str, object] = ...
) -> Schema[T]: ...
@overload
def schema_for(
    annotation: object, what: str, *, task: str | None = None, names: Mapping[str, object] = ...
) -> Schema[object]: ...
def schema_for(
    annotation: object, what: str, *, task: str | None = None, names: Mapping[str, object] = _NO_NAMES
) -> Schema[object]:
    """Make the schema of a declared type.

    Types that need nothing else: None, bool, int, float, str, datetime (ISO 8601, aware or naive as given), date,
    UUID, Enum (by value), Literal, ``list[X]``, ``dict[str, X]``, ``tuple[...]`` (a JSON array), unions, dataclasses
    and TypedDicts; NewType, Annotated, type aliases and type variables stand for what they name. ``Any``, ``object``
    and no annotation are any JSON value, untouched. pydantic models, ``pydantic.TypeAdapter``, msgspec Structs and
    objects with ``validate(value) -> value`` follow their own rules, also inside the others.

    The check is strict: text is no number, a bool is no int, a float is no int even when integral; an int passes as a
    float. Dataclasses and TypedDicts are closed, and dataclass defaults are honoured. A bare ``dict`` or ``list`` is
    not looked into.

    Args:
        annotation: The type, or the object with ``validate``.
        what: What it is the type of, for messages: ``input of task 'send-email'``.
        task: The task's name, for ``ValidationError.task``.
        names: Names to resolve a class's annotations with, where its own module does not have them.

    Raises:
        ConfigError: There is no converter for the type; the message says for which part, and what to use instead.
    """
    converter = PlainBuilder(what, names).build(annotation)
    if converter is UNTOUCHED:
        return ANY
    return ConverterSchema(annotation, what, task, converter, converter if isinstance(converter, TextReader) else None)


@dataclass(frozen=True, slots=True)
class ConverterSchema:
    """A schema that asks a converter, and turns its refusals into ``ValidationError``."""

    type: object
    what: str
    task: str | None
    converter: Converter
    reader: TextReader | None

    def decode(self, value: object, /) -> object:
        try:
            return self.converter.decode(value)
        except MismatchError as error:
            raise self._invalid(error) from error.__cause__
        except RecursionError as error:
            raise self._too_deep() from error

    def decode_bytes(self, raw: bytes, /) -> object:
        if self.reader is None:
            return self.decode(JSON.loads(raw))
        try:
            return self.reader.decode_bytes(raw)
        except MismatchError as error:
            raise self._invalid(error) from error.__cause__

    def encode(self, value: object, /) -> object:
        try:
            return self.converter.encode(value)
        except MismatchError as error:
            raise self._invalid(error) from error.__cause__
        except RecursionError as error:
            raise self._too_deep() from error

    def _invalid(self, error: MismatchError) -> ValidationError:
        return ValidationError(f"{self.what} does not have its declared shape", error.issues, task=self.task)

    def _too_deep(self) -> ValidationError:
        issues = [Issue((), "nested too deeply, or inside itself")]
        return ValidationError(f"{self.what} cannot be converted", issues, task=self.task)
