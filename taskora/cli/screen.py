"""What a command writes: one JSON value for programs, or tables and colours for people."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

import click
import orjson

from taskora.amounts import span
from taskora.quoting import shown

from .table import Column, render

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_STATE_COLORS = {
    "completed": "green", "ok": "green", "active": "blue", "running": "blue", "failed": "red", "fail": "red",
    "expired": "yellow", "cancelled": "yellow", "retrying": "yellow", "warn": "yellow", "delayed": "cyan",
    "unknown": "cyan",
}  # fmt: skip


class Screen:
    """Standard output and error, as a command uses them.

    Args:
        as_json: Write one JSON value to standard output, and nothing else.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.colors: bool = _has_colors(sys.stdout)

    def data(self, value: object) -> None:
        """Write a value as JSON, one line."""
        click.echo(orjson.dumps(value, default=jsonable, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z))

    def tell(self, value: object, text: str) -> None:
        """Write what was done: as JSON, or as a line for people."""
        if self.as_json:
            self.data(value)
        else:
            self.line(text)

    def line(self, text: str = "") -> None:
        """Write a line for people."""
        click.echo(shown(text, keep="\n\t"))

    def note(self, text: str) -> None:
        """Write a line for people that is not part of the result: to standard error."""
        click.echo(shown(text, keep="\n\t"), err=True)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[object]], empty: str) -> None:
        """Write a table for people, or what to say when it is empty."""
        if not rows:
            self.note(empty)
            return
        heading, *body = render(columns, rows, self.width)
        self.line(click.style(heading, bold=True) if self.colors else heading)
        for line in body:
            self.line(line)

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None when there is none to fit into."""
        return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else None

    def paint_state(self, state: str, text: str) -> str:
        """Colour a text by the state that it shows."""
        color = _STATE_COLORS.get(state)
        return click.style(text, fg=color) if color and self.colors else text

    def bold(self, text: str) -> str:
        """Make a text bold, where there are colours."""
        return click.style(text, bold=True) if self.colors else text


def jsonable(value: object) -> object:
    """Turn what orjson does not know into JSON values; bytes are a serialized value, others become their text."""
    if is_dataclass(value) and not isinstance(value, type):
        return fields_of(value)
    if isinstance(value, bytes):
        try:
            return orjson.loads(value) if value else None
        except orjson.JSONDecodeError:
            return value.decode(errors="replace")
    return str(value)


def written(value: object, *, indented: bool = False) -> str:
    """Write a value that a serializer read as JSON; what JSON has no form for becomes its text."""
    style = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indented else 0)
    return orjson.dumps(value, default=jsonable, option=style).decode()


def fields_of(value: DataclassInstance) -> dict[str, object]:
    """Return a dataclass's fields."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def ago(at: datetime | None) -> str | None:
    """Say how long ago something was."""
    return None if at is None else f"{span((datetime.now(UTC) - at).total_seconds())} ago"


def until(at: datetime | None) -> str:
    """Say how long it is until a time; None and what is past are due."""
    left_s = 0.0 if at is None else (at - datetime.now(UTC)).total_seconds()
    return f"in {span(left_s)}" if left_s > 0 else "due"


def _has_colors(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
