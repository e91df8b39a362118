"""Changes of the clock: against an oracle that looks at the wall clock every minute."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskora.schedules.occurrences import next_occurrence

ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "UTC",
    "Antarctica/Troll", "Pacific/Chatham", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia", "Europe/Dublin",
)  # fmt: skip
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Pattern:
    minutes: frozenset[int]
    hours: frozenset[int] | None
    days: frozenset[int] | None
    weekdays: frozenset[int] | None

    @property
    def text(self) -> str:
        parts = [",".join(map(str, sorted(part))) if part else "*" for part in (self.hours, self.days, self.weekdays)]
        return f"{','.join(map(str, sorted(self.minutes)))} {parts[0]} {parts[1]} * {parts[2]}"

    def matches(self, wall: datetime) -> bool:
        day = self.days is not None and wall.day in self.days
        weekday = self.weekdays is not None and wall.isoweekday() % 7 in self.weekdays
        free = self.days is None and self.weekdays is None
        hour = self.hours is None or wall.hour in self.hours
        return wall.minute in self.minutes and hour and (free or day or weekday)


def occurrences(pattern: Pattern, zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """All instants from ``first`` to ``last`` at which the pattern fires, found by looking at every minute."""
    farthest: datetime | None = None
    at = first - timedelta(days=2)
    while at <= last:
        wall = at.astimezone(zone).replace(tzinfo=None, fold=0)
        if pattern.hours is None or len(pattern.hours) == 24:
            fires = pattern.matches(wall)
        else:
            fires = (farthest is None or wall > farthest) and pattern.matches(wall)
            skipped = wall if farthest is None else farthest + MINUTE
            while skipped < wall and not fires:
                fires = pattern.matches(skipped)
                skipped += MINUTE
        farthest = wall if farthest is None else max(farthest, wall)
        if fires and at >= first:
            yield at
        at += MINUTE


@lru_cache
def transitions(zone: str) -> tuple[datetime, ...]:
    """The hours in which the zone's clock changes, from 2009 to 2027."""
    found: list[datetime] = []
    at, place = datetime(2009, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    while at.year < 2028:
        if at.astimezone(place).utcoffset() != (at + timedelta(hours=6)).astimezone(place).utcoffset():
            found.append(at)
        at += timedelta(hours=6)
    return tuple(found) or (datetime(2024, 3, 1, tzinfo=UTC),)


SOME_MINUTES = st.frozensets(st.integers(0, 59), min_size=1, max_size=4)
SOME_HOURS = st.frozensets(st.one_of(st.integers(0, 4), st.integers(0, 23)), min_size=1, max_size=5)
SOME_DAYS = st.none() | st.frozensets(st.integers(1, 31), min_size=1, max_size=20)
SOME_WEEKDAYS = st.none() | st.frozensets(st.integers(0, 6), min_size=1, max_size=4)
PATTERNS = st.builds(Pattern, SOME_MINUTES, st.none() | SOME_HOURS, SOME_DAYS, SOME_WEEKDAYS)


@settings(max_examples=80)
@given(st.sampled_from(ZONES), st.data(), PATTERNS, st.integers(-2 * 24 * 60, 6 * 60 + 30))
def test_every_occurrence_around_a_change_of_the_clock_is_the_oracles(
    zone: str, data: st.DataObject, pattern: Pattern, shift: int
) -> None:
    first = data.draw(st.sampled_from(transitions(zone))) + shift * MINUTE
    last = first + timedelta(days=2)
    expected = list(occurrences(pattern, ZoneInfo(zone), first, last))
    at_ms, found = int(first.timestamp() * 1000) - 1, list[datetime]()
    while (at_ms := next_occurrence(pattern.text, zone, at_ms)) <= last.timestamp() * 1000:
        found.append(datetime.fromtimestamp(at_ms / 1000, UTC))
    assert found == expected


def fires(cron: str, zone: str, after: str, count: int) -> list[str]:
    at_ms, found = int(datetime.fromisoformat(after).timestamp() * 1000), list[str]()
    for _ in range(count):
        at_ms = next_occurrence(cron, zone, at_ms)
        found.append(datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).strftime("%d %H:%M %z"))
    return found


def test_a_skipped_time_fires_when_the_gap_ends() -> None:
    assert fires("30 2 * * *", "Europe/Berlin", "2024-03-30T02:00Z", 2) == ["31 03:00 +0200", "01 02:30 +0200"]
    assert fires("*/20 2 * * *", "Europe/Berlin", "2024-03-30T02:00Z", 2) == ["31 03:00 +0200", "01 02:00 +0200"]
    assert fires("0 9 * * *", "Pacific/Apia", "2011-12-29T20:00Z", 2) == ["31 00:00 +1400", "31 09:00 +1400"]


def test_a_repeated_time_fires_once() -> None:
    assert fires("30 2 * * *", "Europe/Berlin", "2024-10-26T12:00Z", 2) == ["27 02:30 +0200", "28 02:30 +0100"]


def test_an_hourly_pattern_follows_elapsed_time() -> None:
    assert fires("30 * * * *", "Europe/Berlin", "2024-10-26T23:45Z", 3) == [
        "27 02:30 +0200", "27 02:30 +0100", "27 03:30 +0100",
    ]  # fmt: skip
    assert fires("30 * * * *", "Europe/Berlin", "2024-03-31T00:00Z", 2) == ["31 01:30 +0100", "31 03:30 +0200"]


@pytest.mark.parametrize("zone", ZONES)
def test_each_second_has_its_own_occurrence_through_every_change(zone: str) -> None:
    for at in transitions(zone)[-2:]:
        at_ms = int(at.timestamp() * 1000)
        for _ in range(3):
            assert next_occurrence("* * * * * *", zone, at_ms) == at_ms + 1000
            at_ms += 2 * 3_600_000
