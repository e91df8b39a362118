"""The form of a composition's result, apart from the values in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """Several results. ``as_tuple`` tells a group of signatures from a list of them."""

    members: tuple[Shape, ...]
    as_tuple: bool


Shape: TypeAlias = int | Many
"""The result of one node, by its index, or several shapes together."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Take the last ``count`` values together."""

    count: int
    as_tuple: bool


Recipe: TypeAlias = tuple[int | Pack, ...]
"""A shape in postfix order, so that however deep it is, a loop can fill it."""


def recipe_of(shape: Shape) -> Recipe:
    """Write a shape in postfix order."""
    backwards: list[int | Pack] = []
    pending: list[Shape] = [shape]
    while pending:
        part = pending.pop()
        if isinstance(part, int):
            backwards.append(part)
        else:
            backwards.append(Pack(len(part.members), part.as_tuple))
            pending.extend(part.members)
    return tuple(reversed(backwards))


def fill(recipe: Recipe, value_of: Callable[[int], object]) -> object:
    """Build the result: each index becomes the value of its node."""
    values: list[object] = []
    for part in recipe:
        if isinstance(part, int):
            values.append(value_of(part))
        else:
            start = len(values) - part.count
            packed = values[start:]
            values[start:] = [tuple(packed) if part.as_tuple else packed]
    return values[0]
