"""Times as the wire has them (whole milliseconds since the epoch) and as Python code has them (aware UTC)."""

from __future__ import annotations

from datetime import UTC, datetime

LATEST_MS = 250_000_000_000_000
"""In the year 9892: no later time is read or waited for."""


def from_ms(ms: int) -> datetime:
    """Return the aware UTC time of an epoch time in milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def within_reach(ms: float) -> int:
    """Bring a time or a period that anybody may have written, an infinite one too, to what can be worked with."""
    return int(max(0.0, min(ms, LATEST_MS)))


def to_epoch_ms(at: datetime) -> int:
    """Return the epoch time in milliseconds of an aware time."""
    return round(at.timestamp() * 1000)
