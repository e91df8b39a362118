"""Dataclasses and TypedDicts."""

from __future__ import annotations

import dataclasses
from dataclasses import KW_ONLY, InitVar, dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Generic, NotRequired, Required, TypedDict, TypeVar

import pytest
import typing_extensions

from taskora.errors import ConfigError, Issue, ValidationError
from taskora.schema import schema_for

T = TypeVar("T")
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@dataclass
class Line:
    sku: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    lines: list[Line]
    placed: datetime = NOON
    tags: tuple[str, ...] = field(default_factory=tuple)
    parent: Order | None = None
    kind: ClassVar[str] = "order"


@dataclass
class Sealed:
    name: str
    _: KW_ONLY
    size: int = 0
    digest: str = field(init=False, default="?")

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("size is negative")
        self.name = self.name.strip()
        self.digest = f"{self.name}:{self.size}"


@dataclass
class Page(Generic[T]):
    items: list[T]
    next: Page[T] | None = None


@dataclass
class LinePage(Page[Line]):
    total: int = 0


class Move(TypedDict):
    to: str
    at: NotRequired[datetime]


class Partial(TypedDict, total=False):
    id: Required[int]
    line: Line


class Newer(typing_extensions.TypedDict):
    id: typing_extensions.ReadOnly[int]
    note: typing_extensions.NotRequired[str]


def test_a_dataclass_travels_as_an_object_with_its_defaults_written() -> None:
    schema = schema_for(Order, "input")
    order = Order(lines=[Line("a"), Line("b", 2)], parent=Order(lines=[], tags=("x",)))
    wire = schema.encode(order)
    assert wire == {
        "lines": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}],
        "placed": "2024-05-01T12:00:00+00:00",
        "tags": [],
        "parent": {"lines": [], "placed": "2024-05-01T12:00:00+00:00", "tags": ["x"], "parent": None},
    }
    assert schema.decode(wire) == order


def test_a_dict_is_taken_for_a_dataclass_also_with_typed_parts_and_gets_the_defaults() -> None:
    schema = schema_for(Order, "input")
    assert schema.encode({"lines": [Line("a"), {"sku": "b"}], "placed": NOON}) == schema.encode(
        Order(lines=[Line("a"), Line("b")])
    )
    assert schema.decode({"lines": []}) == Order(lines=[])


def test_unknown_missing_and_wrong_fields_are_all_reported() -> None:
    schema = schema_for(Order, "input")
    for convert in (schema.decode, schema.encode):
        with pytest.raises(ValidationError) as caught:
            convert({"lines": [{"count": "1", "colour": 1}], "kind": "x"})
        assert [issue.path for issue in caught.value.issues] == [
            ("lines", 0, "sku"),
            ("lines", 0, "count"),
            ("lines", 0, "colour"),
            ("kind",),
        ]


