"""What pages read alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from taskora.config import TaskOptions
from taskora.errors import ConfigError
from taskora.housekeeping import read_card
from taskora.listing import name_of
from taskora.model import JobInfo, State
from taskora.readable import readable

from .visit import PAGE_SIZE, NotFoundError, Visit

_FURTHEST_OF_ALL: Final = 1_000


def asked_task(visit: Visit) -> str:
    """Return the name of the task that is asked for, whether or not there is one.

    Raises:
        ConfigError: It is missing, or no name of a task.
    """
    # An action's task goes first: what is asked about, and noted, must not differ from what is done.
    return name_of(visit.value("task") or visit.value("name") or visit.need("task"))


async def need_task(visit: Visit) -> str:
    """Return the name of the task that is asked for.

    Raises:
        ConfigError: It is missing, or no name of a task.
        NotFoundError: Nobody has defined or published such a task, and it has no jobs.
    """
    name = asked_task(visit)
    if name not in await visit.inspector.tasks_async() and not any(await counts_of(visit, name)):
        raise NotFoundError(f"There is no task {name!r}: no worker has published it, and it has no jobs.")
    return name


async def counts_of(visit: Visit, task: str) -> tuple[int, ...]:
    """Count the jobs of a task by state, in the order of ``State``; retries are not among the delayed."""
    stats = await visit.inspector.stats_async(task)
    delayed = max(0, stats.delayed - stats.retrying)
    return tuple(delayed if state is State.DELAYED else getattr(stats, state) for state in State)


async def need_job(visit: Visit) -> JobInfo:
    """Return the job that is asked for, with its payload and result as values.

    Raises:
        ConfigError: The address names none.
        NotFoundError: There is none.
    """
    task, job_id = visit.value("task"), visit.need("id")
    inspector = visit.inspector
    job = await (inspector.find_async(task, job_id) if task else inspector.find_async(job_id))
    if job is None:
        raise NotFoundError(f"There is no job {job_id}: it never existed, or retention removed it.")
    (job,) = readable(visit.app, [job])
    return job


async def list_jobs(visit: Visit, state: State, task: str | None) -> tuple[Sequence[JobInfo], int, bool]:
    """Read a page of jobs in a state; returns them, where the page begins, and whether there are more."""
    offset = offset_of(visit, task)
    read = getattr(visit.inspector, f"{state.value}_async")
    found: list[JobInfo] = await read(task, limit=PAGE_SIZE + 1, offset=offset)
    return readable(visit.app, found[:PAGE_SIZE]), offset, len(found) > PAGE_SIZE


def offset_of(visit: Visit, task: str | None) -> int:
    """Return where a page of jobs begins.

    Raises:
        ConfigError: It is too far down a list of all tasks: all that stands before it would be read, of each of them.
    """
    offset = visit.number("offset", 0)
    if task is None and offset > _FURTHEST_OF_ALL:
        raise ConfigError(f"offset: at most {_FURTHEST_OF_ALL} over all tasks; the list of one task goes on to its end")
    return offset


async def options_of(visit: Visit, task: str) -> TaskOptions | None:
    """Return the options of a task that is defined here or published; None when nobody tells."""
    known = visit.app.tasks.get(task)
    if known is not None:
        return known.options
    card = (await visit.app.adapter.house.tasks().run_async()).get(task)
    try:
        return None if card is None else read_card(card)
    except ConfigError:
        return None


def read_payload(text: str) -> object:
    """Return the payload that somebody wrote as JSON.

    Raises:
        ConfigError: It is none, or too deep to be stored.
    """
    try:
        value: object = orjson.loads(text)
        orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:  # of the second, if it is too deep
        raise ConfigError(f"The payload is no JSON: {error}") from None
    return value
