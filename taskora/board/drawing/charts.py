"""Charts of a day as SVG. Colours come from the style sheet, so that they follow the theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, Literal

from markupsafe import Markup

_WIDTH: Final = 640
_HEIGHT: Final = 220
_LEFT: Final = 72
_RIGHT: Final = 8
_TOP: Final = 34
_BOTTOM: Final = 24
_X_TICKS: Final = 6
_STEPS_S: Final = (
    *(step * size for size in (1e-5, 1e-4, 1e-3, 1e-2, 0.1) for step in (1, 2, 5)), 1, 2, 5, 10, 15, 30, 60, 120, 300,
    600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 604_800,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """Values over time.

    Attributes:
        label: What they are.
        style: Ends the name of the class that gives the colour: ``completed`` for ``stroke-completed``.
        values: One for each time; None where nothing was measured.
    """

    label: str
    style: str
    values: Sequence[float | None]


def chart(
    title: str,
    times: Sequence[datetime],
    series: Sequence[Series],
    *,
    kind: Literal["bars", "lines"],
    written: Callable[[float], str],
    empty: str,
) -> Markup:
    """Draw values over time.

    Args:
        title: What is shown.
        times: When each stretch of time begins, in order, aware.
        series: Drawn on each other's shoulders as bars, or each by itself as a line.
        kind: How they are drawn.
        written: Writes a value for people.
        empty: Said when there is nothing to draw.
    """
    most = _most(series, kind)
    if not times or most == 0:
        return Markup('<h2>{}</h2><p class="empty">{}</p>').format(title, empty)
    marks = _marks(most) if kind == "bars" else _marks_of_time(most)
    frame = _Frame(len(times), marks[-1])
    drawn = _bars(frame, times, series, written) if kind == "bars" else _lines(frame, series)
    parts = (_heading(title, series), _grid(frame, marks, written), _hours(frame, times), drawn)
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, _HEIGHT, _summary(title, series, written), Markup("").join(parts)
    )


class _Frame:
    """Where a value stands in the picture."""

    def __init__(self, count: int, top: float) -> None:
        self.count = count
        self.top = top
        self.step = (_WIDTH - _LEFT - _RIGHT) / count

    def x(self, place: float) -> float:
        return round(_LEFT + place * self.step, 1)

    def y(self, value: float) -> float:
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / self.top, 1)


def _most(series: Sequence[Series], kind: str) -> float:
    columns = zip(*(one.values for one in series), strict=True)
    of_column = sum if kind == "bars" else max
    return max((of_column(value or 0 for value in column) for column in columns), default=0)


def _marks(most: float) -> list[float]:
    """Return numbers that people count with, from 0 on and past the largest."""
    size = 10.0 ** math.floor(math.log10(most))
    top = next(step * size for step in (1, 2, 4, 5, 10) if step * size >= most)
    steps = int(top) if top < 4 else 5 if f"{top:e}".startswith("5") else 4
    return [top * step / steps for step in range(steps + 1)]


def _marks_of_time(most_s: float) -> list[float]:
    """Return lengths of time that people count with, from 0 on and past the longest, in seconds."""
    step_s = next((step_s for step_s in _STEPS_S if step_s * 4 >= most_s), most_s / 4)
    return [step_s * number for number in range(math.ceil(most_s / step_s) + 1)]


def _summary(title: str, series: Sequence[Series], written: Callable[[float], str]) -> str:
    """Say in words what the picture shows."""
    parts: list[str] = []
    for one in series:
        known = [value for value in one.values if value is not None]
        last = f"{written(known[-1])} last, at most {written(max(known))}" if known else "nothing"
        parts.append(f"{one.label}: {last}")
    return f"{title}. {'; '.join(parts)}."


def _heading(title: str, series: Sequence[Series]) -> Markup:
    parts = [Markup('<text class="chart-title" x="0" y="14">{}</text>').format(title)]
    x = _WIDTH - _RIGHT
    for one in reversed(series):
        x -= 7 * len(one.label) + 22
        swatch = Markup('<rect class="fill-{}" x="{}" y="5" width="10" height="10" rx="2"/>').format(one.style, x)
        parts += (swatch, Markup('<text x="{}" y="14">{}</text>').format(x + 14, one.label))
    return Markup("").join(parts)


def _grid(frame: _Frame, marks: Sequence[float], written: Callable[[float], str]) -> Markup:
    return Markup("").join(
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick end" x="{}" y="{}">{}</text>'
        ).format(_LEFT, _WIDTH - _RIGHT, frame.y(mark), frame.y(mark), _LEFT - 6, frame.y(mark) + 4, written(mark))
        for mark in marks
    )


def _hours(frame: _Frame, times: Sequence[datetime]) -> Markup:
    every = max(1, len(times) // _X_TICKS)
    places = range(every // 2, len(times), every)
    return Markup("").join(
        Markup('<text class="tick middle" x="{}" y="{}">{}</text>').format(
            frame.x(place), _HEIGHT - 6, f"{times[place].astimezone(UTC):%H:%M}"
        )
        for place in places
    )


def _bars(
    frame: _Frame, times: Sequence[datetime], series: Sequence[Series], written: Callable[[float], str]
) -> Markup:
    parts: list[Markup] = []
    for place, at in enumerate(times):
        counts = [(one, one.values[place] or 0) for one in series]
        if not any(count for _, count in counts):
            continue
        told = ", ".join(f"{written(count)} {one.label}" for one, count in counts)
        below, rects = 0.0, list[Markup]()
        for one, count in counts:
            height = round(frame.y(below) - frame.y(below + count), 1)
            below += count
            if count:
                rects.append(
                    Markup('<rect class="fill-{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                        one.style, frame.x(place + 0.1), frame.y(below), round(frame.step * 0.8, 1), max(height, 0.5)
                    )
                )
        parts.append(
            Markup("<g><title>{} UTC: {}</title>{}</g>").format(
                f"{at.astimezone(UTC):%a %H:%M}", told, Markup("").join(rects)
            )
        )
    return Markup("").join(parts)


def _lines(frame: _Frame, series: Sequence[Series]) -> Markup:
    parts: list[Markup] = []
    for one in series:
        for known, stretch in groupby(enumerate(one.values), key=lambda item: item[1] is not None):
            if not known:
                continue
            points = [(frame.x(place + 0.5), frame.y(value or 0)) for place, value in stretch]
            if len(points) == 1:
                parts.append(Markup('<circle class="fill-{}" cx="{}" cy="{}" r="2"/>').format(one.style, *points[0]))
                continue
            path = " ".join(f"{x},{y}" for x, y in points)
            parts.append(Markup('<polyline class="stroke-{}" points="{}"/>').format(one.style, path))
    return Markup("").join(parts)
