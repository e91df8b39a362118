"""Durations as people write them, and the seconds and milliseconds that they mean."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import TypeAlias

from taskora.errors import ConfigError
from taskora.quoting import quoted

Duration: TypeAlias = int | float | str | timedelta
"""Seconds as a number, a ``timedelta``, or a text such as ``"250ms"``, ``"30s"``, ``"5m"``, ``"2h"``, ``"1d"``."""

_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_S = 100 * 365 * 86400.0


def to_seconds(value: Duration, field: str = "duration") -> float:
    """Turn a duration into seconds.

    Args:
        value: The duration. Zero is allowed; negative, infinite and values over 100 years are not.
        field: Name of the option, for the message.

    Raises:
        ConfigError: The value is not a duration.
    """
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, str):
        match = _TEXT.fullmatch(value.strip())
        if match is None:
            raise ConfigError(
                f'{field}: {quoted(value)} is not a duration; write seconds, or "250ms", "30s", "5m", "2h", "1d"'
            )
        seconds = float(match[1]) * _UNIT_S[match[2]]
    elif isinstance(value, bool) or not isinstance(value, int | float):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise ConfigError(f"{field}: expected a duration (seconds, a timedelta or a text), got {quoted(value)}")
    else:
        seconds = float(value) if value <= _LONGEST_S else math.inf
    if not math.isfinite(seconds) or seconds < 0 or seconds > _LONGEST_S:
        raise ConfigError(f"{field}: {quoted(value)} is out of range; a duration is between 0 and 100 years")
    return seconds


def read_duration(text: str) -> Duration:
    """Return a duration as command lines have it: there, a plain number is seconds too."""
    return float(text) if _NUMBER.fullmatch(text.strip()) else text


def to_ms(value: Duration, field: str = "duration") -> int:
    """Turn a duration into whole milliseconds, rounded up so that a short one never becomes none.

    Raises:
        ConfigError: The value is not a duration.
    """
    return math.ceil(round(to_seconds(value, field) * 1000, 3))
