"""Ids of jobs and workflows."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import Final

_AT_ONCE: Final = 64
_VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
# The random halves of ids to come: asking the system for each would take longer than all else that an id takes.
_halves: deque[str] = deque()
os.register_at_fork(after_in_child=_halves.clear)  # two processes must not make the same


def new_id() -> str:
    """Make a job or workflow id: a UUID of version 7, so that ids sort by the time they were made.

    The twelve bits after the milliseconds are the fraction of the millisecond (RFC 9562, 6.2, method 3).
    """
    try:
        half = _halves.pop()
    except IndexError:
        half = _fill()
    now = "%015x" % (time.time_ns() * 4096 // 1_000_000)
    return f"{now[:8]}-{now[8:12]}-7{now[12:]}-{half}"


def _fill() -> str:
    """Make random halves, and return one of them."""
    text = os.urandom(8 * _AT_ONCE).hex()
    first, *others = (
        f"{_VARIANT[text[at]]}{text[at + 1 : at + 4]}-{text[at + 4 : at + 16]}" for at in range(0, len(text), 16)
    )
    _halves.extend(others)
    return first