def test_an_instance_with_a_wrong_field_is_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        schema_for(Line, "input").encode(Line(sku=1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the mistake
    assert caught.value.issues == [Issue(("sku",), "expected str, got int")]


def test_an_instance_of_another_class_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected Line as a dict, got Page"):
        schema_for(Line, "input").encode(Page([1]))


def test_post_init_runs_and_its_refusal_is_an_issue_also_for_a_dict() -> None:
    schema = schema_for(list[Sealed], "input")
    assert schema.decode([{"name": " a ", "size": 1}]) == [Sealed("a", size=1)]
    assert schema.encode([{"name": " a ", "size": 1}]) == [{"name": "a", "size": 1}]
    for convert in (schema.decode, schema.encode):
        with pytest.raises(ValidationError, match="size is negative") as caught:
            convert([{"name": "a", "size": -1}])
        assert caught.value.issues[0].path == (0,)


def test_a_field_outside_of_init_neither_travels_nor_is_taken() -> None:
    schema = schema_for(Sealed, "input")
    assert schema.encode(Sealed("a")) == {"name": "a", "size": 0}
    with pytest.raises(ValidationError, match="digest: unknown field"):
        schema.decode({"name": "a", "digest": "x"})


def test_an_init_var_is_refused_when_declared() -> None:
    @dataclass
    class Salted:
        salt: InitVar[int]

    with pytest.raises(ConfigError, match=r"Salted\.salt.*InitVar"):
        schema_for(Salted, "input")


def test_generic_dataclasses_know_their_argument() -> None:
    schema = schema_for(Page[Line], "input")
    page = Page([Line("a")], Page([Line("b")]))
    assert schema.decode(schema.encode(page)) == page
    with pytest.raises(ValidationError, match=r"next.items\[0\].sku"):
        schema.decode({"items": [], "next": {"items": [{"sku": 1}]}})
    assert schema_for(LinePage, "input").decode({"items": [{"sku": "a"}], "total": 1}) == LinePage([Line("a")], total=1)


def test_two_dataclasses_in_a_union_are_told_apart_by_their_fields() -> None:
    schema = schema_for(Line | Page[int], "input")
    for value in (Line("a"), Page([1])):
        assert schema.decode(schema.encode(value)) == value
    with pytest.raises(ValidationError, match="as Line") as caught:
        schema.decode({"items": ["a"]})
    assert any(issue.path == ("items", 0) for issue in caught.value.issues)


def test_a_typed_dict_is_closed_and_honours_what_is_required() -> None:
    schema = schema_for(Move, "input")
    assert schema.encode({"to": "a", "at": NOON}) == {"to": "a", "at": "2024-05-01T12:00:00+00:00"}
    assert schema.decode({"to": "a", "at": "2024-05-01T12:00:00+00:00"}) == {"to": "a", "at": NOON}
    assert schema.decode({"to": "a"}) == {"to": "a"}
    with pytest.raises(ValidationError) as caught:
        schema.decode({"too": "a"})
    assert [issue.path for issue in caught.value.issues] == [("to",), ("too",)]


def test_a_partial_typed_dict_needs_only_what_is_marked() -> None:
    schema = schema_for(Partial, "input")
    assert schema.decode({"id": 1, "line": {"sku": "a"}}) == {"id": 1, "line": Line("a")}
    assert schema.decode({"id": 1}) == {"id": 1}
    with pytest.raises(ValidationError, match="id: required"):
        schema.decode({})


def test_typed_dicts_of_typing_extensions_are_the_same() -> None:
    declared: object = Newer
    schema = schema_for(declared, "input")
    assert schema.decode({"id": 1}) == {"id": 1}
    with pytest.raises(ValidationError, match="id: required"):
        schema.decode({"note": "a"})


def test_a_field_without_converter_is_named_when_declared() -> None:
    made = dataclasses.make_dataclass("Parcel", [("files", list[set[int]])])
    with pytest.raises(ConfigError, match=r"input of task 'x': Parcel\.files\[\]: no converter for set\[int\]"):
        schema_for(made, "input of task 'x'")


def test_local_classes_are_resolved_with_the_names_that_are_given() -> None:
    @dataclass
    class Leaf:
        size: int

    @dataclass
    class Tree:
        leaf: Leaf
        child: Tree | None = None

    with pytest.raises(ConfigError, match=r"Tree: the name 'Leaf'"):
        schema_for(Tree, "input")
    schema = schema_for(Tree, "input", names=locals())
    assert schema.decode({"leaf": {"size": 1}, "child": {"leaf": {"size": 2}}}) == Tree(Leaf(1), Tree(Leaf(2)))


def test_nesting_without_end_is_refused_and_not_a_crash() -> None:
    deep: object = None
    for _ in range(2000):
        deep = {"items": [], "next": deep}
    with pytest.raises(ValidationError, match="nested too deeply"):
        schema_for(Page[int], "input").decode(deep)


@dataclass
class SpecialLine(Line):
    note: str = ""


def test_a_union_writes_a_subclass_whole_although_its_base_comes_first() -> None:
    schema = schema_for(Line | SpecialLine, "input")
    wire = schema.encode(SpecialLine("a", note="x"))
    assert wire == {"sku": "a", "count": 1, "note": "x"}
    assert schema.decode(wire) == SpecialLine("a", note="x")
