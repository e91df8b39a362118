"""Cron times against walking through every minute: all zones, and all changes of their clocks from 2000 to 2050.

The walk knows a zone by what ``zoneinfo`` shows at each instant and an expression by its sets of numbers; it shares
nothing with the code that it judges. ``TASKORA_CRON=all`` looks at every change of every zone (some 15 minutes on a
busy CPU), without it at a sample.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskora.schedules.occurrences import next_occurrence

EVERYTHING = os.environ.get("TASKORA_CRON") == "all"
FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2000, 2050))
pytestmark = pytest.mark.timeout(3600 if EVERYTHING else 120)
DAY_S, REACH_S = 86_400, 26 * 3600
# Zones whose clocks do what few others do: by half an hour, by two hours, over midnight, by a day, backwards in summer.
ODD = (
    "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "Europe/Dublin", "Africa/Casablanca", "Asia/Gaza",
    "America/St_Johns", "Africa/El_Aaiun", "America/Havana", "Asia/Tehran", "Asia/Pyongyang", "America/Caracas",
    "Asia/Kathmandu", "Europe/Volgograd", "America/Scoresbysund", "Pacific/Kwajalein", "UTC",
)  # fmt: skip


@dataclass(frozen=True)
class Sets:
    """An expression as sets of numbers; weekdays count from Sunday, 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None = None
    months: frozenset[int] | None = None
    weekdays: frozenset[int] | None = None

    def text(self) -> str:
        def field(numbers: frozenset[int] | None, whole: int = 0) -> str:
            if numbers is None or len(numbers) == whole:
                return "*"
            return ",".join(map(str, sorted(numbers)))

        fields = (field(self.minutes, 60), field(self.hours, 24), field(self.days), field(self.months, 12))
        return " ".join((*fields, field(self.weekdays)))

    def matches(self, wall: datetime) -> bool:
        if wall.minute not in self.minutes or wall.hour not in self.hours:
            return False
        if self.months is not None and wall.month not in self.months:
            return False
        on_day = self.days is not None and wall.day in self.days
        on_weekday = self.weekdays is not None and wall.isoweekday() % 7 in self.weekdays
        return on_day or on_weekday or (self.days is None and self.weekdays is None)

    @property
    def hourly(self) -> bool:
        return len(self.hours) == 24


@dataclass(frozen=True)
class Change:
    """Offsets around a change of the clocks, and one of the zones that have it."""

    zone: str
    at_s: int


def offset(zone: ZoneInfo, at_s: int) -> int:
    found = datetime.fromtimestamp(at_s, zone).utcoffset()
    assert found is not None
    return int(found.total_seconds())


def changes(name: str) -> Iterator[int]:
    zone = ZoneInfo(name)
    before = offset(zone, FIRST)
    for day in range(FIRST, LAST, DAY_S):
        after = offset(zone, day + DAY_S)
        if after != before:
            low, high = day, day + DAY_S
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(zone, middle) == before else (low, middle)
            yield high
        before = after


@cache
def all_changes() -> list[Change]:
    """Each change once, however many zones have it in common."""
    zones = sorted(available_timezones()) if EVERYTHING else sorted({*sorted(available_timezones())[::25], *ODD})
    found: dict[tuple[int, ...], Change] = {}
    for name in zones:
        zone = ZoneInfo(name)
        for at_s in changes(name):
            around = tuple(offset(zone, at_s + hours * 3600) for hours in (-26, -1, 0, 26))
            found.setdefault((at_s, offset(zone, at_s - 1), *around), Change(name, at_s))
    return sorted(found.values(), key=lambda change: (change.at_s, change.zone))


