"""What a list of jobs or workflows can be asked for, and the order of one that was merged of several tasks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol, TypeAlias, get_args

from taskora.config import check_count
from taskora.errors import ConfigError
from taskora.keys import check_task_name
from taskora.model import JobInfo, State
from taskora.quoting import quoted
from taskora.workflow_model import WorkflowState

ENDED: Final = (State.COMPLETED, State.FAILED, State.EXPIRED, State.CANCELLED)

_CURSOR = re.compile(r"(?a:\d{1,15})-[^\s\x00-\x1f\x7f\ud800-\udfff]{1,200}")
_ENTRY_ID = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)


class Named(Protocol):
    """A task, as far as its name matters here."""

    @property
    def name(self) -> str: ...


TaskOrName: TypeAlias = str | Named


def check_page(limit: int, offset: int) -> None:
    """Refuse a page that there cannot be.

    Raises:
        ConfigError: One of the two is no whole number from 0 on.
    """
    check_count(limit, "limit", least=0)
    check_count(offset, "offset", least=0)


def check_entry_id(entry_id: object, name: str) -> str:
    """Return the id of an entry of a stream, empty for None.

    Raises:
        ConfigError: It is none.
    """
    if entry_id is None:
        return ""
    parts = _ENTRY_ID.fullmatch(entry_id) if isinstance(entry_id, str) else None
    if parts is None or any(int(part) >= 2**64 for part in parts.groups()):
        raise ConfigError(f"{name}: expected the id of an entry, such as 1700000000000-0, got {quoted(entry_id)}")
    return parts[0]


def check_cursor(cursor: object) -> str:
    """Return where a page begins, empty for None.

    Raises:
        ConfigError: It is no cursor of a page.
    """
    if cursor is None:
        return ""
    if not isinstance(cursor, str) or _CURSOR.fullmatch(cursor) is None:
        raise ConfigError(f"cursor: expected that of the page before, or None for the first; got {quoted(cursor)}")
    return cursor


def name_of(task: TaskOrName) -> str:
    """Return the name of a task that is given by name or as it is.

    Raises:
        ConfigError: It is neither.
    """
    return check_task_name(getattr(task, "name", task), "task")


def check_task(task: TaskOrName | None) -> str | None:
    """Return the name of a task, or None for all.

    Raises:
        ConfigError: It cannot name a task.
    """
    return None if task is None else name_of(task)


def check_workflow_state(state: str | None) -> None:
    """Refuse a state that no workflow is in.

    Raises:
        ConfigError: There is none of that name.
    """
    states = get_args(WorkflowState)
    if state is not None and state not in states:
        raise ConfigError(f"state: expected one of {', '.join(states)}, got {quoted(state)}")


def moment_of(state: State) -> Callable[[JobInfo], tuple[datetime, str]]:
    """Give what a merged list of jobs in a state is sorted by."""

    # Ids are ordered by time too, more finely.
    def moment(job: JobInfo) -> tuple[datetime, str]:
        if state in ENDED:
            return job.finished_on or job.timestamp, job.id
        if state is State.ACTIVE:
            return job.processed_on or job.timestamp, job.id
        return job.timestamp, job.id

    return moment
