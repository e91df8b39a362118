"""Every key in Redis, and the rules that its parts keep."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from taskora.errors import ConfigError
from taskora.quoting import quoted

# A job's hash shares a namespace with these suffixes of its task.
RESERVED_IDS = frozenset(
    {"wait", "prioritized", "active", "delayed", "completed", "failed", "expired", "cancelled", "events", "stalled",
     "marker", "cancel", "fires", "sent", "gone", "fence", "wake", "conc", "debounce", "throttle", "dedup", "collect",
     "metrics", "into", "item", "limited", "holders", "blocked", "ready", "swept", "owed", "ix",
     "paused", "rules"}
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./@+-]{0,199}")
# Half a surrogate pair, which Python's texts may have, cannot be written as UTF-8.
_JOB_ID = re.compile(r"[^\s:{}*?\[\]\x00-\x1f\x7f\ud800-\udfff]{1,200}")
_PREFIX = re.compile(r"[^\s*?\[\]\\\x00-\x1f\x7f\ud800-\udfff]{0,200}")  # nothing that means something to SCAN
_LINE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
_TEXT = re.compile(r"[^\ud800-\udfff]*")
_LONGEST_TEXT = 10_000


def check_task_name(name: object, field: str = "name") -> str:
    """Return the name, or say why it cannot name a task.

    Braces would break the cluster hash tag, glob characters and colons the readers of the keyspace.

    Args:
        name: What was given.
        field: The argument's name, for the message.

    Raises:
        ConfigError: The name is not allowed.
    """
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"{field}: {quoted(name)} cannot name a task; use 1 to 200 letters, digits and _ . / @ + -, the first no "
            "sign"
        )
    return name


def check_job_id(job_id: object) -> str:
    """Return the id, or say why it cannot identify a job.

    Raises:
        ConfigError: The id is reserved, too long, or has a character that keys cannot carry.
    """
    if not isinstance(job_id, str) or _JOB_ID.fullmatch(job_id) is None:
        raise ConfigError(
            f"job_id: {quoted(job_id)} is not allowed; use 1 to 200 characters without spaces and : {{ }} * ? [ ]"
        )
    if job_id in RESERVED_IDS:
        raise ConfigError(f"job_id: {job_id!r} is reserved by the layout in Redis; choose another")
    return job_id


def check_workflow_id(workflow_id: object) -> str:
    """Return the id, or say why it cannot be that of a workflow.

    Raises:
        ConfigError: It is no text, is empty or too long, or has a character that keys cannot carry.
    """
    if not isinstance(workflow_id, str) or _JOB_ID.fullmatch(workflow_id) is None:
        raise ConfigError(
            f"workflow_id: {quoted(workflow_id)} cannot be the id of a workflow; take handle.workflow_id, or one that "
            "inspect().workflows() lists"
        )
    return workflow_id


def check_schedule_name(name: object) -> str:
    """Return the name, or say why it cannot name a schedule.

    Raises:
        ConfigError: It is no text, is empty or too long, or has characters that no line shows.
    """
    if not isinstance(name, str) or _LINE.fullmatch(name) is None:
        raise ConfigError(f"name: {quoted(name)} cannot name a schedule; use 1 to 200 characters on one line")
    return name


def check_text(value: object, field: str, least: int = 0, most: int = _LONGEST_TEXT) -> str:
    """Return a text, or say why it cannot be stored as one.

    Args:
        value: What was given.
        field: The argument's name, for the message.
        least: How many characters it has at least.
        most: How many it may have. Defaults to 10,000.

    Raises:
        ConfigError: It is no text, is too short or too long, or has half a surrogate pair in it.
    """
    if not isinstance(value, str) or _TEXT.fullmatch(value) is None or not least <= len(value) <= most:
        raise ConfigError(
            f"{field}: expected a text of {least:,} to {most:,} characters that UTF-8 can write, got {quoted(value)}"
        )
    return value


def reason_text(reason: object) -> str:
    """Return the reason of a cancel as it is stored: empty for None.

    Raises:
        ConfigError: It is something else than a text of at most 10,000 characters.
    """
    return "" if reason is None else check_text(reason, "reason")


def check_limit_key(key: object) -> str:
    """Return the concurrency key, or say why it cannot be one.

    Raises:
        ConfigError: It is empty, too long, or no text.
    """
    if not isinstance(key, str) or not 0 < len(key) <= 200 or _TEXT.fullmatch(key) is None:
        raise ConfigError(
            f"concurrency_key: {quoted(key)} is not allowed; use 1 to 200 characters, or None for no limit"
        )
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
                f"prefix: {quoted(self.prefix)} is not allowed; at most 200 characters, no space and none of * ? [ ] \\"
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

    def flows(self, workflow_id: str) -> str:
        """Start of the keys of a workflow, and of those that list it with others."""
        return self.root

    def all_flows(self) -> tuple[str, ...]:
        """All starts of keys of workflows."""
        return (self.root,)

    def workflow(self, workflow_id: str) -> str:
        """Hash of a workflow; the braces are its cluster hash tag."""
        return f"{self.flows(workflow_id)}:wf:{{{workflow_id}}}"

    def together(self, tasks: Iterable[str]) -> list[list[str]]:
        """Divide tasks into those whose keys one script may change at once."""
        return [list(tasks)]

    def debts(self, task: str, workflows: tuple[str, ...]) -> tuple[str, ...]:
        """Name what is owed to workflows, by the script that a task's jobs ended in."""
        return workflows

    @property
    def own_root(self) -> str:
        """Start of the keys of the whole prefix that scripts read and write together."""
        return self.root

    def own(self, name: str) -> str:
        """A key of the whole prefix: ``meta``, ``schedules``, ``tasks``, ``workers`` and others."""
        return f"{self.root}:{name}"


