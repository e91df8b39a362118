"""One step of a conversion, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from taskora.errors import Issue

Step = Callable[[object], object]


class MismatchError(Exception):
    """A value does not fit. Stays inside this package; the caller sees a ``ValidationError``.

    Raised instead of passing a path down, so that values that fit pay nothing for their path.
    """

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__("; ".join(map(str, issues)))
        self.issues = issues

    def under(self, key: str | int) -> Iterator[Issue]:
        """Give the issues as the container sees them."""
        return (Issue((key, *issue.path), issue.message) for issue in self.issues)


class Converter(Protocol):
    """Converts the values of one type. Both directions raise ``MismatchError``."""

    @property
    def name(self) -> str:
        """The type, as messages call it."""
        ...

    @property
    def produces(self) -> tuple[type, ...]:
        """The classes that ``decode`` gives; a union asks them which member wrote a value."""
        ...

    def decode(self, value: object, /) -> object:
        """JSON value to typed value."""
        ...

    def encode(self, value: object, /) -> object:
        """Typed value, or the JSON value that stands for it, to JSON value."""
        ...


@dataclass(frozen=True, slots=True)
class Untouched:
    """Any JSON value, as it is."""

    name: str = "any value"
    produces: tuple[type, ...] = (object,)

    def decode(self, value: object, /) -> object:
        return value

    def encode(self, value: object, /) -> object:
        return value


UNTOUCHED = Untouched()


class Deferred:
    """Stands for a type inside its own definition, until the definition is complete."""

    __slots__ = ("name", "target")

    def __init__(self, name: str) -> None:
        self.name: str = name
        self.target: Converter = UNTOUCHED

    @property
    def produces(self) -> tuple[type, ...]:
        return self.target.produces

    def decode(self, value: object, /) -> object:
        return self.target.decode(value)

    def encode(self, value: object, /) -> object:
        return self.target.encode(value)


def kind_of(value: object) -> str:
    """Name a value's type for a message, without the value: payloads are private."""
    return "None" if value is None else type(value).__name__


def mismatch(expected: str, value: object) -> MismatchError:
    """Say that the value's type is wrong."""
    return MismatchError([Issue((), f"expected {expected}, got {kind_of(value)}")])


def refused(message: str) -> MismatchError:
    """Say what is wrong with the value."""
    return MismatchError([Issue((), message)])


def excerpt(value: object) -> str:
    """Show a short value whose content, not whose type, is wrong."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
