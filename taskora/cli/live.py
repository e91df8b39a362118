"""A terminal that is drawn on again and again, and left as it was found."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final

import click

from taskora.quoting import shown

from .overview import Line

_LOOK_S: Final = 0.25  # so soon is a new size of the window noticed
_LOCAL_FLAGS, _SPECIALS = 3, 6
_ENTER: Final = "\x1b[?1049h\x1b[?25l"
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"


def is_terminal() -> bool:
    """Whether there are a screen to draw on and keys to press."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


class Terminal:
    """The alternate screen, while it is ours.

    Args:
        colors: Whether headings stand out.
    """

    def __init__(self, colors: bool) -> None:
        self._colors = colors

    @property
    def width(self) -> int:
        """Columns."""
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80

    @property
    def height(self) -> int:
        """Lines."""
        return os.get_terminal_size(sys.stdout.fileno()).lines or 24

    @contextmanager
    def taken(self) -> Generator[None]:
        """Take the screen and the keys; both are given back whatever happens, a SIGTERM included."""
        fd = sys.stdin.fileno()
        before = termios.tcgetattr(fd)
        ours = termios.tcgetattr(fd)
        ours[_LOCAL_FLAGS] &= ~(termios.ICANON | termios.ECHO)
        # Suspended, it would leave the shell on our screen.
        ours[_SPECIALS][termios.VSUSP] = b"\0"
        former = signal.signal(signal.SIGTERM, _end)
        try:
            termios.tcsetattr(fd, termios.TCSADRAIN, ours)
            self._write(_ENTER)
            yield
        finally:
            self._write(_LEAVE)
            termios.tcsetattr(fd, termios.TCSADRAIN, before)
            signal.signal(signal.SIGTERM, former)

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines and nothing else. They fit: a wider one would push the others down."""
        texts = [
            click.style(text, bold=True) if line.heading and self._colors else text
            for line in lines
            for text in (shown(line.text),)
        ]
        # Line by line over what is there: to clear the screen first would make it flicker.
        self._write("\x1b[H" + "\r\n".join(f"{text}\x1b[K" for text in texts) + "\x1b[J")

    def wait_for_key(self, seconds: float) -> str:
        """Wait for a key, "" when the time is over or the window has another size."""
        until_s, before = time.monotonic() + seconds, (self.width, self.height)
        while (left_s := until_s - time.monotonic()) > 0 and (self.width, self.height) == before:
            if select.select([sys.stdin.fileno()], [], [], min(left_s, _LOOK_S))[0]:
                # Nothing at the end of the input: the window was closed.
                return os.read(sys.stdin.fileno(), 64).decode(errors="replace")[:1] or "q"
        return ""

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
