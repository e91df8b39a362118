"""Failed jobs: what they are, why they failed, and how they get another life."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, TypeVar, overload

from taskora.adapters.dead_letter_store import Failure
from taskora.adapters.protocol import Adapter
from taskora.call import Call, CallSteps, Composed, Gathered, ask, refuse_on_loop
from taskora.clock import from_ms
from taskora.config import check_instance
from taskora.inspector import Inspector
from taskora.keys import check_job_id
from taskora.listing import TaskOrName, check_task, name_of
from taskora.looking import Jobs
from taskora.model import State

T = TypeVar("T")
FAILURES_GROUPED: Final = 1000
"""How many failures of each task ``groups`` looks at: the newest."""

_PER_RETRY = 100  # jobs of one script run: about 2 ms of the server's time
_RETRYABLE = (State.FAILED, State.CANCELLED)
_LONGEST = 200
# What differs between two errors of one kind: ids, addresses and numbers.
_VARYING = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|0x[0-9a-fA-F]+|\b(?=[a-fA-F]*\d)[0-9a-fA-F]{8,}\b|\d+(?:\.\d+)*"
)


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed jobs of a task that failed alike.

    Attributes:
        task: The task.
        error_type: Class name of the error; empty when the worker that wrote it is not of this library.
        fingerprint: First line of the message, at most 200 characters, with ``#`` for each number and id in it.
        count: How many there are.
        first_seen: When the oldest of them failed, aware UTC.
        last_seen: When the newest failed.
        newest_id: Id of the newest.
        newest_error: Its whole message.
    """

    task: str
    error_type: str
    fingerprint: str
    count: int
    first_seen: datetime
    last_seen: datetime
    newest_id: str
    newest_error: str


Names: TypeAlias = list[str]
Groups: TypeAlias = list[FailureGroup]


