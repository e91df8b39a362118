"""Cron expressions, as far as npm's cron-parser and croniter read them the same way.

What is accepted is written out as plain lists of numbers before croniter sees it: the two libraries differ in the
corners (``5-5``, ``1/2`` for weekdays, ``*/1`` beside a weekday), and a schedule may be run by workers of either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from taskora.errors import ConfigError
from taskora.keys import check_text
from taskora.quoting import quoted

_ALIASES = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
    "@minutely": "0 * * * * *",
    "@secondly": "* * * * * *",
    "@weekdays": "0 0 0 * * 1-5",
    "@weekends": "0 0 0 * * 0,6",
}
_LONGEST = 1000
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ITEM = re.compile(r"(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,4}))?", re.ASCII)
_LAST_WEEKDAYS = re.compile(r"[0-7]L(?:,[0-7]L)*", re.ASCII)
_NTH_WEEKDAY = re.compile(r"([0-7])#([1-5])", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: dict[str, int]


_FIELDS = (
    _Field("second", 0, 59, {}),
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of month", 1, 31, {}),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of week", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)}),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression that both libraries read alike.

    Attributes:
        text: As it was written.
        expression: Its six fields, seconds first, as lists of numbers.
        hourly: It names every hour: it follows elapsed time, not the clock on the wall.
    """

    text: str
    expression: str
    hourly: bool

    def next_wall(self, after_s: int) -> int:
        """Return the first match after a wall clock time; both are seconds since 1970 on that clock.

        Raises:
            ConfigError: There is none within 50 years.
        """
        from croniter import CroniterBadDateError, croniter

        try:
            found = croniter(self.expression, float(after_s), second_at_beginning=True).get_next(float)
        except CroniterBadDateError:
            raise _wrong(self.text, "it never comes to pass") from None
        return round(found)


def parse_cron(text: str) -> Cron:
    """Read an expression of five fields, or six with the seconds first.

    Fields are ``*``, numbers, ranges, steps and lists, with names for months and weekdays; weekday 7 is Sunday; ``L``
    is the last day of the month, ``5L`` its last Friday, ``5#2`` its second Friday; ``?`` stands for ``*`` as a day;
    ``@daily`` and its like are known. With both days restricted, one of them suffices.

    Raises:
        ConfigError: It is malformed, never comes to pass, or the two libraries read it differently.
    """
    return _parsed(check_text(text, "schedule.cron", least=1, most=_LONGEST))


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Cron:
    words = _ALIASES.get(text, text).split()
    if len(words) == 5:
        words.insert(0, "0")
    if len(words) != 6:
        raise _wrong(text, f"it has {len(words)} fields; expected 5, or 6 with the seconds first")
    fields = [_read_field(word, field, text) for word, field in zip(words, _FIELDS, strict=True)]
    _check_days(words[3], words[5], fields, text)
    cron = Cron(text, " ".join(fields), _count(fields[2]) == 24)
    cron.next_wall(0)
    return cron


def _read_field(word: str, field: _Field, text: str) -> str:
    if word == "*" or (word == "?" and field.name.startswith("day")):
        return "*"
    plain = re.sub("[A-Za-z]{3}", lambda match: _number_of(match[0], field, text), word) if field.names else word
    if field.name == "day of week":
        if _LAST_WEEKDAYS.fullmatch(plain):
            return ",".join(f"L{int(item[0]) % 7}" for item in plain.split(","))
        if match := _NTH_WEEKDAY.fullmatch(plain):
            return f"{int(match[1]) % 7}#{match[2]}"
    values: set[int] = set()
    last_day = False
    for item in plain.split(","):
        if item == "L" and field.name == "day of month" and not last_day:
            last_day = True
            continue
        named = set(_expand(item, field, text))
        if field.name == "day of week":
            named = {value % 7 for value in named}
        if twice := values & named:
            raise _wrong(text, f"the {field.name} {quoted(word)} names {min(twice)} twice, which other workers refuse")
        values |= named
    return ",".join([*map(str, sorted(values)), *(["L"] if last_day else [])])


def _wrong(text: str, why: str) -> ConfigError:
    return ConfigError(f"schedule.cron: {quoted(text)}: {why}")


def _number_of(name: str, field: _Field, text: str) -> str:
    number = field.names.get(name.lower())
    if number is None:
        raise _wrong(text, f"{name!r} is no {field.name}")
    return str(number)


def _expand(item: str, field: _Field, text: str) -> range:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise _wrong(
            text,
            f"the {field.name} {quoted(item)} is not understood, or not by every worker; use numbers, ranges (1-5), "
            "steps (*/10) and lists (1,15)",
        )
    star, first, last, step = match.groups()
    low = field.least if star else int(first)
    high = field.most if star or (step and not last) else int(last or first)
    width = int(step or 1)
    if not field.least <= low <= high <= field.most:
        raise _wrong(text, f"the {field.name} {quoted(item)} is out of {field.least}-{field.most} or runs backwards")
    if width < 1 or width > field.most - field.least:
        raise _wrong(text, f"the step of the {field.name} {quoted(item)} does not fit the field")
    return range(low, high + 1, width)


def _check_days(day: str, weekday: str, fields: list[str], text: str) -> None:
    free = [word in ("*", "?") for word in (day, weekday)]
    if not any(free) and any(mark in weekday for mark in "L#"):
        raise _wrong(
            text,
            f"{quoted(weekday)} beside a day of the month is read differently by different workers; make two schedules",
        )
    every_day = not free[0] and _count(fields[3]) == 31
    every_weekday = not free[1] and _count(fields[5]) == 7
    if (every_day and not free[1]) or (every_weekday and not free[0]):
        raise _wrong(
            text,
            f"all days, written as {quoted(day if every_day else weekday)}, beside other days is read differently by "
            "different workers; write *",
        )


def _count(field: str) -> int:
    if field == "*":
        return 24
    return len([item for item in field.split(",") if item.isdecimal()])