def walk(sets: Sets, name: str, first_s: int, last_s: int) -> list[int]:
    """Every occurrence after one instant and up to another, in epoch seconds."""
    zone, found, shown = ZoneInfo(name), set[int](), set[datetime]()
    begin_s = first_s - REACH_S
    before = datetime.fromtimestamp(begin_s - 60, zone).replace(tzinfo=None)
    for at_s in range(begin_s, last_s + 60, 60):
        wall = datetime.fromtimestamp(at_s, zone).replace(tzinfo=None)
        skipped = before + timedelta(minutes=1)
        while skipped < wall and not sets.hourly:
            if sets.matches(skipped):
                found.add(at_s)  # the gap's end
            skipped += timedelta(minutes=1)
        if sets.matches(wall) and (sets.hourly or wall not in shown):
            found.add(at_s)
        shown.add(wall)
        before = wall
    return sorted(at_s for at_s in found if first_s < at_s <= last_s)


def told(sets: Sets, name: str, first_s: int, last_s: int) -> list[int]:
    found, at_ms, text = list[int](), first_s * 1000, sets.text()
    while (at_ms := next_occurrence(text, name, at_ms)) <= last_s * 1000:
        found.append(at_ms // 1000)
    return found


def around_change(sets: Sets, change: Change) -> tuple[list[int], list[int]]:
    first_s, last_s = change.at_s - 5 * 3600, change.at_s + 5 * 3600
    return told(sets, change.zone, first_s, last_s), walk(sets, change.zone, first_s, last_s)


def numbers(*values: int) -> frozenset[int]:
    return frozenset(values)


ANY_HOUR, ANY_MINUTE = frozenset(range(24)), frozenset(range(60))
TYPICAL = (
    Sets(numbers(30), numbers(0, 1, 2, 3)),
    Sets(numbers(0, 59), numbers(23, 0, 2)),
    Sets(numbers(0, 20, 40), ANY_HOUR),
    Sets(numbers(15), numbers(1, 2, 3), weekdays=numbers(0, 1, 4, 5, 6)),
)


@pytest.mark.parametrize("part", range(8))
def test_no_change_of_any_clock_is_misread(part: int) -> None:
    chosen = all_changes()[part::8] if EVERYTHING else all_changes()[part::8][:: max(1, len(all_changes()) // 400)]
    assert chosen
    for change in chosen:
        for sets in TYPICAL:
            ours, walked = around_change(sets, change)
            assert ours == walked, (sets.text(), change, datetime.fromtimestamp(change.at_s, UTC).isoformat())


some_hours = st.one_of(st.just(ANY_HOUR), st.frozensets(st.integers(0, 23), min_size=1, max_size=23))
some_minutes = st.one_of(
    st.just(ANY_MINUTE), st.frozensets(st.sampled_from((0, 1, 15, 29, 30, 31, 59)), min_size=1, max_size=4)
)
some_sets = st.builds(
    Sets, some_minutes, some_hours,
    st.one_of(st.none(), st.frozensets(st.integers(1, 31), min_size=1, max_size=20)),
    st.one_of(st.none(), st.frozensets(st.integers(1, 12), min_size=1)),
    st.one_of(st.none(), st.frozensets(st.integers(0, 6), min_size=1, max_size=6)),
).filter(lambda sets: not sets.days or min(sets.days) < 29)  # fmt: skip


@settings(max_examples=3_000 if EVERYTHING else 100)
@given(sets=some_sets, number=st.integers(0, 10**9))
def test_any_expression_is_read_around_changes_as_a_walk_reads_it(sets: Sets, number: int) -> None:
    change = all_changes()[number % len(all_changes())]
    ours, walked = around_change(sets, change)
    assert ours == walked, (sets.text(), change)


@settings(max_examples=500 if EVERYTHING else 30)
@given(sets=some_sets, hour=st.integers(FIRST // 3600, LAST // 3600), zone=st.sampled_from(ODD))
def test_any_expression_is_read_at_any_time_as_a_walk_reads_it(sets: Sets, hour: int, zone: str) -> None:
    first_s, last_s = hour * 3600, (hour + 30) * 3600
    assert told(sets, zone, first_s, last_s) == walk(sets, zone, first_s, last_s)


def test_every_zone_of_this_host_is_known() -> None:
    for name in available_timezones():
        assert next_occurrence("0 0 1 1 *", name, FIRST * 1000) > FIRST * 1000
