"""pydantic models, dataclasses and adapters. Import it only once pydantic has been imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import pydantic
from pydantic_core import PydanticSerializationError

from taskora.errors import Issue, SerializationError
from taskora.serializer import JSON

from .converter import MismatchError, refused
from .hints import is_class

_PACKAGES = ("pydantic", "pydantic_core", "annotated_types")


def handles(annotation: object, metadata: Iterable[object]) -> bool:
    """Tell whether pydantic defines the type, or the type carries metadata of pydantic's."""
    if is_class(annotation):
        return issubclass(annotation, pydantic.BaseModel) or "__pydantic_validator__" in vars(annotation)
    if isinstance(annotation, pydantic.TypeAdapter):
        return True
    return any(
        type(item).__module__.partition(".")[0] in _PACKAGES or hasattr(item, "__get_pydantic_core_schema__")
        for item in metadata
    )


@dataclass(frozen=True, slots=True)
class PydanticConverter:
    """Reads with pydantic's rules for JSON, also where text has been read already, and writes by alias.

    So that a strict model, which takes no text for a date in Python, takes it from the wire.
    """

    name: str
    produces: tuple[type, ...]
    adapter: pydantic.TypeAdapter[object]

    @staticmethod
    def of(annotation: object) -> PydanticConverter:
        """Make the converter of a model, a type with pydantic's metadata, or a ``TypeAdapter``.

        Raises:
            ValueError: pydantic cannot make a schema of it.
        """
        name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
        produces = (annotation,) if isinstance(annotation, type) else (object,)
        if isinstance(annotation, pydantic.TypeAdapter):
            given = cast("pydantic.TypeAdapter[object]", annotation)
            return PydanticConverter("pydantic.TypeAdapter", produces, given)
        try:
            adapter = _adapter(annotation)
        except pydantic.errors.PydanticUserError as error:
            raise ValueError(f"pydantic refuses it: {error.message.splitlines()[0]}") from error
        return PydanticConverter(name, produces, adapter)

    def decode_bytes(self, raw: bytes, /) -> object:
        try:
            return self.adapter.validate_json(raw or b"null")
        except pydantic.ValidationError as error:
            issues = error.errors(include_url=False)
            if issues[0]["type"] == "json_invalid":
                raise SerializationError(f"not JSON: {issues[0]['msg']}; starts with {raw[:60]!r}") from error
            raise _translate(error) from error

    def decode(self, value: object, /) -> object:
        try:
            text = JSON.dumps(value)
        except SerializationError:
            return self._checked(value)
        return self.decode_bytes(text)

    def encode(self, value: object, /) -> object:
        return self._write(self._taken(value))

    def _taken(self, value: object) -> object:
        """Take an instance, or a dict of Python objects, or the JSON value of one."""
        try:
            return self._checked(value)
        except MismatchError as refusal:
            try:
                return self.adapter.validate_json(JSON.dumps(value))
            except (SerializationError, pydantic.ValidationError):
                raise refusal from None

    def _checked(self, value: object) -> object:
        try:
            return self.adapter.validate_python(value)
        except pydantic.ValidationError as error:
            raise _translate(error) from error

    def _write(self, checked: object) -> object:
        """Write, and read it once more: pydantic takes an instance that was changed into something invalid."""
        text = self._dump(checked, round_trip=False)
        try:
            self.decode_bytes(text)
        except MismatchError:
            # A computed field that the model forbids as input, or a Json field, which is read from text in text.
            text = self._dump(checked, round_trip=True)
            self.decode_bytes(text)
        return JSON.loads(text)

    def _dump(self, checked: object, *, round_trip: bool) -> bytes:
        try:
            return self.adapter.dump_json(checked, by_alias=True, round_trip=round_trip, warnings=False)
        except PydanticSerializationError as error:
            raise refused(str(error)) from error


def _adapter(annotation: object) -> pydantic.TypeAdapter[object]:
    # pydantic wants a type form; what it cannot use it refuses at run time.
    return pydantic.TypeAdapter(cast("type[object]", annotation))


def _translate(error: pydantic.ValidationError) -> MismatchError:
    return MismatchError([Issue(tuple(issue["loc"]), issue["msg"]) for issue in error.errors(include_url=False)])
