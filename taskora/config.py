"""Options: small frozen values that check themselves and name the field that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar, cast

from taskora.callables import check_takes
from taskora.duration import Duration, to_seconds
from taskora.errors import ConfigError
from taskora.keys import check_text
from taskora.quoting import quoted

Backoff: TypeAlias = Literal["fixed", "linear", "exponential"] | Callable[[int], Duration]
ErrorTypes: TypeAlias = tuple[type[BaseException], ...]
T = TypeVar("T")
MAX_PRIORITY = 900  # beyond it the score of a prioritized job loses milliseconds in a double
_CATCH_UP_LIMIT = re.compile(r"catch-up-limit:0*([1-9]\d{0,8})", re.ASCII)
_LARGEST = 2**31 - 1  # counts are added to others, in scripts as doubles and by the server as signed numbers


def check_count(value: object, name: str, least: int = 1, most: int | None = None) -> None:
    """Refuse what is not a whole number from ``least`` to ``most``, which is 2,147,483,647 where nothing else is said.

    Raises:
        ConfigError: It is not.
    """
    highest = _LARGEST if most is None else most
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= highest:
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        if most is None and isinstance(value, int) and value > highest:
            limits = f"at most {highest}"
        raise ConfigError(f"{name}: expected a whole number, {limits}; got {quoted(value)}")


def check_flag(value: object, name: str) -> None:
    """Refuse what is neither True nor False.

    Raises:
        ConfigError: It is something else.
    """
    if not isinstance(value, bool):
        raise ConfigError(f"{name}: expected True or False, got {quoted(value)}")


def check_instance(value: object, kind: type[T], name: str) -> T:
    """Return a value of a class, or say that it is something else.

    Raises:
        ConfigError: It is.
    """
    if not isinstance(value, kind):
        raise ConfigError(f"{name}: expected {kind.__name__}(...), got {quoted(value)}")
    return value


def _check_error_types(value: object, name: str) -> None:
    given = quoted(value)
    kinds = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (None,)
    if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
        raise ConfigError(f"{name}: expected a tuple of exception classes, got {given}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When and how a failed job runs again.

    Attributes:
        attempts: Runs in all, the first included. Defaults to 1: no retry.
        backoff: ``fixed`` waits ``delay``, ``linear`` ``delay * n``, ``exponential`` ``delay * 2 ** (n - 1)`` after
            failure n; a callable takes n and returns a duration.
        delay: Base of the back-off. Defaults to one second.
        max_delay: Upper limit of a wait, applied after jitter. None: no limit.
        jitter: Multiply each wait by a random factor from 0.75 to 1.25.
        retry_on: Retry only these errors. Empty: all that may be retried.
        no_retry_on: Never retry these; asked before ``retry_on``.
    """

    attempts: int = 1
    backoff: Backoff = "exponential"
    delay: Duration = 1
    max_delay: Duration | None = None
    jitter: bool = True
    retry_on: ErrorTypes = ()
    no_retry_on: ErrorTypes = ()

    def __post_init__(self) -> None:
        check_count(self.attempts, "retry.attempts")
        if callable(self.backoff):
            check_takes(self.backoff, ("the number of the failed attempt",), "retry.backoff", waits=False)
        elif self.backoff not in ("fixed", "linear", "exponential"):
            raise ConfigError(
                f'retry.backoff: expected "fixed", "linear", "exponential" or a callable, got {quoted(self.backoff)}'
            )
        check_flag(self.jitter, "retry.jitter")
        to_seconds(self.delay, "retry.delay")
        if self.max_delay is not None:
            to_seconds(self.max_delay, "retry.max_delay")
        for name in ("retry_on", "no_retry_on"):
            _check_error_types(getattr(self, name), f"retry.{name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """What happens to a job whose worker vanished.

    Attributes:
        interval: Time between two sweeps for such jobs. Defaults to 30 seconds.
        max_count: How often a job is put back before it fails. Defaults to 1.
    """

    interval: Duration = 30
    max_count: int = 1

    def __post_init__(self) -> None:
        if to_seconds(self.interval, "stall.interval") < 0.1:
            raise ConfigError(f"stall.interval: must be at least 100 ms, got {quoted(self.interval)}")
        check_count(self.max_count, "stall.max_count", least=0)


@dataclass(frozen=True, slots=True)
class Ttl:
    """How long a job may wait to be taken.

    Attributes:
        max: Time from dispatch until the job expires.
        on_expire: ``fail`` keeps it as expired, ``discard`` deletes it.
    """

    max: Duration
    on_expire: Literal["fail", "discard"] = "fail"

    def __post_init__(self) -> None:
        if to_seconds(self.max, "ttl.max") == 0:
            raise ConfigError(f"ttl.max: must be more than 0, got {quoted(self.max)}")
        if self.on_expire not in ("fail", "discard"):
            raise ConfigError(f'ttl.on_expire: expected "fail" or "discard", got {quoted(self.on_expire)}')


@dataclass(frozen=True, slots=True)
class Keep:
    """How long and how many ended jobs are kept.

    Attributes:
        max_age: Age at which one is removed; None for never.
        max_items: How many of a task are kept; None for all.
        min_age: The count removes none younger than this, so that their results can still be read.
    """

    max_age: Duration | None = None
    max_items: int | None = None
    min_age: Duration = 10

    def __post_init__(self) -> None:
        if self.max_age is not None:
            to_seconds(self.max_age, "keep.max_age")
        if self.max_items is not None:
            check_count(self.max_items, "keep.max_items", least=0)
        to_seconds(self.min_age, "keep.min_age")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is kept of a task's ended jobs; cancelled and expired ones count as failed, workflows as their jobs."""

    completed: Keep = Keep("1h", 100)
    failed: Keep = Keep("7d", 300)

    def __post_init__(self) -> None:
        check_instance(self.completed, Keep, "retention.completed")
        check_instance(self.failed, Keep, "retention.failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a task is dispatched by itself.

    Attributes:
        every: Period. Exactly one of ``every`` and ``cron`` is given.
        cron: Five fields, or six with the seconds first.
        timezone: IANA name of the zone in which ``cron`` is read.
        overlap: Dispatch although the previous run has not ended.
        on_missed: After an outage: ``skip`` runs once, ``catch-up`` all missed runs, ``catch-up-limit:N`` at most N.
        data: Payload of each run.
    """

    every: Duration | None = None
    cron: str | None = None
    timezone: str = "UTC"
    overlap: bool = False
    on_missed: str = "skip"
    data: object = None

    def __post_init__(self) -> None:
        if (self.every is None) == (self.cron is None):
            raise ConfigError("schedule: give exactly one of every= and cron=")
        if self.every is not None:
            check_period(self.every)
        for name, text in (("cron", self.cron), ("timezone", self.timezone)):
            if text is not None or name == "timezone":
                check_text(text, f"schedule.{name}", least=1)
        check_flag(self.overlap, "schedule.overlap")
        catch_up_limit(self.on_missed)


def check_period(every: Duration) -> None:
    """Refuse what a schedule cannot have as its period.

    Raises:
        ConfigError: It is no duration, or below 100 ms.
    """
    if to_seconds(every, "schedule.every") < 0.1:
        raise ConfigError(f"schedule.every: must be at least 100 ms, got {quoted(every)}")


def catch_up_limit(on_missed: object) -> int | None:
    """Return how many missed runs a policy makes up for; None for all.

    Raises:
        ConfigError: There is no such policy.
    """
    if on_missed == "skip":
        return 1
    if on_missed == "catch-up":
        return None
    match = _CATCH_UP_LIMIT.fullmatch(on_missed) if isinstance(on_missed, str) else None
    if match is not None:
        return int(match[1])
    raise ConfigError(
        f'schedule.on_missed: expected "skip", "catch-up" or "catch-up-limit:N" with N from 1 to 999,999,999, got '
        f"{quoted(on_missed)}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What tasks take when they say nothing.

    Attributes:
        retry: Defaults to one attempt.
        timeout: Longest run of an attempt; None: no limit.
        concurrency: Jobs of one task at a time in one process. Defaults to 1.
        stall: See ``Stall``.
        lock_ttl: Lease of a running job, renewed at a third of it. Defaults to 30 seconds.
        cancel_grace: Time between the signal of a cancel or timeout and the interruption of the handler.
    """

    retry: Retry = Retry()
    timeout: Duration | None = None
    concurrency: int = 1
    stall: Stall = Stall()
    lock_ttl: Duration = 30
    cancel_grace: Duration = 0.25

    def __post_init__(self) -> None:
        check_instance(self.retry, Retry, "defaults.retry")
        check_instance(self.stall, Stall, "defaults.stall")
        check_count(self.concurrency, "defaults.concurrency")
        check_timeout(self.timeout, "defaults.timeout")
        to_seconds(self.cancel_grace, "defaults.cancel_grace")
        if to_seconds(self.lock_ttl, "defaults.lock_ttl") < 1:
            raise ConfigError(f"defaults.lock_ttl: must be at least 1 second, got {quoted(self.lock_ttl)}")


def check_timeout(value: Duration | None, name: str = "timeout") -> None:
    """Refuse a timeout of zero.

    Raises:
        ConfigError: It is zero or no duration.
    """
    if value is not None and to_seconds(value, name) == 0:
        raise ConfigError(f"{name}: must be more than 0, got {quoted(value)}; None means no limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerConfig:
    """The leader that dispatches schedules and keeps house.

    Attributes:
        poll_interval: Time between two looks at what is due. Defaults to 1 second.
        lock_ttl: Lease of the leader, renewed at a third of it. Defaults to 30 seconds.
    """

    poll_interval: Duration = 1
    lock_ttl: Duration = 30

    def __post_init__(self) -> None:
        if to_seconds(self.poll_interval, "scheduler.poll_interval") < 0.01:
            raise ConfigError(f"scheduler.poll_interval: must be at least 10 ms, got {quoted(self.poll_interval)}")
        if to_seconds(self.lock_ttl, "scheduler.lock_ttl") < 0.5:
            raise ConfigError(f"scheduler.lock_ttl: must be at least 500 ms, got {quoted(self.lock_ttl)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """Everything a task was told, with the application's defaults filled in. Times are seconds.

    Attributes:
        retry: See ``Retry``.
        timeout_s: Longest run of an attempt; None: no limit.
        concurrency: Jobs at a time in one process.
        concurrency_limit: Jobs at a time of one concurrency key, over all processes, unless a dispatch says otherwise;
            None: 1.
        singleton: At most one job at a time, over all processes.
        stall: See ``Stall``.
        retention: See ``Retention``.
        ttl: Default time to live of a job; None: for ever.
        version: Version of the payload that is written.
        since: Oldest version that is still read.
        schedule: The task's own schedule, if any.
        index: Paths into the payload whose values jobs can be found by.
    """

    retry: Retry = Retry()
    timeout_s: float | None = None
    concurrency: int = 1
    concurrency_limit: int | None = None
    singleton: bool = False
    stall: Stall = Stall()
    retention: Retention = field(default_factory=Retention)
    ttl: Ttl | None = None
    version: int = 1
    since: int = 1
    schedule: Schedule | None = None
    index: tuple[str, ...] = ()
