"""Steps one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, overload

from taskora.errors import ConfigError

from .composition import chained
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


# mypy and pyright follow types through a call only by its number of arguments: ten steps, with and without data.
@overload
def chain(a: Bound[A], /) -> Bound[A]: ...
@overload
def chain(a: Bound[A], b: Signature[A, B], /) -> Bound[B]: ...
@overload
def chain(a: Bound[A], b: Signature[A, B], c: Signature[B, C], /) -> Bound[C]: ...
@overload
def chain(a: Bound[A], b: Signature[A, B], c: Signature[B, C], d: Signature[C, D], /) -> Bound[D]: ...
@overload
def chain(
    a: Bound[A], b: Signature[A, B], c: Signature[B, C], d: Signature[C, D], e: Signature[D, E], /
) -> Bound[E]: ...
@overload
def chain(
    a: Bound[A], b: Signature[A, B], c: Signature[B, C], d: Signature[C, D], e: Signature[D, E], f: Signature[E, F], /
) -> Bound[F]: ...
@overload
def chain(
    a: Bound[A],
    b: Signature[A, B],
    c: Signature[B, C],
    d: Signature[C, D],
    e: Signature[D, E],
    f: Signature[E, F],
    g: Signature[F, G],
    /,
) -> Bound[G]: ...
@overload
def chain(
    a: Bound[A],
    b: Signature[A, B],
    c: Signature[B, C],
    d: Signature[C, D],
    e: Signature[D, E],
    f: Signature[E, F],
    g: Signature[F, G],
    h: Signature[G, H],
    /,
) -> Bound[H]: ...
@overload
def chain(
    a: Bound[A],
    b: Signature[A, B],
    c: Signature[B, C],
    d: Signature[C, D],
    e: Signature[D, E],
    f: Signature[E, F],
    g: Signature[F, G],
    h: Signature[G, H],
    j: Signature[H, J],
    /,
) -> Bound[J]: ...
@overload
def chain(
    a: Bound[A],
    b: Signature[A, B],
    c: Signature[B, C],
    d: Signature[C, D],
    e: Signature[D, E],
    f: Signature[E, F],
    g: Signature[F, G],
    h: Signature[G, H],
    j: Signature[H, J],
    k: Signature[J, K],
    /,
) -> Bound[K]: ...
@overload
def chain(a: Signature[In, A], /) -> Signature[In, A]: ...
@overload
def chain(a: Signature[In, A], b: Signature[A, B], /) -> Signature[In, B]: ...
@overload
def chain(a: Signature[In, A], b: Signature[A, B], c: Signature[B, C], /) -> Signature[In, C]: ...
@overload
def chain(a: Signature[In, A], b: Signature[A, B], c: Signature[B, C], d: Signature[C, D], /) -> Signature[In, D]: ...
@overload
def chain(
    a: Signature[In, A], b: Signature[A, B], c: Signature[B, C], d: Signature[C, D], e: Signature[D, E], /
) -> Signature[In, E]: ...
@overload
def chain(
    a: Signature[In, A],
    b: Signature[A, B],
    c: Signature[B, C],
    d: Signature[C, D],
    e: Signature[D, E],
    f: Signature[E, F],
    /,
) -> Signature[In, F]: ...
@overload
def chain(
    a: Signature[In, A],
    b: Signature[A, B],
    c: Signature[B, C],
    d: Signature[C, D],
    e: Signature[D, E],
    f: Signature[E, F],
    g: Signature[F, G],
    /,
) -> Signature[In, G]: ...
@overload
def chain(
    a: Signature[In, A],
    b: Signature[A, B],
    c: Signature[B, C],
    d: Signature[C, D],
    e: Signature[D, E],
    f: Signature[E, F],
    g: Signature[F, G],
    h: Signature[G, H],
    /,
) -> Signature[In, H]: ...
@overload
def chain(
    a: Signature[In, A],
    b: Signature[A, B],
    c: Signature[B, C],
    d: Signature[C, D],
    e: Signature[D, E],
    f: Signature[E, F],
    g: Signature[F, G],
    h: Signature[G, H],
    j: Signature[H, J],
    /,
) -> Signature[In, J]: ...
@overload
def chain(
    a: Signature[In, A],
    b: Signature[A, B],
    c: Signature[B, C],
    d: Signature[C, D],
    e: Signature[D, E],
    f: Signature[E, F],
    g: Signature[F, G],
    h: Signature[G, H],
    j: Signature[H, J],
    k: Signature[J, K],
    /,
) -> Signature[In, K]: ...
@overload
def chain(first: Bound[T], rest: Sequence[Signature[T, T]], /) -> Bound[T]: ...
@overload
def chain(first: Signature[In, T], rest: Sequence[Signature[T, T]], /) -> Signature[In, T]: ...
@overload
def chain(steps: Sequence[Signature[T, T]], /) -> Bound[T]: ...
def chain(*steps: object) -> AnySignature:
    """Run steps one after the other, each with the result of the one before.

    A step that has data of its own waits for the one before and ignores its result. A chain whose first step has no
    data takes an input, as a part of another composition; it cannot be dispatched.

    Args:
        *steps: Up to ten signatures whose types are followed. Or, for any number, a first one and a list of others that
            give what they take; or such a list alone, whose first step must have data.

    Returns:
        A signature that gives the last step's result; ``Bound`` when the first step is.

    Raises:
        ConfigError: There is no step, a step is no signature, they belong to different applications, or a step would
            take the results of a group in a group.
    """
    listed = listed_in(steps[-1:])
    if listed is None:
        listed = steps
    elif len(steps) > 1:
        listed = [*steps[:-1], *listed]
    whole = signature_of(chained([composition_of(step, "chain") for step in listed]))
    if listed_in(steps) is not None and not isinstance(whole, Bound):
        raise ConfigError(
            f"task {whole.composition.traits.needs!r}: the first step of a list needs data: .s(data), not .s()"
        )
    return whole
