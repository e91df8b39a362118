"""Bridges to what checks values itself: pydantic, msgspec, and any object with ``validate(value) -> value``.

Neither library is imported here unless the program has imported it already: a type of theirs cannot exist before.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol, get_args, get_origin, runtime_checkable

from taskora.errors import Issue, ValidationError

from .converter import Converter, MismatchError


@runtime_checkable
class TextReader(Protocol):
    """A converter that reads JSON text itself."""

    def decode_bytes(self, raw: bytes, /) -> object:
        """Read JSON text.

        Raises:
            SerializationError: It is none.
            MismatchError: It does not fit.
        """
        ...


@dataclass(frozen=True, slots=True)
class Validator:
    """A user's own ``validate(value) -> value``, called in both directions. Whatever it raises is a refusal."""

    name: str
    validate: Callable[[object], object]
    produces: tuple[type, ...] = (object,)

    def decode(self, value: object, /) -> object:
        try:
            return self.validate(value)
        except ValidationError as error:
            raise MismatchError(error.issues or [Issue((), str(error))]) from error
        except Exception as error:
            # Every validation library has an exception of its own, and few derive it from ValueError.
            raise MismatchError([Issue((), str(error) or type(error).__name__)]) from error

    def encode(self, value: object, /) -> object:
        return self.decode(value)


def bridge_for(annotation: object) -> Converter | None:
    """Give the converter of a type that checks values itself, or None for any other.

    Raises:
        ValueError: The library cannot handle the type; or ``validate`` is asynchronous.
    """
    return _library_type(annotation) or _validator(annotation)


def _library_type(annotation: object) -> Converter | None:
    metadata = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    if "pydantic" in sys.modules:
        from . import pydantic_types

        if pydantic_types.handles(annotation, metadata):
            return pydantic_types.PydanticConverter.of(annotation)
    if "msgspec" in sys.modules:
        from . import msgspec_types

        if msgspec_types.handles(annotation, metadata):
            return msgspec_types.MsgspecConverter.of(annotation)
    return None


def _validator(annotation: object) -> Converter | None:
    owner = annotation if isinstance(annotation, type) else get_origin(annotation)
    if isinstance(owner, type):
        # A method of instances, which many dataclasses have, checks an instance; it makes none.
        found = inspect.getattr_static(owner, "validate", None)
        if not isinstance(found, classmethod | staticmethod):
            return None
    elif owner is not None:
        return None
    validate = getattr(annotation, "validate", None)
    if not callable(validate):
        return None
    if inspect.iscoroutinefunction(validate):
        raise ValueError("its validate() is asynchronous; a payload is checked without an event loop")
    return Validator(getattr(annotation, "__name__", type(annotation).__name__), validate)
