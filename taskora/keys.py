"""Every key in Redis, and the rules that its parts keep."""

from __future__ import annotations

import re
from dataclasses import dataclass

from taskora.errors import ConfigError

# A job's hash shares a namespace with these suffixes of its task.
RESERVED_IDS = frozenset(
    {"wait", "prioritized", "active", "delayed", "completed", "failed", "expired", "cancelled", "events", "stalled",
     "marker", "cancel", "fires", "sent", "gone", "fence", "wake", "conc", "debounce", "throttle", "dedup", "collect",
     "metrics", "into", "item", "limited", "holders", "blocked", "ready", "swept"}
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./@+-]{0,199}")
_JOB_ID = re.compile(r"[^\s:{}*?\[\]\x00-\x1f\x7f]{1,200}")
_PREFIX = re.compile(r"[^\s*?\[\]\\\x00-\x1f\x7f]{0,200}")  # nothing that means something in a pattern of SCAN


def check_task_name(name: str) -> str:
    """Return the name, or say why it cannot name a task.

    Braces would break the cluster hash tag, glob characters and colons the readers of the keyspace.

    Raises:
        ConfigError: The name is not allowed.
    """
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise ConfigError(
            f"name: {name!r} cannot name a task; use 1 to 200 letters, digits and _ . / @ + -, the first no sign"
        )
    return name


def check_job_id(job_id: str) -> str:
    """Return the id, or say why it cannot identify a job.

    Raises:
        ConfigError: The id is reserved, too long, or has a character that keys cannot carry.
    """
    if not isinstance(job_id, str) or _JOB_ID.fullmatch(job_id) is None:  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise ConfigError(
            f"job_id: {job_id!r} is not allowed; use 1 to 200 characters without spaces and : {{ }} * ? [ ]"
        )
    if job_id in RESERVED_IDS:
        raise ConfigError(f"job_id: {job_id!r} is reserved by the layout in Redis; choose another")
    return job_id


def check_limit_key(key: str) -> str:
    """Return the concurrency key, or say why it cannot be one.

    Raises:
        ConfigError: It is empty, too long, or no text.
    """
    if not isinstance(key, str) or not 0 < len(key) <= 200:  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
        raise ConfigError(f"concurrency_key: {key!r} is not allowed; use 1 to 200 characters, or None for no limit")
    return key


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of all keys under one prefix.

    Attributes:
        prefix: Text between ``taskora:`` and the rest; empty for none.
    """

    prefix: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.prefix, str) or _PREFIX.fullmatch(self.prefix) is None:  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise ConfigError(
                f"prefix: {self.prefix!r} is not allowed; no spaces and none of * ? [ ] \\, at most 200 characters"
            )

    @property
    def root(self) -> str:
        """Start of every key that belongs to no task."""
        return f"taskora:{self.prefix}" if self.prefix else "taskora"

    def task(self, task: str) -> str:
        """Base of a task's keys; the braces are its cluster hash tag."""
        return f"{self.root}:{{{task}}}"

    def job(self, task: str, job_id: str) -> str:
        """Hash of a job."""
        return f"{self.task(task)}:{job_id}"

    def marker(self, task: str) -> str:
        """Zset that wakes the task's workers."""
        return f"{self.task(task)}:marker"

    def events(self, task: str) -> str:
        """Stream of the task's events."""
        return f"{self.task(task)}:events"

    def cancel_channel(self, task: str) -> str:
        """Channel that carries ids of running jobs to cancel."""
        return f"{self.task(task)}:cancel"

    def workflow(self, workflow_id: str) -> str:
        """Hash of a workflow; the braces are its cluster hash tag."""
        return f"{self.root}:wf:{{{workflow_id}}}"

    def own(self, name: str) -> str:
        """A key of the whole prefix: ``meta``, ``schedules``, ``tasks``, ``workers`` and others."""
        return f"{self.root}:{name}"
