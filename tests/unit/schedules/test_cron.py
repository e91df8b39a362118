"""Which cron expressions are read, and how."""

import pytest

from taskora.errors import ConfigError
from taskora.schedules.cron import parse_cron
from taskora.schedules.occurrences import next_occurrence, read_zone

DAY_MS = 86_400_000
JULY_2024_MS = 1_719_792_000_000  # Monday 2024-07-01T00:00Z


def test_five_fields_mean_second_zero_and_six_have_the_seconds_first() -> None:
    assert parse_cron("5 4 * * *").expression == parse_cron("0 5 4 * * *").expression == "0 5 4 * * *"
    assert next_occurrence("30 5 4 * * *", "UTC", 0) == ((4 * 60 + 5) * 60 + 30) * 1000


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("*/15 * * * *", "0 0,15,30,45 * * * *"),
        ("50/5 * * * *", "0 50,55 * * * *"),
        ("0 0 * * mon-FRI", "0 0 0 * * 1,2,3,4,5"),
        ("0 0 * * 7", "0 0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 0 * * 0,5,6"),
        ("0 0 * * 1/2", "0 0 0 * * 0,1,3,5"),
        ("0 0 1 jan,Jul ?", "0 0 0 1 1,7 *"),
        ("0 0 5-5 * *", "0 0 0 5 * *"),
        ("0 0 15,L * *", "0 0 0 15,L * *"),
        ("0 0 * * 5L", "0 0 0 * * L5"),
        ("0 0 * * 7#2", "0 0 0 * * 0#2"),
        ("@daily", "0 0 0 * * *"),
        ("@weekdays", "0 0 0 * * 1,2,3,4,5"),
    ],
)
def test_an_expression_is_read_as_cron_parser_reads_it(given: str, meant: str) -> None:
    assert parse_cron(given).expression == meant


@pytest.mark.parametrize(
    "given",
    [
        "", "* * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
        "*/0 * * * *", "*/60 * * * *", "* * 15W * *", "* * LW * *", "* * L-2 * *", "H * * * *", "R * * * *",
        "* * * * L", "* * * * 5#6", "* * * * 1,2#3", "* * * * mon#1,tue#2", "? * * * *", "* * * foo *",
        "* * * * fri-mon", "1,,2 * * * *", "-5 * * * *", "* * 1 * 5L", "* * 1 * 5#1", "* * */1 * 1", "* * 1-31 * 1",
        "* * 1 * 0-6", "1,1 * * * *", "0 0 L,L * *", "*/5,10 * * * *", "* * * * 0,7", "* * * * 5-7,sun",
        "0 0 30 2 *", "@reboot", "@DAILY", "1.5 * * * *", "٣ * * * *", "*-5 * * * *",
    ],
)  # fmt: skip
def test_what_is_wrong_or_read_differently_elsewhere_is_refused_with_the_expression(given: str) -> None:
    with pytest.raises(ConfigError, match=r"^schedule\.cron") as caught:
        parse_cron(given)
    assert repr(given) in str(caught.value)


def test_either_of_two_restricted_days_suffices() -> None:
    at_ms, days = JULY_2024_MS - 1, list[int]()
    while len(days) < 4:
        at_ms = next_occurrence("0 0 13 * 1", "UTC", at_ms)
        days.append((at_ms - JULY_2024_MS) // DAY_MS + 1)
    assert days == [1, 8, 13, 15]


def test_the_last_day_and_the_nth_weekday_of_a_month_are_found() -> None:
    assert next_occurrence("0 0 L * *", "UTC", JULY_2024_MS) == JULY_2024_MS + 30 * DAY_MS
    assert next_occurrence("0 0 * * 5L", "UTC", JULY_2024_MS) == JULY_2024_MS + 25 * DAY_MS
    assert next_occurrence("0 0 * * 2#3", "UTC", JULY_2024_MS) == JULY_2024_MS + 15 * DAY_MS


def test_the_next_occurrence_is_strictly_later() -> None:
    assert next_occurrence("0 0 * * *", "UTC", 0) == DAY_MS
    assert next_occurrence("0 0 * * *", "UTC", DAY_MS - 1) == DAY_MS
    assert next_occurrence("* * * * * *", "UTC", 1) == 1000


def test_an_unknown_zone_is_refused_with_its_name() -> None:
    with pytest.raises(ConfigError, match="Mars/Olympus"):
        read_zone("Mars/Olympus")
    with pytest.raises(ConfigError, match=r"\.\./etc"):
        read_zone("../etc/passwd")
