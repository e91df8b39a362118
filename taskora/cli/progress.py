"""A progress bar on a terminal; now and then a line where there is none."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import Self, TextIO

from taskora.amounts import span
from taskora.quoting import shown

from .table import fit, width_of

_BAR_WIDTH = 30
_LINE_EVERY_S = 5.0
_DRAW_EVERY_S = 0.05


class ProgressBar:
    """Shows how far something is, on standard error. Use it as a context manager: it leaves a finished line.

    Args:
        label: What goes on.
        stream: Where to draw; None for standard error.
    """

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self._label = label
        self._stream = sys.stderr if stream is None else stream
        self._draws = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._began_s = time.monotonic()
        self._written_s = 0.0
        self._fraction: float | None = None
        self._text = ""
        self._written = ""
        self._updated = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._draws and self._updated:
            self._draw()
            self._stream.write("\n")
            self._stream.flush()
        elif self._updated and self._line() != self._written:
            self._write_line()

    def update(self, fraction: float | None, text: str = "") -> None:
        """Show progress.

        Args:
            fraction: 0 to 1; None when it is not known.
            text: What to say beside it.
        """
        self._fraction = None if fraction is None else min(max(fraction, 0.0), 1.0)
        self._text = shown(text)
        self._updated = True
        since_s = time.monotonic() - self._written_s
        if self._draws and since_s >= _DRAW_EVERY_S:
            self._draw()
        elif not self._draws and since_s >= _LINE_EVERY_S and self._line() != self._written:
            self._write_line()

    def _draw(self) -> None:
        self._written_s = time.monotonic()
        width = shutil.get_terminal_size((100, 24)).columns
        text = fit(f"{self._label} {self._bar()}{self._line_end()} {span(time.monotonic() - self._began_s)}", width - 1)
        self._stream.write(f"\r{text}{' ' * (width - 1 - width_of(text))}")
        self._stream.flush()

    def _bar(self) -> str:
        if self._fraction is None:
            at = int(time.monotonic() * 10) % (_BAR_WIDTH - 2)
            return f"[{' ' * at}==={' ' * (_BAR_WIDTH - 3 - at)}]"
        full = int(self._fraction * _BAR_WIDTH)
        return f"[{'=' * full}{' ' * (_BAR_WIDTH - full)}]"

    def _line(self) -> str:
        return f"{self._label}:{self._line_end()}"

    def _line_end(self) -> str:
        percent = "" if self._fraction is None else f" {self._fraction * 100:.0f} %"
        return f"{percent} {self._text}" if self._text else percent

    def _write_line(self) -> None:
        self._written_s = time.monotonic()
        self._written = self._line()
        self._stream.write(f"{self._written}\n")
        self._stream.flush()
