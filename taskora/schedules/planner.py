"""Which occurrences of a due schedule are made up for, and when it is due next."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from taskora.config import catch_up_limit

from .record import Record

_AT_ONCE = 1000  # occurrences of one tick; the rest of a long outage follows in the next ones


class Firing(NamedTuple):
    """What is to be done about a due schedule.

    Attributes:
        occurrences: Planned times of the runs, the oldest first.
        next_ms: When it is due next; not after now when more is to be made up for.
    """

    occurrences: list[int]
    next_ms: int


def plan_firing(record: Record, planned_ms: int, now_ms: int) -> Firing:
    """Decide about a schedule that was due at ``planned_ms``.

    Runs are named by the times for which they were planned, the oldest first: who does the same again after a crash
    comes to the same names.
    """
    timing, limit = record.timing, catch_up_limit(record.on_missed)
    wanted = _AT_ONCE if limit is None else limit
    occurrences, at_ms = [planned_ms], planned_ms
    while len(occurrences) < wanted and (at_ms := timing.after(at_ms, at_ms)) <= now_ms:
        occurrences.append(at_ms)
    if limit is None:
        return Firing(occurrences, timing.after(occurrences[-1], occurrences[-1]))
    return Firing(occurrences, timing.after(planned_ms, now_ms))


def skip_firing(record: Record, planned_ms: int, now_ms: int) -> Firing:
    """Leave out all occurrences of a schedule whose previous run has not ended."""
    return Firing([], record.timing.after(planned_ms, now_ms))


def occurrence_id(schedule: str, at_ms: int) -> str:
    """Return the id of the job of an occurrence: always the same, and sorted by time as all ids are.

    It has the form of a UUID of version 7, with a hash in place of chance.
    """
    low = int.from_bytes(hashlib.sha256(f"{at_ms}:{schedule}".encode()).digest()[:10], "big")
    value = (at_ms & 0xFFFFFFFFFFFF) << 80 | low
    value = value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
