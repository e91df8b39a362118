"""Tables for people: aligned, and no wider than the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from taskora.quoting import shown

_GAP = "  "
_NARROWEST = 6

Paint = Callable[[str, str], str]
"""Takes a cell's text as it was given and its padded form, and returns the latter with colours."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading.
        align: ``left``, or ``right`` for numbers.
        shrinks: Whether its texts may be cut when the terminal is too narrow; the widest such column is cut first.
        paint: Colours its cells.
    """

    title: str
    align: Literal["left", "right"] = "left"
    shrinks: bool = False
    paint: Paint | None = None


def render(columns: Sequence[Column], rows: Sequence[Sequence[object]], width: int | None = None) -> list[str]:
    """Lay a table out as lines: a heading, then the rows.

    Args:
        columns: The columns.
        rows: Values, as many a row as there are columns; None is shown as a dash.
        width: Columns of the terminal; None for no limit.
    """
    texts = [[_text(value) for value in row] for row in rows]
    widths = [max([width_of(column.title), *(width_of(row[at]) for row in texts)]) for at, column in enumerate(columns)]
    if width is not None:
        _shrink(columns, widths, width)
    heading = _line([column.title.upper() for column in columns], columns, widths, heading=True)
    return [heading, *(_line(row, columns, widths) for row in texts)]


def fit(text: str, width: int) -> str:
    """Cut a text to a width, with an ellipsis as its last character."""
    if width_of(text) <= width:
        return text
    kept = ""
    for char in text:
        if width_of(kept + char) > width - 1:
            break
        kept += char
    return kept + "…"


def width_of(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _text(value: object) -> str:
    if value is None or value == "":
        return "-"
    return shown("".join(" " if ord(char) < 32 else char for char in str(value)))


def _shrink(columns: Sequence[Column], widths: list[int], width: int) -> None:
    while sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widest = max(
            (at for at, column in enumerate(columns) if column.shrinks and widths[at] > _NARROWEST),
            key=lambda at: widths[at],
            default=None,
        )
        if widest is None:
            return
        widths[widest] -= 1


def _line(texts: Sequence[str], columns: Sequence[Column], widths: Sequence[int], *, heading: bool = False) -> str:
    cells: list[str] = []
    for text, column, width in zip(texts, columns, widths, strict=True):
        cut = fit(text, width)
        space = " " * (width - width_of(cut))
        padded = space + cut if column.align == "right" else cut + space
        cells.append(column.paint(text, padded) if column.paint and not heading else padded)
    return _GAP.join(cells).rstrip()
