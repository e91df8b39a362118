"""How restarts are spaced."""

import random

from taskora.supervisor.backoff import Backoff, BackoffPolicy

S = 1_000_000_000


def delays_s(backoff: Backoff, deaths: int) -> list[float]:
    return [backoff.died(ready_for_ns=0) / S for _ in range(deaths)]


def test_a_first_death_is_replaced_at_once_and_the_rest_double_up_to_the_cap() -> None:
    backoff = Backoff(BackoffPolicy(jitter=0.0))
    assert delays_s(backoff, 12) == [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]


def test_a_minute_of_readiness_ends_the_series() -> None:
    backoff = Backoff(BackoffPolicy(jitter=0.0))
    delays_s(backoff, 5)
    assert backoff.died(ready_for_ns=59 * S) > 0
    assert backoff.died(ready_for_ns=60 * S) == 0
    assert backoff.died(ready_for_ns=0) == 0.1 * S


def test_jitter_stays_in_its_range_and_never_above_the_cap() -> None:
    backoff = Backoff(BackoffPolicy(jitter=0.2), random.Random(1))
    backoff.died(ready_for_ns=0)
    assert 0.08 <= backoff.died(ready_for_ns=0) / S <= 0.12
    assert max(delays_s(backoff, 50)) <= 30


def test_days_of_failing_do_not_overflow() -> None:
    backoff = Backoff(BackoffPolicy(), random.Random(1), deaths=10**9)
    assert backoff.died(ready_for_ns=0) <= 30 * S
