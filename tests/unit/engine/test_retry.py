"""When a failed run is repeated."""

import asyncio
import builtins

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskora import (
    CancelledError,
    ExpiredError,
    Retry,
    RetryError,
    StalledError,
    TimeoutError,
    ValidationError,
)
from taskora.config import Backoff
from taskora.retry import backoff_s, delay_of_retry

NEVER = [
    ValidationError("x"),
    CancelledError("x", job_id="j"),
    ExpiredError("x", job_id="j"),
    StalledError("x"),
    RetryError("x", retry=False),
]


def hundreds(n: int) -> str:
    return f"{n * 100}ms"


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        ("fixed", [2, 2, 2, 2]),
        ("linear", [2, 4, 6, 8]),
        ("exponential", [2, 4, 8, 16]),
        (hundreds, [0.1, 0.2, 0.3, 0.4]),
    ],
)
def test_each_back_off_waits_as_it_says(backoff: Backoff, waits: list[float]) -> None:
    retry = Retry(attempts=9, backoff=backoff, delay=2, jitter=False)
    assert [backoff_s(n, retry) for n in range(1, 5)] == pytest.approx(waits)


@given(st.integers(1, 2000), st.sampled_from(["fixed", "linear", "exponential"]), st.integers(1, 60))
def test_jitter_keeps_within_a_quarter_and_the_limit_holds_after_it(attempt: int, backoff: Backoff, limit: int) -> None:
    plain = backoff_s(attempt, Retry(backoff=backoff, delay=3, jitter=False))
    jittered = backoff_s(attempt, Retry(backoff=backoff, delay=3))
    assert 0.75 * plain <= jittered <= 1.25 * plain
    assert backoff_s(attempt, Retry(backoff=backoff, delay=3, max_delay=limit)) <= limit


def test_jitter_spreads() -> None:
    waits = {backoff_s(1, Retry(delay=1)) for _ in range(50)}
    assert len(waits) > 40


@pytest.mark.parametrize("error", NEVER, ids=lambda error: type(error).__name__)
def test_some_errors_are_never_retried(error: Exception) -> None:
    assert delay_of_retry(error, 1, Retry(attempts=5, retry_on=(Exception,))) is None


@pytest.mark.parametrize(
    "error", [ValueError(), builtins.TimeoutError(), asyncio.CancelledError(), SystemExit(), RetryError()], ids=repr
)
def test_what_a_handler_raises_is_retried_while_attempts_remain(error: BaseException) -> None:
    retry = Retry(attempts=3, delay=1, jitter=False)
    assert [delay_of_retry(error, n, retry) for n in (1, 2, 3, 4)] == [1, 2, None, None]


def test_our_timeout_is_retried_only_when_named() -> None:
    error = TimeoutError("late")
    assert delay_of_retry(error, 1, Retry(attempts=2)) is None
    assert delay_of_retry(error, 1, Retry(attempts=2, retry_on=(TimeoutError,))) is not None
    assert delay_of_retry(error, 1, Retry(attempts=2, retry_on=(builtins.TimeoutError,))) is not None
    assert delay_of_retry(error, 1, Retry(attempts=2, retry_on=(TimeoutError,), no_retry_on=(TimeoutError,))) is None


def test_no_retry_on_is_asked_before_retry_on() -> None:
    retry = Retry(attempts=2, retry_on=(LookupError,), no_retry_on=(KeyError,))
    assert delay_of_retry(IndexError(), 1, retry) is not None
    assert delay_of_retry(KeyError(), 1, retry) is None
    assert delay_of_retry(ValueError(), 1, retry) is None


def test_a_retry_error_is_retried_although_its_kind_is_excluded_and_may_say_when() -> None:
    retry = Retry(attempts=2, delay=60, no_retry_on=(Exception,))
    assert delay_of_retry(RetryError(delay="250ms"), 1, retry) == 0.25
    assert delay_of_retry(RetryError(delay=0), 1, retry) == 0
    assert delay_of_retry(RetryError(delay=0), 2, retry) is None
