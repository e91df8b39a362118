"""Failed jobs, grouped by what went wrong."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final

from starlette.responses import Response

from taskora.amounts import counted
from taskora.board.reading import list_jobs
from taskora.board.view import Action, Outcome, Question, View
from taskora.board.visit import PAGE_SIZE, NotFoundError, Visit
from taskora.dead_letters import FAILURES_GROUPED, FailureGroup
from taskora.listing import check_task, name_of
from taskora.model import State


async def show(visit: Visit) -> Response:
    """Show groups of failures, and the failed jobs."""
    task = _task(visit)
    groups, stats, (jobs, offset, more) = await asyncio.gather(
        visit.desk.failures() if task is None else visit.app.dead_letters.groups_async(task),
        visit.desk.stats(),
        list_jobs(visit, State.FAILED, task),
    )
    failed = {name: count.failed for name, count in stats.items() if count.failed}
    return visit.page(
        "dead_letters.html",
        "Dead letters",
        watch="*" if task is None else f"task:{task}",
        task=task,
        groups=[(_mark(group), group) for group in groups],
        failed=failed,
        total=sum(failed.values()) if task is None else failed.get(task, 0),
        jobs=jobs,
        offset=offset,
        more=more,
        size=PAGE_SIZE,
        limit=FAILURES_GROUPED,
        cut=any(count > FAILURES_GROUPED for name, count in failed.items() if task in (None, name)),
    )


def _task(visit: Visit) -> str | None:
    given = visit.value("task")
    return check_task(given) if given else None


async def ask_all(visit: Visit) -> Question:
    """Say how many failed."""
    task, stats = _task(visit), await visit.desk.stats()
    count = sum(one.failed for name, one in stats.items() if task in (None, name))
    where = f"of {task}" if task else "of all tasks"
    return Question(
        f"Retry {counted(count, 'failed job', 'failed jobs')}",
        f"All failed jobs {where} are queued anew, the oldest first.",
        "Retry all",
    )


async def retry_all(visit: Visit) -> Outcome:
    """Queue all failed jobs anew."""
    count = await visit.app.dead_letters.retry_all_async(_task(visit))
    visit.desk.forget_failures()
    return Outcome(f"{counted(count, 'job is', 'jobs are')} queued again", count)


def _mark(group: FailureGroup) -> str:
    """Return what stands for a group in addresses, which must not carry what its messages may: secrets."""
    return hashlib.sha256(repr((group.error_type, group.fingerprint)).encode("utf-8", "replace")).hexdigest()[:16]


async def _group(visit: Visit) -> FailureGroup:
    task, mark = name_of(visit.need("task")), visit.need("group")
    for group in await visit.app.dead_letters.groups_async(task):
        if _mark(group) == mark:
            return group
    raise NotFoundError("No failed job is of this group any more.")


async def ask_group(visit: Visit) -> Question:
    """Say how many failed alike."""
    group = await _group(visit)
    return Question(
        f"Retry {counted(group.count, 'failed job', 'failed jobs')}",
        f"Jobs of {group.task} that failed with {group.error_type or 'an error'}: "
        f"{visit.desk.shown.text(group.fingerprint)}. "
        f"Those beyond the newest {FAILURES_GROUPED:,} failures are found too.",
        "Retry group",
    )


async def retry_group(visit: Visit) -> Outcome:
    """Queue jobs anew that failed alike."""
    group = await _group(visit)
    count = await visit.app.dead_letters.retry_group_async(group.task, group.fingerprint, error_type=group.error_type)
    visit.desk.forget_failures()
    like = visit.desk.shown.text(group.fingerprint)
    target = {"task": group.task, "type": group.error_type, "fingerprint": like}
    return Outcome(f"{counted(count, 'job is', 'jobs are')} queued again", count, target=target)


VIEWS: Final = (View("dead-letters", show),)
ACTIONS: Final = (
    Action("dead-letters/retry-all", "dead_letters.retry_all", ask_all, retry_all),
    Action("dead-letters/retry-group", "dead_letters.retry_group", ask_group, retry_group),
)
