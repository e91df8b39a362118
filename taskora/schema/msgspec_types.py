"""msgspec Structs. Import it only once msgspec has been imported."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from taskora.errors import Issue, SerializationError

from .converter import MismatchError, refused

_PART = re.compile(r"\.([^.\[\]`]+)|\[(\d+)\]|\[\.\.\.\]")


def handles(annotation: object, metadata: Iterable[object]) -> bool:
    """Tell whether the type is a Struct, or carries metadata of msgspec's."""
    if isinstance(annotation, type):
        return issubclass(annotation, msgspec.Struct)
    origin = getattr(annotation, "__origin__", None)
    if isinstance(origin, type) and issubclass(origin, msgspec.Struct):
        return True
    return any(isinstance(item, msgspec.Meta) for item in metadata)


@dataclass(frozen=True, slots=True)
class MsgspecConverter:
    """Strict, as msgspec is by default. Reports the first thing that is wrong: msgspec stops there."""

    name: str
    produces: tuple[type, ...]
    annotation: object
    decoder: msgspec.json.Decoder[object]

    @staticmethod
    def of(annotation: object) -> MsgspecConverter:
        """Make the converter of a Struct, or of a type with msgspec's metadata.

        Raises:
            ValueError: msgspec does not support it.
        """
        name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
        produces = (annotation,) if isinstance(annotation, type) else (object,)
        try:
            return MsgspecConverter(name, produces, annotation, _decoder(annotation))
        except TypeError as error:
            raise ValueError(f"msgspec refuses it: {error}") from error

    def decode_bytes(self, raw: bytes, /) -> object:
        try:
            return self.decoder.decode(raw or b"null")
        except msgspec.ValidationError as error:
            raise _translate(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SerializationError(f"not JSON: {error}; starts with {raw[:60]!r}") from error

    def decode(self, value: object, /) -> object:
        try:
            return _convert(value, self.annotation)
        except msgspec.ValidationError as error:
            raise _translate(error) from error

    def encode(self, value: object, /) -> object:
        # A Struct does not check its fields when it is made, so an instance is read back as well.
        return _plain(self.decode(_plain(value)))


def _plain(value: object) -> object:
    try:
        return msgspec.to_builtins(value, str_keys=True)
    except (TypeError, ValueError) as error:
        raise refused(str(error)) from error


# msgspec declares its types as type[T], which a union or an Annotated is not; both are taken at run time.
def _decoder(annotation: object) -> msgspec.json.Decoder[object]:
    return msgspec.json.Decoder(annotation)


def _convert(value: object, annotation: object) -> object:
    return msgspec.convert(value, annotation, strict=True)


def _translate(error: msgspec.ValidationError) -> MismatchError:
    """Turn ``Expected `int`, got `str` - at `$.items[0].count` `` into a path and a message."""
    message, found, place = str(error).rpartition(" - at ")
    if not found:
        return refused(str(error))
    path: list[str | int] = []
    for part in _PART.finditer(place):
        name, index = part.groups()
        path.append(name if name is not None else int(index) if index is not None else "*")
    prefix = "key: " if "key" in place.partition("$")[0] else ""
    return MismatchError([Issue(tuple(path), prefix + message)])
