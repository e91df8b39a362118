"""Payloads and results as people are shown them, whatever serializer wrote them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from taskora.app import Taskora
from taskora.errors import SerializationError
from taskora.model import JobInfo
from taskora.payloads import load
from taskora.serializer import JsonSerializer


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
