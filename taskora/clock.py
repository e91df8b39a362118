"""Times as the wire has them (whole milliseconds since the epoch) and as Python code has them (aware UTC)."""

from __future__ import annotations

from datetime import UTC, datetime


def from_ms(ms: int) -> datetime:
    """Return the aware UTC time of an epoch time in milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def to_epoch_ms(at: datetime) -> int:
    """Return the epoch time in milliseconds of an aware time."""
    return round(at.timestamp() * 1000)
