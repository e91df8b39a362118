"""pydantic, msgspec, and objects with ``validate``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
import pydantic
import pytest

from taskora.errors import ConfigError, Issue, SerializationError, ValidationError
from taskora.schema import schema_for

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Person(pydantic.BaseModel):
    full_name: str = pydantic.Field(alias="fullName")
    born: date | None = None
    friends: list[Person] = []


class Rigid(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True, extra="forbid")
    on: date
    size: int = 0

    @pydantic.computed_field  # type: ignore[prop-decorator]  # mypy knows no decorator over a property
    @property
    def double(self) -> int:
        return self.size * 2


class Point(msgspec.Struct, rename="camel"):
    at_x: int
    seen: datetime | None = None
    others: list[Point] = []


@dataclass
class Mixed:
    person: Person
    points: list[Point]


class Even:
    def validate(self, value: object) -> object:
        if not isinstance(value, int) or value % 2:
            raise ValueError("odd")
        return value


class Name:
    @classmethod
    def validate(cls, value: object) -> str:
        if value == "no":
            raise ValidationError("refused", [Issue(("deep", 1), "no")])
        return str(value).title()


@dataclass
class WithMethod:
    size: int

    def validate(self) -> bool:
        return self.size > 0


def test_a_pydantic_model_uses_its_aliases_both_ways() -> None:
    schema = schema_for(Person, "input")
    ann = Person(fullName="Ann", born=date(2000, 1, 2), friends=[Person(fullName="Bo")])
    wire = schema.encode(ann)
    assert wire == {
        "fullName": "Ann",
        "born": "2000-01-02",
        "friends": [{"fullName": "Bo", "born": None, "friends": []}],
    }
    assert schema.decode(wire) == ann
    assert schema.decode_bytes(b'{"fullName":"Ann","born":"2000-01-02","friends":[{"fullName":"Bo"}]}') == ann
    assert schema.encode({"fullName": "Ann", "born": "2000-01-02", "friends": [Person(fullName="Bo")]}) == wire


def test_every_issue_of_a_pydantic_model_has_its_path() -> None:
    schema = schema_for(Person, "input")
    text = b'{"fullName":1,"friends":[{"fullName":[]}]}'
    friend: dict[str, object] = {}
    converts: list[Callable[[], object]] = [
        lambda: schema.decode_bytes(text),
        lambda: schema.encode({"fullName": 1, "friends": [friend]}),
    ]
    for convert in converts:
        with pytest.raises(ValidationError) as caught:
            convert()
        assert [issue.path for issue in caught.value.issues] == [("fullName",), ("friends", 0, "fullName")]


def test_a_strict_pydantic_model_is_read_by_the_rules_for_json_from_text_and_from_values() -> None:
    schema = schema_for(Rigid, "input")
    rigid = Rigid(on=date(2024, 5, 1), size=2)
    assert schema.decode({"on": "2024-05-01", "size": 2}) == rigid
    assert schema.decode_bytes(b'{"on":"2024-05-01","size":2}') == rigid
    assert schema.encode({"on": "2024-05-01", "size": 2}) == {"on": "2024-05-01", "size": 2}
    assert schema.decode(schema.encode(rigid)) == rigid, "a computed field that is forbidden as input is left out"


def test_a_pydantic_instance_that_was_made_invalid_is_refused_when_written() -> None:
    schema = schema_for(Rigid, "input")
    broken = Rigid(on=date(2024, 5, 1))
    broken.size = "big"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]  # the mistake
    with pytest.raises(ValidationError, match="size"):
        schema.encode(broken)


def test_pydantic_handles_what_carries_its_metadata_and_adapters() -> None:
    schema = schema_for(Annotated[int, pydantic.Field(gt=3)], "input")
    assert schema.decode(4) == 4
    with pytest.raises(ValidationError, match="greater than 3"):
        schema.decode(3)
    numbers = schema_for(pydantic.TypeAdapter(set[int]), "input")
    assert numbers.decode([1, 1]) == {1}
    assert numbers.encode({1}) == [1]


def test_malformed_text_is_a_serialization_error() -> None:
    for kind in (Person, Point, Even()):
        with pytest.raises(SerializationError):
            schema_for(kind, "input").decode_bytes(b'{"')


def test_a_struct_is_read_written_and_checked_although_it_does_not_check_itself() -> None:
    schema = schema_for(Point, "input")
    point = Point(1, NOON, [Point(2)])
    wire = schema.encode(point)
    assert wire == {
        "atX": 1,
        "seen": "2024-05-01T12:00:00Z",
        "others": [{"atX": 2, "seen": None, "others": []}],
    }
    assert schema.decode(wire) == point
    assert schema.decode_bytes(b'{"atX":1,"seen":"2024-05-01T12:00:00Z","others":[{"atX":2}]}') == point
    assert schema.encode({"atX": 1, "seen": NOON, "others": [Point(2)]}) == wire
    with pytest.raises(ValidationError) as caught:
        schema.encode(Point(1, others=[Point("2")]))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the mistake
    assert caught.value.issues == [Issue(("others", 0, "atX"), "Expected `int`, got `str`")]


def test_msgspec_handles_what_carries_its_metadata() -> None:
    with pytest.raises(ValidationError):
        schema_for(Annotated[int, msgspec.Meta(gt=3)], "input").decode(3)


def test_models_and_structs_work_inside_a_dataclass() -> None:
    schema = schema_for(Mixed, "input")
    mixed = Mixed(Person(fullName="Ann"), [Point(1)])
    assert schema.decode(schema.encode(mixed)) == mixed
    with pytest.raises(ValidationError) as caught:
        schema.decode({"person": {}, "points": [{"atX": "1"}]})
    assert [issue.path for issue in caught.value.issues] == [("person", "fullName"), ("points", 0, "atX")]


def test_a_validator_is_asked_in_both_directions_and_its_errors_are_issues() -> None:
    even = schema_for(Even(), "input")
    assert even.decode(2) == even.encode(2) == 2
    for convert in (even.decode, even.encode):
        with pytest.raises(ValidationError, match="odd"):
            convert(3)
    declared: object = list[Name]
    names = schema_for(declared, "input")
    assert names.decode(["ann"]) == ["Ann"]
    with pytest.raises(ValidationError) as caught:
        names.decode(["no"])
    assert caught.value.issues == [Issue((0, "deep", 1), "no")]


def test_a_method_named_validate_makes_no_validator_of_a_dataclass() -> None:
    assert schema_for(WithMethod, "input").decode({"size": 1}) == WithMethod(1)


def test_an_asynchronous_validator_is_refused_when_declared() -> None:
    class Slow:
        async def validate(self, value: object) -> object:
            return value

    with pytest.raises(ConfigError, match="asynchronous"):
        schema_for(Slow(), "input")


def test_plain_types_import_neither_pydantic_nor_msgspec() -> None:
    program = (
        "import dataclasses, sys\n"
        "from taskora.schema import schema_for\n"
        "made = dataclasses.make_dataclass('Made', [('a', list[int])])\n"
        "assert schema_for(made, 'input').encode(made([1])) == {'a': [1]}\n"
        "print(sorted({'pydantic', 'msgspec'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
