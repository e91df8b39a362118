"""Whatever type is declared, a value survives the wire."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from types import GenericAlias
from typing import Any, Literal, TypedDict, Union
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from taskora.schema import schema_for
from taskora.serializer import JSON


class Shade(enum.Enum):
    LIGHT = "light"
    DARK = 2


Typed = tuple[Any, st.SearchStrategy[object]]

_zones = st.none() | st.just(UTC) | st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)

Grow = Callable[[Typed], Typed]

SCALARS: list[Typed] = [
    (bool, st.booleans()),
    (int, st.integers(-(2**63), 2**63 - 1)),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (str, _text),
    (datetime, st.datetimes(timezones=_zones)),
    (date, st.dates()),
    (UUID, st.uuids()),
    (Shade, st.sampled_from(Shade)),
    (Literal["a", 1, True], st.sampled_from(["a", 1, True])),
]


def _union(*members: object) -> Any:
    union: Any = Union
    return union[members]


def _list(inner: Typed) -> Typed:
    return GenericAlias(list, (inner[0],)), st.lists(inner[1], max_size=3)


def _tuple(inner: Typed) -> Typed:
    return GenericAlias(tuple, (inner[0], ...)), st.lists(inner[1], max_size=3).map(tuple)


def _pair(inner: Typed) -> Typed:
    return GenericAlias(tuple, (inner[0], int)), st.tuples(inner[1], st.integers(-9, 9))


def _dict(inner: Typed) -> Typed:
    return GenericAlias(dict, (str, inner[0])), st.dictionaries(_text, inner[1], max_size=3)


def _optional(inner: Typed) -> Typed:
    return _union(inner[0], None), st.none() | inner[1]


def _dataclass(inner: Typed) -> Typed:
    made: Callable[..., object] = dataclasses.make_dataclass(
        "Made", [("first", inner[0]), ("second", _union(inner[0], None), None)], frozen=True
    )
    return made, st.builds(made, first=inner[1], second=st.none() | inner[1])


def _typed_dict(inner: Typed) -> Typed:
    make: Any = TypedDict  # through a variable: no type checker knows a type that is made at run time
    made = make("made", {"first": inner[0]})
    return made, st.fixed_dictionaries({"first": inner[1]})


def _grow(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    kinds: list[Grow] = [_list, _tuple, _pair, _dict, _optional, _dataclass, _typed_dict]
    return st.tuples(st.sampled_from(kinds), inner).map(lambda pair: pair[0](pair[1]))


TYPES = st.recursive(st.sampled_from(SCALARS), _grow, max_leaves=4)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_a_value_of_any_type_comes_back_equal(data: st.DataObject) -> None:
    annotation, values = data.draw(TYPES)
    value = data.draw(values)
    schema = schema_for(annotation, "input")
    wire = schema.encode(value)
    assert schema.decode_bytes(JSON.dumps(wire)) == value
    assert schema.encode(wire) == wire, "the JSON form is a fixed point"


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_a_value_of_any_type_comes_back_from_a_union_with_a_container(data: st.DataObject) -> None:
    annotation, values = data.draw(st.sampled_from(SCALARS))
    schema = schema_for(_union(annotation, list[int], dict[str, str]), "input")
    value = data.draw(values | st.lists(st.integers(-9, 9)) | st.dictionaries(_text, _text))
    assert schema.decode_bytes(JSON.dumps(schema.encode(value))) == value
