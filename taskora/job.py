"""A job before it is dispatched: its payload and what can be said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypedDict, TypeVar

from taskora.duration import Duration
from taskora.errors import ConfigError
from taskora.flow_control import RuleOptions
from taskora.quoting import quoted

In = TypeVar("In")
T = TypeVar("T")


class JobOptions(TypedDict, total=False):
    """What can be said of one job.

    Attributes:
        delay: Time until it is due. Defaults to 0.
        priority: 0 to 900; a higher one runs first. Defaults to 0.
        ttl: Time until it expires if no worker takes it; None takes the task's.
        job_id: Its id. A job with this id that exists, in whatever state, is left as it is. None makes one.
        concurrency_key: What it shares a limit by: jobs of the task with the same key run at most so many at a time,
            over all processes, in the order in which they were dispatched. None for no such limit.
        concurrency_limit: How many of its key may run at a time, as far as this job is concerned: 0 for any number,
            None for the task's, which is 1 by default.
    """

    delay: Duration
    priority: int
    ttl: Duration | None
    job_id: str | None
    concurrency_key: str | None
    concurrency_limit: int | None


class DispatchOptions(JobOptions, RuleOptions, total=False):
    """What ``Task.dispatch`` can be told, beside what ``JobOptions`` and ``RuleOptions`` have.

    Attributes:
        skip_validation: Serialize the payload as it is. Defaults to False.
    """

    skip_validation: bool


def check_items(items: Iterable[T], task: str) -> list[T]:
    """Return the payloads of several jobs as a list.

    Raises:
        ConfigError: They are no list and nothing like one. A text or a dict, of which Python would take the characters
            or the keys, is taken for a mistake.
    """
    if not _is_listable(items):
        raise ConfigError(f"items: task {task!r} takes a list of payloads here, got {quoted(items)}")
    return list(items)


def _is_listable(items: object) -> bool:
    return isinstance(items, Iterable) and not isinstance(items, str | bytes | bytearray | Mapping)


# Without slots: on Python 3.11 a slotted frozen class cannot be made through its alias, Job[int](...).
@dataclass(frozen=True)
class Job(Generic[In]):
    """One job of a ``dispatch_many``, with options of its own.

    Attributes:
        data: Its payload.
        delay: See ``JobOptions``, as for all that follow.
        priority: See ``JobOptions``.
        ttl: See ``JobOptions``.
        job_id: See ``JobOptions``.
        concurrency_key: See ``JobOptions``.
        concurrency_limit: See ``JobOptions``.
    """

    data: In
    delay: Duration = 0
    priority: int = 0
    ttl: Duration | None = None
    job_id: str | None = None
    concurrency_key: str | None = None
    concurrency_limit: int | None = None