_SHARES = 16  # of the workflows; a change would make the others' workflows vanish
_ALONE = ("meta", "migration:lock", "migration:broadcast")  # each by itself, as everywhere


@dataclass(frozen=True, slots=True)
class ClusterKeys(Keys):
    """The names where the keys of each task lie in a slot of their own.

    What belongs to no task lies in one more slot, and the workflows in sixteen, each with the lists of those in it.
    """

    def __post_init__(self) -> None:
        Keys.__post_init__(self)
        if "{" in self.prefix or "}" in self.prefix:
            raise ConfigError(
                f"prefix: {quoted(self.prefix)} is not allowed on a cluster; use one without braces, or with one pair "
                "around something, such as {acme}, to have all keys in one slot"
            )

    @property
    def own_root(self) -> str:
        """See ``Keys``. No task can have the name in the braces."""
        return f"{self.root}:{{own:{self.prefix}}}"

    def own(self, name: str) -> str:
        """See ``Keys``."""
        return f"{self.root if name in _ALONE else self.own_root}:{name}"

    def flows(self, workflow_id: str) -> str:
        """See ``Keys``."""
        return self._share(zlib.crc32(workflow_id.encode()) % _SHARES)

    def all_flows(self) -> tuple[str, ...]:
        """See ``Keys``."""
        return tuple(self._share(number) for number in range(_SHARES))

    def together(self, tasks: Iterable[str]) -> list[list[str]]:
        """See ``Keys``."""
        return [[task] for task in tasks]

    def debts(self, task: str, workflows: tuple[str, ...]) -> tuple[str, ...]:
        """See ``Keys``. What is owed is noted beside the task, however many of its jobs ended."""
        return tuple(f"{task}:{workflow}" for workflow in dict.fromkeys(workflows))

    def _share(self, number: int) -> str:
        return f"{self.root}:{{wf:{self.prefix}:{number}}}"


def cluster_keys(prefix: str) -> Keys:
    """Make the names for a cluster. Braces in the prefix put all keys into one slot, where nothing is different."""
    start = prefix.find("{")
    if start >= 0 and prefix.find("}", start) > start + 1:
        return Keys(prefix)
    return ClusterKeys(prefix)
