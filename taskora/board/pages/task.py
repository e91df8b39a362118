"""A task: its jobs by state, what it did today, and what can be done to many of its jobs at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
from starlette.responses import Response

from taskora.amounts import counted
from taskora.board.access.roles import Role
from taskora.board.history import latency_chart, throughput_chart
from taskora.board.reading import asked_task, counts_of, list_jobs, need_task, options_of, read_payload
from taskora.board.view import Action, Field, Outcome, Question, View
from taskora.board.visit import PAGE_SIZE, NotFoundError, Visit
from taskora.clock import LATEST_MS, from_ms
from taskora.dispatch_by_name import dispatch_by_name
from taskora.duration import read_duration, to_seconds
from taskora.errors import ConfigError
from taskora.ids import new_id
from taskora.model import JobInfo, NewJob, State
from taskora.readable import readable

_CLEANABLE: Final = (State.COMPLETED, State.FAILED, State.EXPIRED, State.CANCELLED)
_PER_CALL: Final = 1000
_MOST_CLEANED: Final = 100_000


async def show(visit: Visit) -> Response:
    """Show a task."""
    task = await need_task(visit)
    desk = visit.desk
    state = _state(visit)
    counts, options, throughput, latency, paused = await asyncio.gather(
        counts_of(visit, task),
        options_of(visit, task),
        desk.throughput_of(task),
        visit.inspector.latency_async(task),
        desk.paused(),
    )
    path, wanted = visit.value("where"), visit.value("is")
    jobs: Sequence[JobInfo]
    cursor, more, offset = None, False, 0
    if path:
        jobs, cursor = await _search(visit, task, path, wanted)
    else:
        jobs, offset, more = await list_jobs(visit, state, task)
    return visit.page(
        "task.html",
        task,
        watch=f"task:{task}",
        task=task,
        counts=dict(zip(State, counts, strict=True)),
        state=state,
        jobs=jobs,
        offset=offset,
        more=more,
        cursor=cursor,
        size=PAGE_SIZE,
        options=options,
        paused=task in paused,
        where=path,
        wanted=wanted,
        throughput=throughput_chart(throughput),
        latency=latency_chart(latency),
        cleanable=_CLEANABLE,
    )


def _state(visit: Visit) -> State:
    given = visit.value("state", State.WAITING)
    try:
        return State(given)
    except ValueError:
        raise ConfigError(f"state: expected one of {', '.join(State)}") from None


async def _search(visit: Visit, task: str, path: str, text: str) -> tuple[list[JobInfo], str | None]:
    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    cursor = visit.value("cursor") or None
    page = await visit.inspector.search_async(task, path, value, limit=PAGE_SIZE, cursor=cursor)
    return readable(visit.app, page.jobs), page.cursor


# Actions


async def ask_retry_all(visit: Visit) -> Question:
    """Say how many jobs failed."""
    task = await need_task(visit)
    failed = (await visit.inspector.stats_async(task)).failed
    return Question(
        f"Retry {counted(failed, 'failed job', 'failed jobs')}",
        f"All failed jobs of {task} are queued anew, the oldest first, with their first attempt.",
        "Retry all",
    )


async def retry_all(visit: Visit) -> Outcome:
    """Queue all failed jobs of the task anew."""
    count = await visit.app.dead_letters.retry_all_async(await need_task(visit))
    return Outcome(f"{counted(count, 'job is', 'jobs are')} queued again", count)


async def ask_clean(visit: Visit) -> Question:
    """Say what would go."""
    task, state = await need_task(visit), _cleanable(visit)
    count = getattr(await visit.inspector.stats_async(task), state.value)
    return Question(
        f"Remove {state} jobs",
        f"{task} has {counted(count, f'{state} job', f'{state} jobs')}. Those that ended longer ago than this are "
        f"removed for good, at most {_MOST_CLEANED:,} at a time.",
        "Remove",
        danger=True,
        fields=(Field("older", "Older than", value="1d", hint="Such as 30m, 12h or 7d; 0s for all."),),
    )


async def clean(visit: Visit) -> Outcome:
    """Remove ended jobs by age."""
    task, state = await need_task(visit), _cleanable(visit)
    before = _before(visit)
    removed = 0
    while removed < _MOST_CLEANED:
        count = await visit.inspector.clean_async(task, state, before, _PER_CALL)
        removed += count
        if count < _PER_CALL:
            break
    return Outcome(f"{counted(removed, f'{state} job is', f'{state} jobs are')} removed", removed)


def _before(visit: Visit) -> datetime:
    """Read up to when what ended is removed: an age from a person, a time from a program."""
    if "before" in visit.values:
        return from_ms(visit.number("before", 0, LATEST_MS))
    return datetime.now(UTC) - timedelta(seconds=to_seconds(read_duration(visit.value("older", "0s")), "older"))


def _cleanable(visit: Visit) -> State:
    state = _state(visit)
    if state not in _CLEANABLE:
        raise ConfigError(f"state: only jobs that ended can be removed: {', '.join(_CLEANABLE)}")
    return state


async def ask_pause(visit: Visit) -> Question:
    """Say what pausing does."""
    task = await need_task(visit)
    return Question(
        f"Pause {task}",
        f"No worker takes its jobs until it is resumed; {await _how_many_wait(visit, task)} now. "
        "Those that run go on to their end, and jobs are still accepted.",
        "Pause",
    )


async def pause(visit: Visit) -> Outcome:
    """Hold the task back."""
    task = await need_task(visit)
    done = await visit.inspector.pause_async(task)
    visit.desk.forget_pauses()
    return Outcome(f"{task} is paused" if done else f"{task} was paused already", int(done))


async def ask_resume(visit: Visit) -> Question:
    """Say what resuming does."""
    task = await need_task(visit)
    return Question(
        f"Resume {task}", f"Workers take its jobs again; {await _how_many_wait(visit, task)} now.", "Resume"
    )


async def resume(visit: Visit) -> Outcome:
    """Let workers take its jobs again."""
    task = await need_task(visit)
    done = await visit.inspector.resume_async(task)
    visit.desk.forget_pauses()
    return Outcome(f"{task} goes on" if done else f"{task} was not paused", int(done))


async def _how_many_wait(visit: Visit, task: str) -> str:
    return counted((await visit.inspector.stats_async(task)).waiting, "waits", "wait")


async def ask_dispatch(visit: Visit) -> Question:
    """Ask for a payload; that of a job, when one is named."""
    task = await need_task(visit)
    known = task in visit.app.tasks
    return Question(
        f"Dispatch {task}",
        "The payload is checked against the task's type before the job is stored."
        if known
        else "This board does not define the task: the worker checks the payload when it runs the job.",
        "Dispatch",
        fields=(
            Field("data", "Payload", "json", "null", hint="JSON"),
            Field("delay", "Delay", value="0s", hint="Such as 30s, 5m or 2h."),
            Field("priority", "Priority", "number", "0", hint="0 to 900; a higher one runs first."),
        ),
    )


async def dispatch(visit: Visit) -> Outcome:
    """Store a job with the payload that was given."""
    task = asked_task(visit)
    data = orjson.dumps(read_payload(visit.value("data", "null")))
    delay_ms = int(to_seconds(read_duration(visit.value("delay", "0s")), "delay") * 1000)
    stored = await dispatch_by_name(visit.app, task, NewJob(new_id(), data, delay_ms, visit.number("priority", 0, 900)))
    if stored is None:
        raise NotFoundError(f"There is no task {task!r}.")
    job_id, fresh = stored
    if not fresh:
        return Outcome(f"A rule of {task} kept the job out; {job_id} stands for it.", 0, {"jobId": job_id})
    return Outcome(
        f"Job {job_id} was dispatched",
        1,
        {"jobId": job_id},
        visit.url("job", task=task, id=job_id),
        target={"task": task, "job": job_id},
    )


VIEWS: Final = (View("task", show),)
ACTIONS: Final = (
    Action("task/pause", "task.pause", ask_pause, pause),
    Action("task/resume", "task.resume", ask_resume, resume),
    Action("task/retry-all", "task.retry_all", ask_retry_all, retry_all),
    Action("task/clean", "task.clean", ask_clean, clean, Role.ADMIN),
    Action("task/dispatch", "task.dispatch", ask_dispatch, dispatch),
)
