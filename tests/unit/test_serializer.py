"""Payloads as JSON."""

import json
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskora.errors import SerializationError
from taskora.serializer import JSON

VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
)  # fmt: skip


@given(VALUES)
def test_a_json_value_comes_back_as_it_was(value: object) -> None:
    assert JSON.loads(JSON.dumps(value)) == value


def test_the_text_is_compact_and_not_escaped() -> None:
    assert JSON.dumps({"a": [1, "ä", None, True]}) == '{"a":[1,"ä",null,true]}'.encode()


@given(VALUES)
def test_other_implementations_can_read_it(value: object) -> None:
    assert json.loads(JSON.dumps(value)) == value


@dataclass
class Point:
    x: float


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_without_a_json_form_is_refused_wherever_it_stands(bad: float) -> None:
    for value in (bad, [1, bad], {"a": {"b": (bad,)}}, [None, bad], Point(bad), {"p": [Point(bad)]}):
        with pytest.raises(SerializationError, match="JSON"):
            JSON.dumps(value)


def test_the_text_null_in_a_string_is_no_reason_to_refuse() -> None:
    assert JSON.loads(JSON.dumps(["null", None, 1.5])) == ["null", None, 1.5]


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x", {"a": object()}, 2**70, "\ud800", {("a",): 1}])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(SerializationError):
        JSON.dumps(value)


def test_an_empty_text_is_none() -> None:
    assert JSON.loads(b"") is None


@pytest.mark.parametrize("data", [b"{", b"NaN", b"undefined", b"\xff", b"'a'"])
def test_what_is_not_json_cannot_be_read_and_the_message_shows_its_start(data: bytes) -> None:
    with pytest.raises(SerializationError, match="not JSON"):
        JSON.loads(data)


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    value: object = None
    for _ in range(5000):
        value = [value]
    with pytest.raises(SerializationError):
        JSON.dumps(value)
