"""Members side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, overload

from .composition import grouped
from .signature import AnySignature, Bound, Signature, composition_of, listed_in, signature_of

T = TypeVar("T")
In = TypeVar("In")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
G = TypeVar("G")
H = TypeVar("H")
J = TypeVar("J")
K = TypeVar("K")


# A tuple is typed by its number of members: ten, with and without data.
@overload
def group(members: Sequence[Bound[T]], /) -> Bound[list[T]]: ...
@overload
def group(members: Sequence[Signature[In, T]], /) -> Signature[In, list[T]]: ...
@overload
def group(a: Bound[A], /) -> Bound[list[A]]: ...
@overload
def group(a: Bound[A], b: Bound[B], /) -> Bound[tuple[A, B]]: ...
@overload
def group(a: Bound[A], b: Bound[B], c: Bound[C], /) -> Bound[tuple[A, B, C]]: ...
@overload
def group(a: Bound[A], b: Bound[B], c: Bound[C], d: Bound[D], /) -> Bound[tuple[A, B, C, D]]: ...
@overload
def group(a: Bound[A], b: Bound[B], c: Bound[C], d: Bound[D], e: Bound[E], /) -> Bound[tuple[A, B, C, D, E]]: ...
@overload
def group(
    a: Bound[A], b: Bound[B], c: Bound[C], d: Bound[D], e: Bound[E], f: Bound[F], /
) -> Bound[tuple[A, B, C, D, E, F]]: ...
@overload
def group(
    a: Bound[A], b: Bound[B], c: Bound[C], d: Bound[D], e: Bound[E], f: Bound[F], g: Bound[G], /
) -> Bound[tuple[A, B, C, D, E, F, G]]: ...
@overload
def group(
    a: Bound[A], b: Bound[B], c: Bound[C], d: Bound[D], e: Bound[E], f: Bound[F], g: Bound[G], h: Bound[H], /
) -> Bound[tuple[A, B, C, D, E, F, G, H]]: ...
@overload
def group(
    a: Bound[A],
    b: Bound[B],
    c: Bound[C],
    d: Bound[D],
    e: Bound[E],
    f: Bound[F],
    g: Bound[G],
    h: Bound[H],
    j: Bound[J],
    /,
) -> Bound[tuple[A, B, C, D, E, F, G, H, J]]: ...
@overload
def group(
    a: Bound[A],
    b: Bound[B],
    c: Bound[C],
    d: Bound[D],
    e: Bound[E],
    f: Bound[F],
    g: Bound[G],
    h: Bound[H],
    j: Bound[J],
    k: Bound[K],
    /,
) -> Bound[tuple[A, B, C, D, E, F, G, H, J, K]]: ...
@overload
def group(a: Signature[In, A], /) -> Signature[In, list[A]]: ...
@overload
def group(a: Signature[In, A], b: Signature[In, B], /) -> Signature[In, tuple[A, B]]: ...
@overload
def group(a: Signature[In, A], b: Signature[In, B], c: Signature[In, C], /) -> Signature[In, tuple[A, B, C]]: ...
@overload
def group(
    a: Signature[In, A], b: Signature[In, B], c: Signature[In, C], d: Signature[In, D], /
) -> Signature[In, tuple[A, B, C, D]]: ...
@overload
def group(
    a: Signature[In, A], b: Signature[In, B], c: Signature[In, C], d: Signature[In, D], e: Signature[In, E], /
) -> Signature[In, tuple[A, B, C, D, E]]: ...
@overload
def group(
    a: Signature[In, A],
    b: Signature[In, B],
    c: Signature[In, C],
    d: Signature[In, D],
    e: Signature[In, E],
    f: Signature[In, F],
    /,
) -> Signature[In, tuple[A, B, C, D, E, F]]: ...
@overload
def group(
    a: Signature[In, A],
    b: Signature[In, B],
    c: Signature[In, C],
    d: Signature[In, D],
    e: Signature[In, E],
    f: Signature[In, F],
    g: Signature[In, G],
    /,
) -> Signature[In, tuple[A, B, C, D, E, F, G]]: ...
@overload
def group(
    a: Signature[In, A],
    b: Signature[In, B],
    c: Signature[In, C],
    d: Signature[In, D],
    e: Signature[In, E],
    f: Signature[In, F],
    g: Signature[In, G],
    h: Signature[In, H],
    /,
) -> Signature[In, tuple[A, B, C, D, E, F, G, H]]: ...
@overload
def group(
    a: Signature[In, A],
    b: Signature[In, B],
    c: Signature[In, C],
    d: Signature[In, D],
    e: Signature[In, E],
    f: Signature[In, F],
    g: Signature[In, G],
    h: Signature[In, H],
    j: Signature[In, J],
    /,
) -> Signature[In, tuple[A, B, C, D, E, F, G, H, J]]: ...
@overload
def group(
    a: Signature[In, A],
    b: Signature[In, B],
    c: Signature[In, C],
    d: Signature[In, D],
    e: Signature[In, E],
    f: Signature[In, F],
    g: Signature[In, G],
    h: Signature[In, H],
    j: Signature[In, J],
    k: Signature[In, K],
    /,
) -> Signature[In, tuple[A, B, C, D, E, F, G, H, J, K]]: ...
def group(*members: object) -> AnySignature:
    """Run members at the same time and give all of their results, in order.

    Members without data all take the same input.

    Args:
        *members: Several signatures, whose results are a tuple (typed up to ten); or one list of them, or a single
            one, whose results are a list. An empty list is allowed and gives ``[]``.

    Returns:
        A signature; ``Bound`` when all members are. A step after it takes the results as one list. The results of a
        group in a group can be read from the handle, but not handed on.

    Raises:
        ConfigError: A member is no signature, or they belong to different applications.
    """
    listed = listed_in(members)
    as_tuple = listed is None and len(members) > 1
    composed = [composition_of(member, "group") for member in (members if listed is None else listed)]
    return signature_of(grouped(composed, as_tuple=as_tuple))
