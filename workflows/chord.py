"""Members side by side, then a step that takes all of their results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, overload

from taskora.errors import ConfigError

from .composition import Batches, Group, collected, grouped
from .signature import AnySignature, Bound, Signature, composition_of, listed_in, signature_of

T = TypeVar("T")
In = TypeVar("In")
Out = TypeVar("Out")
Results = TypeVar("Results")


@overload
def chord(header: Sequence[Bound[T]], callback: Signature[list[T], Out], /) -> Bound[Out]: ...
@overload
def chord(header: Sequence[Signature[In, T]], callback: Signature[list[T], Out], /) -> Signature[In, Out]: ...
@overload
def chord(header: Bound[Results], callback: Signature[Results, Out], /) -> Bound[Out]: ...
@overload
def chord(header: Signature[In, Results], callback: Signature[Results, Out], /) -> Signature[In, Out]: ...
def chord(header: object, callback: object, /) -> AnySignature:
    """Run a header at the same time, then a callback with the list of its results.

    Args:
        header: A list of signatures, or a group. An empty one hands ``[]`` to the callback.
        callback: The step that takes the results.

    Returns:
        A signature that gives the callback's result; ``Bound`` when the whole header is.

    Raises:
        ConfigError: The header is neither, a part is no signature, they belong to different applications, or the header
            has a group in it whose results the callback would take.
    """
    return signature_of(collected(_header(header), composition_of(callback, "chord")))


def _header(header: object) -> Group | Batches:
    listed = listed_in((header,))
    if listed is not None:
        return grouped([composition_of(member, "chord") for member in listed], as_tuple=False)
    composition = composition_of(header, "chord")
    if isinstance(composition, Group | Batches):
        return composition
    raise ConfigError(
        "chord: the header is not a group; give a list or a group of signatures, or write chain(header, callback)"
    )
