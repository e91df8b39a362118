"""Options check themselves and name the field that is wrong."""

import dataclasses
from typing import Any

import pytest

from taskora.config import (
    Defaults,
    Keep,
    Retention,
    Retry,
    Schedule,
    SchedulerConfig,
    Stall,
    TaskOptions,
    Ttl,
    catch_up_limit,
    check_timeout,
)
from taskora.errors import ConfigError

WRONG: list[tuple[type, dict[str, Any], str]] = [
    (Retry, {"attempts": 0}, "retry.attempts"),
    (Retry, {"attempts": 1.5}, "retry.attempts"),
    (Retry, {"attempts": True}, "retry.attempts"),
    (Retry, {"backoff": "quadratic"}, "retry.backoff"),
    (Retry, {"delay": -1}, "retry.delay"),
    (Retry, {"delay": "soon"}, "retry.delay"),
    (Retry, {"max_delay": "x"}, "retry.max_delay"),
    (Retry, {"retry_on": ValueError}, "retry.retry_on"),
    (Retry, {"no_retry_on": ("ValueError",)}, "retry.no_retry_on"),
    (Stall, {"interval": 0.05}, "stall.interval"),
    (Stall, {"max_count": -1}, "stall.max_count"),
    (Ttl, {"max": 0}, "ttl.max"),
    (Ttl, {"max": "1h", "on_expire": "drop"}, "ttl.on_expire"),
    (Keep, {"max_age": -1}, "keep.max_age"),
    (Keep, {"max_items": -1}, "keep.max_items"),
    (Keep, {"min_age": "x"}, "keep.min_age"),
    (Schedule, {}, "schedule"),
    (Schedule, {"every": 1, "cron": "* * * * *"}, "schedule"),
    (Schedule, {"every": 0.01}, "schedule.every"),
    (Schedule, {"every": 1, "on_missed": "later"}, "schedule.on_missed"),
    (Defaults, {"concurrency": 0}, "defaults.concurrency"),
    (Defaults, {"timeout": 0}, "defaults.timeout"),
    (Defaults, {"lock_ttl": 0.5}, "defaults.lock_ttl"),
    (Defaults, {"cancel_grace": -1}, "defaults.cancel_grace"),
    (SchedulerConfig, {"poll_interval": 0}, "scheduler.poll_interval"),
    (SchedulerConfig, {"lock_ttl": "100ms"}, "scheduler.lock_ttl"),
]


@pytest.mark.parametrize(("kind", "options", "field"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_value_is_refused_with_the_name_of_its_field(kind: type, options: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        kind(**options)
    assert str(caught.value).startswith(f"{field}:")
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [Retry(), Stall(), Ttl("1h"), Keep(), Retention(), Schedule(every=1), Defaults()])
def test_a_value_cannot_be_changed(value: Any) -> None:
    for each in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, each.name, 1)
    assert not hasattr(value, "__dict__")


def test_the_defaults_are_those_that_are_documented() -> None:
    defaults = Defaults()
    assert (defaults.retry, defaults.timeout, defaults.concurrency) == (Retry(), None, 1)
    assert (defaults.lock_ttl, defaults.cancel_grace, defaults.stall) == (30, 0.25, Stall(interval=30, max_count=1))
    assert (Retry().attempts, Retry().backoff, Retry().delay, Retry().max_delay) == (1, "exponential", 1, None)
    assert Retry().jitter
    assert Retention() == Retention(completed=Keep("1h", 100), failed=Keep("7d", 300))
    assert (Keep().max_age, Keep().max_items, Keep().min_age) == (None, None, 10)
    assert (SchedulerConfig().poll_interval, SchedulerConfig().lock_ttl) == (1, 30)
    options = TaskOptions()
    assert (options.timeout_s, options.concurrency, options.ttl, options.version, options.since) == (
        None,
        1,
        None,
        1,
        1,
    )


def test_every_form_of_a_right_value_is_accepted() -> None:
    Retry(attempts=3, backoff=lambda attempt: f"{attempt}s", delay="250ms", max_delay="1m", retry_on=(OSError,))
    Keep(0, 0, 0)
    Keep(None, None)
    Stall(interval="100ms", max_count=0)
    Schedule(cron="*/5 * * * *", timezone="Europe/Berlin", overlap=True, on_missed="catch-up-limit:3")
    check_timeout(None)
    check_timeout("1ms")


@pytest.mark.parametrize(
    ("policy", "limit"), [("skip", 1), ("catch-up", None), ("catch-up-limit:1", 1), ("catch-up-limit:250", 250)]
)
def test_a_policy_for_missed_runs_says_how_many_are_made_up_for(policy: str, limit: int | None) -> None:
    assert catch_up_limit(policy) == limit


@pytest.mark.parametrize(
    "policy", ["", "all", "catch-up-limit", "catch-up-limit:", "catch-up-limit:0", "catch-up-limit:-1"]
)
def test_an_unknown_policy_is_refused(policy: str) -> None:
    with pytest.raises(ConfigError, match="on_missed"):
        catch_up_limit(policy)
