"""The strict converter: what each type takes, gives and refuses."""

from __future__ import annotations

import enum
import math
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, NewType, TypeVar
from uuid import UUID

import pytest
from typing_extensions import TypeAliasType

from taskora.errors import ConfigError, Issue, SerializationError, ValidationError
from taskora.schema import ANY, schema_for


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Ratio(enum.Enum):
    WHOLE = 1.0
    HALF = 0.5


class Word(enum.StrEnum):
    HELLO = "hello"


UserId = NewType("UserId", int)
Bounded = TypeVar("Bounded", bound=int)
Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | str | float | None")
Plain = TypeAliasType("Plain", list[int])
ID = UUID("0190a5b0-0000-7000-8000-000000000001")
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("annotation", "wire", "value"),
    [
        (None, None, None),
        (bool, True, True),
        (int, 1, 1),
        (float, 1.5, 1.5),
        (str, "a", "a"),
        (list, [1, "a"], [1, "a"]),
        (list[int], [1, 2], [1, 2]),
        (dict, {"a": [1]}, {"a": [1]}),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (dict[str, Any], {"a": [1]}, {"a": [1]}),
        (dict[Word, int], {"hello": 1}, {Word.HELLO: 1}),
        (dict[Literal["a"], int], {"a": 1}, {"a": 1}),
        (tuple, [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[()], [], ()),
        (int | None, None, None),
        (int | str, "a", "a"),
        (float | int, 1, 1),
        (datetime | str, "soon", "soon"),
        (date | datetime, "2024-05-01T12:00:00+00:00", NOON),
        (Literal["a", 1, None], None, None),  # noqa: PYI061  # None inside is the point
        (Literal[Color.RED], "red", Color.RED),
        (Color, "blue", Color.BLUE),
        (Level, 2, Level.HIGH),
        (Access, 3, Access.READ | Access.WRITE),
        (Ratio, 0.5, Ratio.HALF),
        (datetime, "2024-05-01T12:00:00+00:00", NOON),
        (datetime, "2024-05-01T12:00:00", datetime(2024, 5, 1, 12)),  # noqa: DTZ001  # naive as given
        (date, "2024-05-01", date(2024, 5, 1)),
        (UUID, str(ID), ID),
        (UserId, 3, 3),
        (Annotated[int, "a note"], 3, 3),
        (Plain, [1], [1]),
        (Json, {"a": ["b", None, 1.5]}, {"a": ["b", None, 1.5]}),
        (Bounded, 3, 3),
        (Any, {"a": 1}, {"a": 1}),
        (object, [1], [1]),
    ],
)
def test_a_value_travels_as_its_json_form_and_comes_back(annotation: object, wire: object, value: object) -> None:
    schema = schema_for(annotation, "input")
    decoded = schema.decode(wire)
    assert decoded == value
    assert type(decoded) is type(value)
    assert schema.encode(value) == wire
    assert schema.encode(wire) == wire, "the plain JSON value is accepted too"


@pytest.mark.parametrize(
    ("annotation", "wire"),
    [
        (None, 0),
        (bool, 1),
        (int, True),
        (int, 1.0),
        (int, "1"),
        (float, "1.5"),
        (float, True),
        (float, 10**400),
        (str, 1),
        (str, None),
        (list[int], {"a": 1}),
        (dict[str, int], [1]),
        (tuple[int, str], [1]),
        (tuple[int, str], [1, "a", 2]),
        (int | None, "1"),
        (Literal[1], True),
        (Literal[1], 1.0),
        (Literal["a"], ["a"]),
        (Color, "green"),
        (Color, {}),
        (Level, True),
        (Access, 8),
        (datetime, "2024-05-01"),
        (datetime, "noon"),
        (datetime, 0),
        (date, "2024-05-01T12:00:00"),
        (UUID, "{0190a5b0-0000-7000-8000-000000000001}"),
        (UUID, "x"),
        (dict[Word, int], {"bye": 1}),
    ],
)
def test_what_does_not_fit_is_refused_in_both_directions(annotation: object, wire: object) -> None:
    schema = schema_for(annotation, "input of task 'x'")
    for convert in (schema.decode, schema.encode):
        with pytest.raises(ValidationError, match="input of task 'x'") as caught:
            convert(wire)
        assert caught.value.issues


