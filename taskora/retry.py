"""Whether a failed run is repeated, and when."""

from __future__ import annotations

import random

from taskora.config import Retry
from taskora.duration import to_seconds
from taskora.errors import CancelledError, ExpiredError, RetryError, StalledError, TimeoutError, ValidationError

_NEVER = (ValidationError, CancelledError, ExpiredError, StalledError)


def delay_of_retry(error: BaseException, attempt: int, retry: Retry) -> float | None:
    """Return the seconds until the next attempt, or None when the failure is final.

    Args:
        error: What the run ended with.
        attempt: Number of the run, from 1.
        retry: The task's rules.
    """
    if attempt >= retry.attempts or not _may_repeat(error, retry):
        return None
    if isinstance(error, RetryError) and error.delay is not None:
        return to_seconds(error.delay, "retry.delay")
    return backoff_s(attempt, retry)


def _may_repeat(error: BaseException, retry: Retry) -> bool:
    if isinstance(error, RetryError):
        return error.retry
    if isinstance(error, _NEVER):
        return False
    if isinstance(error, retry.no_retry_on):
        return False
    if isinstance(error, TimeoutError):
        return isinstance(error, retry.retry_on)
    return not retry.retry_on or isinstance(error, retry.retry_on)


def backoff_s(attempt: int, retry: Retry) -> float:
    """Return the seconds to wait after failure number ``attempt``, jitter and limit included."""
    base = to_seconds(retry.delay, "retry.delay")
    limit = None if retry.max_delay is None else to_seconds(retry.max_delay, "retry.max_delay")
    if callable(retry.backoff):
        delay = to_seconds(retry.backoff(attempt), "retry.backoff")
    elif retry.backoff == "fixed":
        delay = base
    elif retry.backoff == "linear":
        delay = base * attempt
    else:
        delay = base * 2.0 ** min(attempt - 1, 60)
    if retry.jitter:
        delay *= random.uniform(0.75, 1.25)
    return delay if limit is None else min(delay, limit)
