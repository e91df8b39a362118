"""What the rest of the library knows of payload types."""

from __future__ import annotations

from typing import Protocol, TypeVar

from taskora.serializer import JSON

T_co = TypeVar("T_co", covariant=True)


class Schema(Protocol[T_co]):
    """Checks and converts the values of one declared type, in both directions.

    What ``encode`` writes, ``decode`` reads as an equal value, unless the declared type is ambiguous on the wire
    (``str | datetime``: the first member that fits wins).
    """

    @property
    def type(self) -> object:
        """What was declared; ``object`` when nothing was."""
        ...

    def decode(self, value: object, /) -> T_co:
        """Turn a JSON value into the declared type.

        Raises:
            ValidationError: It does not fit; ``issues`` has everything that is wrong, each with its path.
        """
        ...

    def decode_bytes(self, raw: bytes, /) -> T_co:
        """Turn JSON text into the declared type, without a detour where the type's library reads text itself.

        Raises:
            SerializationError: The text is not JSON.
            ValidationError: It does not fit.
        """
        ...

    def encode(self, value: object, /) -> object:
        """Turn a value into what a JSON serializer can write.

        Accepts the declared type, the plain JSON value that stands for it (a dict for a dataclass or a model), and any
        mixture of both. Parts that were left out and have a default are written with it.

        Raises:
            ValidationError: It does not fit.
        """
        ...


class AnySchema:
    """Every JSON value, untouched. What cannot be written is for the serializer to refuse."""

    __slots__ = ()

    @property
    def type(self) -> object:
        """Nothing in particular: ``object``."""
        return object

    def decode(self, value: object, /) -> object:
        """Return the value."""
        return value

    def decode_bytes(self, raw: bytes, /) -> object:
        """Read JSON.

        Raises:
            SerializationError: It is none.
        """
        return JSON.loads(raw)

    def encode(self, value: object, /) -> object:
        """Return the value."""
        return value


ANY = AnySchema()