class DeadLetters:
    """Lists failed jobs and queues them anew. Made by ``Taskora.dead_letters``.

    Every method comes in a pair: ``x()`` for plain code, ``await x_async()`` on an event loop. All raise
    ``AdapterError`` when the server cannot be reached or refuses. Tasks are given by name or as they are; None stands
    for all: those known here and those that any worker has published.

    A job that is retried keeps its id, payload, priority, concurrency key, logs and progress. It begins again with its
    first attempt, goes to the end of its queue, and never expires; stalls, crashes and a cancel of before no longer
    count. It is no node of a workflow any more: that workflow has ended, stays as it ended, and gets no result.

    Args:
        adapter: Where the jobs are.
        inspector: Knows the tasks and reads jobs.
    """

    def __init__(self, adapter: Adapter, inspector: Inspector) -> None:
        self._adapter = adapter
        self._inspector = inspector

    def list(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """List failed jobs, the newest first."""
        refuse_on_loop("list")
        return self._inspector.failed(task, limit=limit, offset=offset)

    async def list_async(self, task: TaskOrName | None = None, *, limit: int = 20, offset: int = 0) -> Jobs:
        """See ``list``."""
        return await self._inspector.failed_async(task, limit=limit, offset=offset)

    @overload
    def retry(self, job_id: str, /) -> bool: ...
    @overload
    def retry(self, task: TaskOrName, job_id: str, /) -> bool: ...
    def retry(self, first: TaskOrName, second: str | None = None, /) -> bool:
        """Queue a failed or cancelled job anew: ``retry(job_id)`` looks in all tasks, ``retry(task, job_id)`` in one.

        Returns:
            False when there is no such job, or it has not failed and was not cancelled; nothing was changed then.
        """
        return _run("retry", self._retry(first, second))

    @overload
    async def retry_async(self, job_id: str, /) -> bool: ...
    @overload
    async def retry_async(self, task: TaskOrName, job_id: str, /) -> bool: ...
    async def retry_async(self, first: TaskOrName, second: str | None = None, /) -> bool:
        """See ``retry``."""
        return await self._retry(first, second).run_async()

    def retry_all(self, task: TaskOrName | None = None) -> int:
        """Queue anew all jobs that have failed until now, the oldest first, 100 at a time.

        Returns:
            How many. One that fails again meanwhile is not taken twice.
        """
        return _run("retry_all", self._retry_all(check_task(task)))

    async def retry_all_async(self, task: TaskOrName | None = None) -> int:
        """See ``retry_all``."""
        return await self._retry_all(check_task(task)).run_async()

    def groups(self, task: TaskOrName | None = None) -> Groups:
        """Group failed jobs by task, error and message, the largest group first.

        The newest 1,000 failures of each task are looked at.
        """
        return _run("groups", self._groups(check_task(task)))

    async def groups_async(self, task: TaskOrName | None = None) -> Groups:
        """See ``groups``."""
        return await self._groups(check_task(task)).run_async()

    def retry_group(self, task: TaskOrName, fingerprint: str, *, error_type: str | None = None) -> int:
        """Queue anew the jobs of a group that have failed until now, the newest first, 100 at a time.

        All failures of the task are looked at, 1,000 at a time: more than ``groups`` looks at.

        Args:
            task: The group's ``task``.
            fingerprint: The group's ``fingerprint``.
            error_type: The group's ``error_type``; None for errors of any class. Defaults to None.

        Returns:
            How many. One that fails again meanwhile is not taken twice.
        """
        return _run("retry_group", self._retry_group(name_of(task), fingerprint, error_type))

    async def retry_group_async(self, task: TaskOrName, fingerprint: str, *, error_type: str | None = None) -> int:
        """See ``retry_group``."""
        return await self._retry_group(name_of(task), fingerprint, error_type).run_async()

    # The calls

    def _tasks(self, task: str | None) -> CallSteps[Names]:
        return (yield from ask(self._inspector.task_names())) if task is None else [task]

    def _retry(self, first: TaskOrName, second: str | None) -> Call[bool]:
        store = self._adapter.dead_letters
        if second is not None:
            return store.requeue(name_of(first), check_job_id(second))
        job_id = check_job_id(first)

        def steps() -> CallSteps[bool]:
            tasks = yield from self._tasks(None)
            found = yield from ask(Gathered([self._adapter.jobs.outcome(task, job_id) for task in tasks]))
            for task, outcome in zip(tasks, found, strict=True):
                if outcome is not None and outcome.state in _RETRYABLE:
                    return (yield from ask(store.requeue(task, job_id)))
            return False

        return Composed(steps)

    def _retry_all(self, task: str | None) -> Call[int]:
        def steps() -> CallSteps[int]:
            count = 0
            for name in (yield from self._tasks(task)):
                more, until_ms = True, None
                while more:
                    done = yield from ask(self._adapter.dead_letters.requeue_failed(name, until_ms, _PER_RETRY))
                    more, until_ms = done.more, done.until_ms
                    count += done.jobs
            return count

        return Composed(steps)

    def _retry_group(self, task: str, mark: str, error_type: str | None) -> Call[int]:
        check_instance(mark, str, "fingerprint")
        if error_type is not None:
            check_instance(error_type, str, "error_type")

        def is_of_group(failure: Failure) -> bool:
            return fingerprint(failure.error) == mark and error_type in (None, failure.error_type)

        def steps() -> CallSteps[int]:
            store, count, offset, until_ms = self._adapter.dead_letters, 0, 0, None
            while offset < (yield from ask(self._adapter.jobs.stats(task))).failed:
                page = yield from ask(store.failures(task, FAILURES_GROUPED, offset))
                if until_ms is None and page:
                    until_ms = page[0].at_ms
                chosen = [each.job_id for each in page if each.at_ms <= (until_ms or 0) and is_of_group(each)]
                taken = 0
                for first in range(0, len(chosen), _PER_RETRY):
                    taken += yield from ask(store.requeue_named(task, chosen[first : first + _PER_RETRY]))
                count += taken
                offset += FAILURES_GROUPED - taken  # those that follow have moved up
            return count

        return Composed(steps)

    def _groups(self, task: str | None) -> Call[Groups]:
        def steps() -> CallSteps[Groups]:
            tasks = yield from self._tasks(task)
            calls = [self._adapter.dead_letters.failures(name, FAILURES_GROUPED) for name in tasks]
            found = yield from ask(Gathered(calls))
            groups = [group for name, failures in zip(tasks, found, strict=True) for group in _grouped(name, failures)]
            return sorted(groups, key=lambda group: (-group.count, group.task, group.error_type, group.fingerprint))

        return Composed(steps)


def fingerprint(message: str) -> str:
    """Return what errors of one kind have in common: the first line, without the numbers and ids in it."""
    lines = message.strip().splitlines() or [""]
    # Before the numbers are replaced, so that a huge message costs little.
    return _VARYING.sub("#", lines[0][: 4 * _LONGEST])[:_LONGEST]


def _grouped(task: str, failures: Iterable[Failure]) -> Groups:
    """Group failures that come newest first."""
    by_kind: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        by_kind.setdefault((failure.error_type, fingerprint(failure.error)), []).append(failure)
    return [
        FailureGroup(
            task, error_type, mark, len(alike), from_ms(alike[-1].at_ms), from_ms(alike[0].at_ms), alike[0].job_id,
            alike[0].error,
        )
        for (error_type, mark), alike in by_kind.items()
    ]  # fmt: skip


def _run(name: str, call: Call[T]) -> T:
    refuse_on_loop(name)
    return call.run()