def test_an_integral_float_from_javascript_is_read_as_a_float() -> None:
    decoded = schema_for(float, "input").decode(1)
    assert (decoded, type(decoded)) == (1.0, float)
    assert schema_for(Ratio, "input").decode(1) is Ratio.WHOLE


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_cannot_express_is_refused(value: float) -> None:
    with pytest.raises(ValidationError, match="JSON has no form"):
        schema_for(list[float], "input").encode([value])


def test_members_of_an_enum_are_written_as_plain_values() -> None:
    assert type(schema_for(int, "input").encode(Level.LOW)) is int
    assert type(schema_for(str, "input").encode(Word.HELLO)) is str


def test_a_datetime_is_no_date() -> None:
    with pytest.raises(ValidationError):
        schema_for(date, "input").encode(NOON)


def test_every_issue_is_reported_with_its_path() -> None:
    schema = schema_for(dict[str, list[tuple[int, str]]], "input")
    with pytest.raises(ValidationError) as caught:
        schema.decode({"a": [[1, "x"], ["y", 2]], "b": None})
    assert caught.value.issues == [
        Issue(("a", 1, 0), "expected int, got str"),
        Issue(("a", 1, 1), "expected str, got int"),
        Issue(("b",), "expected list[tuple[int, str]], got None"),
    ]


def test_a_refused_text_does_not_show_up_in_the_message_where_only_its_type_is_wrong() -> None:
    with pytest.raises(ValidationError) as caught:
        schema_for(int, "input").decode("secret")
    assert "secret" not in str(caught.value)


def test_a_union_prefers_the_member_whose_class_the_value_has() -> None:
    schema = schema_for(str | Color | UUID | date | datetime, "input")
    assert schema.encode(ID) == str(ID)
    assert schema.encode(Color.RED) == "red"
    assert schema.encode(NOON) == NOON.isoformat()


def test_a_union_reports_only_the_member_that_was_meant() -> None:
    with pytest.raises(ValidationError) as caught:
        schema_for(list[int] | dict[str, int], "input").decode([1, "a"])
    assert caught.value.issues == [Issue((1,), "expected int, got str")]


def test_untyped_payloads_are_handed_through_as_the_same_object() -> None:
    value = {"a": [object()]}
    declared: object = Any
    assert schema_for(declared, "input") is ANY
    assert ANY.decode(value) is value
    assert ANY.encode(value) is value
    assert schema_for(dict, "input").decode(value) is value
    assert schema_for(dict[str, Any], "input").decode(value) is value


def test_text_is_read_and_malformed_text_is_a_serialization_error() -> None:
    assert schema_for(list[float], "input").decode_bytes(b"[1,2.5]") == [1.0, 2.5]
    assert ANY.decode_bytes(b'{"a":1}') == {"a": 1}
    for schema in (schema_for(list[int], "input"), ANY):
        with pytest.raises(SerializationError):
            schema.decode_bytes(b"[1,")


def test_a_value_inside_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValidationError, match="nested"):
        schema_for(Json, "input").encode(loop)


def test_the_declared_type_and_the_task_are_known() -> None:
    schema = schema_for(list[int], "input", task="x")
    assert schema.type == list[int]
    with pytest.raises(ValidationError) as caught:
        schema.decode(1)
    assert caught.value.task == "x"


@pytest.mark.parametrize(
    "annotation",
    [
        set,
        set[int],
        bytes,
        complex,
        frozenset[str],
        list[set[int]],
        int | bytes,
        type,
        dict[int, str],
        tuple[int, *tuple[str, ...]],
        "Later",
    ],
)
def test_a_type_without_converter_is_refused_when_declared(annotation: object) -> None:
    with pytest.raises(ConfigError, match="payload of task 'x'"):
        schema_for(annotation, "payload of task 'x'")


def test_the_refusal_of_a_type_names_it_and_what_to_use() -> None:
    with pytest.raises(ConfigError, match=r"<class 'set'>.*pydantic.*msgspec.*validate\(\)"):
        schema_for(set, "input")


def test_an_enum_of_values_that_json_lacks_is_refused_when_declared() -> None:
    class Odd(enum.Enum):
        PAIR = (1, 2)

    with pytest.raises(ConfigError, match="PAIR"):
        schema_for(Odd, "input")
