"""What of a payload is indexed."""

import uuid

import orjson
import pytest

from taskora.indexing import check_index, entries_of, entry_of
from taskora.serializer import JSON


def entries(payload: object, *paths: str) -> list[str]:
    return list(entries_of(check_index(paths), orjson.dumps(payload), JSON))


def test_scalars_are_written_as_json_writes_them_and_texts_as_they_are() -> None:
    payload: dict[str, object] = {"a": "x:y z", "b": 42, "c": True, "d": 1.5, "e": None, "f": {}, "g": "", "h": False}
    assert entries(payload, *"abcdefgh") == ["a:x:y z", "b:42", "c:true", "d:1.5", "h:false"]


def test_paths_lead_through_objects_and_lists() -> None:
    payload = {"order": {"id": 7, "items": [{"sku": "a"}, 5, {"sku": "b"}, {"sku": "a"}, {}]}, "tags": ["x", None, "y"]}
    assert entries(payload, "order.id", "order.items.sku", "tags", "no.where", "order.id.more") == [
        "order.id:7", "order.items.sku:a", "order.items.sku:b", "tags:x", "tags:y",
    ]  # fmt: skip


def test_at_most_sixteen_values_of_at_most_128_bytes_are_indexed() -> None:
    assert entries({"a": list(range(100))}, "a") == [f"a:{number}" for number in range(16)]
    payload = {"a": [["x"] * 20, 1], "b": "é" * 64, "c": "é" * 64 + "x"}
    assert entries(payload, "a", "b", "c") == [
        "a:1",
        "b:" + "é" * 64,
    ]


@pytest.mark.parametrize("payload", [None, 5, "text", [], [1, 2]])
def test_a_payload_that_is_no_object_has_nothing(payload: object) -> None:
    assert entries(payload, "a") == []


def test_what_is_searched_for_is_written_as_what_is_indexed() -> None:
    value = uuid.uuid4()
    assert [entry_of("a", each) for each in (42, "42", True, 1.5, value)] == [
        "a:42", "a:42", "a:true", "a:1.5", f"a:{value}",
    ]  # fmt: skip


def test_what_cannot_be_read_again_is_not_indexed() -> None:
    assert entries_of(("a",), b"not json", JSON) == ()
