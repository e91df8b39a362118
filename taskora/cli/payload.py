"""Payloads and results as a command shows them, whatever serializer wrote them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from taskora.app import Taskora
from taskora.errors import SerializationError
from taskora.model import JobInfo
from taskora.payloads import load
from taskora.serializer import JsonSerializer

from .screen import jsonable


def reader_of(app: Taskora) -> Callable[[bytes], object]:
    """Give what reads stored payloads and results; what cannot be read becomes a text that says so."""
    serializer = app.serializer

    def read(raw: bytes) -> object:
        try:
            return load(raw, serializer)
        except SerializationError:
            if isinstance(serializer, JsonSerializer):
                return f"({len(raw)} bytes that are not JSON; name the application that wrote them with --app)"
            return f"({len(raw)} bytes that {type(serializer).__name__} cannot read)"

    return read


def readable(app: Taskora, jobs: Sequence[JobInfo]) -> list[JobInfo]:
    """Have jobs show their payloads and results as ``reader_of`` reads them."""
    read = reader_of(app)
    return [job.loaded(read) for job in jobs]


def written(value: object, *, indented: bool = False) -> str:
    """Write a value that a serializer read; what JSON has no form for becomes its text."""
    style = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indented else 0)
    return orjson.dumps(value, default=jsonable, option=style).decode()
