"""Options: small frozen values that check themselves and name the field that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from taskora.duration import Duration, to_seconds
from taskora.errors import ConfigError

Backoff: TypeAlias = Literal["fixed", "linear", "exponential"] | Callable[[int], Duration]
ErrorTypes: TypeAlias = tuple[type[BaseException], ...]
MAX_PRIORITY = 900  # beyond it the score of a prioritized job loses milliseconds in a double


def check_count(value: object, name: str, least: int = 1, most: int | None = None) -> None:
    """Refuse what is not a whole number between ``least`` and ``most``.

    Raises:
        ConfigError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ConfigError(f"{name}: expected a whole number, {limits}; got {value!r}")


def _check_error_types(value: object, name: str) -> None:
    kinds = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    if not isinstance(value, tuple) or not all(isinstance(k, type) and issubclass(k, BaseException) for k in kinds):
        raise ConfigError(f"{name}: expected a tuple of exception classes, got {value!r}")


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
        if not callable(self.backoff) and self.backoff not in ("fixed", "linear", "exponential"):
            raise ConfigError(
                f'retry.backoff: expected "fixed", "linear", "exponential" or a callable, got {self.backoff!r}'
            )
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
            raise ConfigError(f"stall.interval: must be at least 100 ms, got {self.interval!r}")
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
            raise ConfigError("ttl.max: must be more than 0")
        if self.on_expire not in ("fail", "discard"):
            raise ConfigError(f'ttl.on_expire: expected "fail" or "discard", got {self.on_expire!r}')


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
        if self.every is not None and to_seconds(self.every, "schedule.every") < 0.1:
            raise ConfigError(f"schedule.every: must be at least 100 ms, got {self.every!r}")
        catch_up_limit(self.on_missed)


def catch_up_limit(on_missed: str) -> int | None:
    """Return how many missed runs a policy makes up for; None for all.

    Raises:
        ConfigError: There is no such policy.
    """
    if on_missed == "skip":
        return 1
    if on_missed == "catch-up":
        return None
    name, _, limit = on_missed.partition(":")
    if name == "catch-up-limit" and limit.isdecimal() and int(limit) > 0:
        return int(limit)
    raise ConfigError(f'schedule.on_missed: expected "skip", "catch-up" or "catch-up-limit:N", got {on_missed!r}')


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
        check_count(self.concurrency, "defaults.concurrency")
        check_timeout(self.timeout, "defaults.timeout")
        to_seconds(self.cancel_grace, "defaults.cancel_grace")
        if to_seconds(self.lock_ttl, "defaults.lock_ttl") < 1:
            raise ConfigError(f"defaults.lock_ttl: must be at least 1 second, got {self.lock_ttl!r}")


def check_timeout(value: Duration | None, name: str = "timeout") -> None:
    """Refuse a timeout of zero.

    Raises:
        ConfigError: It is zero or no duration.
    """
    if value is not None and to_seconds(value, name) == 0:
        raise ConfigError(f"{name}: must be more than 0; None means no limit")


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
            raise ConfigError(f"scheduler.poll_interval: must be at least 10 ms, got {self.poll_interval!r}")
        if to_seconds(self.lock_ttl, "scheduler.lock_ttl") < 0.5:
            raise ConfigError(f"scheduler.lock_ttl: must be at least 500 ms, got {self.lock_ttl!r}")


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
