"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskora.duration import to_ms, to_seconds
from taskora.errors import ConfigError


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0.0), (5, 5.0), (0.25, 0.25), ("250ms", 0.25), ("30s", 30.0), ("5m", 300.0), ("2h", 7200.0),
        ("1d", 86400.0), ("1.5h", 5400.0), (" 3 s ", 3.0), (timedelta(minutes=1, milliseconds=5), 60.005), ("0s", 0.0),
    ],
)  # fmt: skip
def test_every_form_is_seconds(value: int | float | str | timedelta, seconds: float) -> None:
    assert to_seconds(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    ["", "5", "5 minutes", "s", "-5s", "1e3s", "5m30s",  None, True, [], b"5s", -1, -0.1, float("nan"),
     float("inf"), 10**12, timedelta(seconds=-1), "40000d"],
)  # fmt: skip
def test_what_is_no_duration_is_refused_with_the_name_of_the_field(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^delay: "):
        to_seconds(value, "delay")  # type: ignore[arg-type]  # what a caller without a type checker may pass


def test_an_int_too_large_for_a_float_is_refused_as_any_other() -> None:
    with pytest.raises(ConfigError, match="out of range"):
        to_seconds(10**400)


@pytest.mark.parametrize(
    ("value", "ms"), [(0, 0), (0.0001, 1), ("1ms", 1), (0.1, 100), (0.3, 300), (1.1, 1100), (0.0011, 2), ("0.3s", 300)]
)
def test_milliseconds_are_whole_and_a_short_time_is_never_none(value: float | str, ms: int) -> None:
    assert to_ms(value) == ms


@given(st.integers(0, 10**12))
def test_whole_milliseconds_stay_what_they_are(ms: int) -> None:
    assert to_ms(f"{ms}ms") == ms
    assert to_ms(timedelta(milliseconds=ms)) == ms
    assert to_ms(ms / 1000) == ms
