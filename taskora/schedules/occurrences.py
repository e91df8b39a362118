"""From the clock on the wall to the instant at which a schedule fires, through changes of the clock.

A pattern that names hours fires once for each wall time that it names: the first time when the clock is turned back
over it, at the end of the gap when the clock skips it. A pattern for every hour fires whenever the wall shows a match,
twice where the clock is turned back, not at all where it skips: it follows elapsed time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from taskora.errors import ConfigError
from taskora.keys import check_text
from taskora.quoting import quoted

from .cron import Cron, parse_cron

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REACH_S = 25 * 3600  # a clock is turned back by less than a day, so that what is repeated lies within


def read_zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name.

    Raises:
        ConfigError: There is no such zone here.
    """
    return _zone(check_text(name, "schedule.timezone", least=1))


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # a missing zone is a LookupError
        raise ConfigError(
            f'schedule.timezone: {quoted(name)} is no known zone; use an IANA name such as "Europe/Berlin" '
            "(on systems without zone data: pip install tzdata)"
        ) from None


def next_occurrence(cron: str, timezone: str, after_ms: int) -> int:
    """Return the first time after another at which a cron schedule fires; both are epoch milliseconds.

    Raises:
        ConfigError: The expression or the zone is not understood, or it never comes to pass.
    """
    parsed, zone = parse_cron(cron), read_zone(timezone)
    after_s = after_ms // 1000
    at_s = _next_hourly(parsed, zone, after_s) if parsed.hourly else _next_fixed(parsed, zone, after_s)
    return at_s * 1000


def _next_fixed(cron: Cron, zone: ZoneInfo, after_s: int) -> int:
    start_s = after_s + _offset(zone, after_s)
    shown = _instants(zone, start_s)
    if len(shown) == 2 and after_s == shown[1]:  # these wall times were over once already
        start_s = _transition(zone, *shown) + _offset(zone, shown[0]) - 1
    while True:
        wall_s = cron.next_wall(start_s)
        at_s = next(iter(_instants(zone, wall_s)), None)
        if at_s is None:
            at_s = _gap_end(zone, wall_s)
        if at_s > after_s:
            return at_s
        start_s = wall_s


def _next_hourly(cron: Cron, zone: ZoneInfo, after_s: int) -> int:
    offset_s = _offset(zone, after_s)
    found_s = _next_shown(cron, zone, after_s, after_s + offset_s)
    if _offset(zone, after_s + _REACH_S) < offset_s:  # soon the clock is turned back, to before the match perhaps
        turn_s = _transition(zone, after_s, after_s + _REACH_S)
        repeated_s = _next_shown(cron, zone, turn_s - 1, turn_s + _offset(zone, turn_s) - 1)
        return min(found_s, repeated_s)
    return found_s


def _next_shown(cron: Cron, zone: ZoneInfo, after_s: int, start_s: int) -> int:
    while True:
        wall_s = cron.next_wall(start_s)
        shown = _instants(zone, wall_s)
        for at_s in shown:
            if at_s > after_s:
                return at_s
        if shown:
            start_s = wall_s
        else:
            end_s = _gap_end(zone, wall_s)
            start_s = end_s + _offset(zone, end_s) - 1


def _offset(zone: ZoneInfo, at_s: int) -> int:
    offset = (_EPOCH + timedelta(seconds=at_s)).astimezone(zone).utcoffset()
    return round(offset.total_seconds()) if offset is not None else 0


def _offsets_of_wall(zone: ZoneInfo, wall_s: int) -> list[int]:
    wall = (_EPOCH + timedelta(seconds=wall_s)).replace(tzinfo=zone)
    offsets = (wall.replace(fold=fold).utcoffset() for fold in (0, 1))
    return [round(offset.total_seconds()) for offset in offsets if offset is not None]


def _instants(zone: ZoneInfo, wall_s: int) -> list[int]:
    """The instants at which the wall shows a time: one, two, or none when it is skipped."""
    candidates = {wall_s - offset_s for offset_s in _offsets_of_wall(zone, wall_s)}
    return sorted(at_s for at_s in candidates if at_s + _offset(zone, at_s) == wall_s)


def _gap_end(zone: ZoneInfo, wall_s: int) -> int:
    before_s, after_s = _offsets_of_wall(zone, wall_s)
    return _transition(zone, wall_s - after_s, wall_s - before_s)


def _transition(zone: ZoneInfo, low_s: int, high_s: int) -> int:
    """The first instant with the offset of ``high_s``, when it changes once since ``low_s``."""
    target_s = _offset(zone, high_s)
    while high_s - low_s > 1:
        middle_s = (low_s + high_s) // 2
        if _offset(zone, middle_s) == target_s:
            high_s = middle_s
        else:
            low_s = middle_s
    return high_s
