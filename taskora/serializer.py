"""How payloads and results become bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Final, Protocol, cast

import orjson

from taskora.errors import SerializationError


class Serializer(Protocol):
    """Turns JSON-like values into bytes and back: dicts with text keys, lists, texts, numbers, booleans and None.

    What either raises fails the dispatch or the job as a ``SerializationError``. One whose bytes are JSON text may
    say so with ``writes_json = True``: scripts then join payloads as JSON, and without it as strings of bytes.
    """

    def dumps(self, value: object, /) -> bytes:
        """Write a value."""
        ...

    def loads(self, data: bytes, /) -> object:
        """Read what ``dumps``, or the same serializer of another language, wrote."""
        ...


class JsonSerializer:
    """Compact UTF-8 JSON, as other languages write it. The default.

    Not-a-number and infinities are refused: JSON has no form for them. An empty text reads as None, which is what a
    handler without a result leaves when it is written in JavaScript.
    """

    writes_json: Final = True

    def dumps(self, value: object, /) -> bytes:
        """Write a JSON value.

        Raises:
            SerializationError: The value has a part that JSON cannot express.
        """
        try:
            text = orjson.dumps(value)
        except TypeError as error:
            raise SerializationError(f"cannot write {type(value).__name__} as JSON: {error}") from error
        # orjson writes a float without a JSON form as null; only a text with a null in it can hide one.
        if b"null" in text:
            _refuse_non_finite(value)
        return text

    def loads(self, data: bytes, /) -> object:
        """Read a JSON value.

        Raises:
            SerializationError: The data is not JSON.
        """
        if not data:
            return None
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise SerializationError(f"not JSON: {error}; starts with {data[:60]!r}") from error


def _refuse_non_finite(value: object) -> None:
    stack: list[object] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, float):
            if not math.isfinite(item):
                raise SerializationError(f"cannot write {item!r} as JSON: it has no form for it")
        elif isinstance(item, dict):
            stack.extend(cast("dict[object, object]", item).values())
        elif isinstance(item, list | tuple):
            stack.extend(cast("Iterable[object]", item))
        elif is_dataclass(item):
            stack.extend(getattr(item, field.name) for field in fields(item))


JSON = JsonSerializer()
