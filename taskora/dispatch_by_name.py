"""Having a job of a task done that is known by its name: defined here, or published by a worker."""

from __future__ import annotations

import orjson

from taskora.app import Taskora
from taskora.duration import to_ms
from taskora.housekeeping import read_card
from taskora.indexing import entries_of
from taskora.model import EnqueueSpec, NewJob
from taskora.serializer import JSON


async def dispatch_by_name(app: Taskora, task: str, job: NewJob) -> tuple[str, bool] | None:
    """Store a job whose payload is JSON; of a task that is defined here, the payload is checked against its type.

    Returns:
        The job's id and whether it was stored: not if the id was taken, or a rule of the task kept it out. None when
        nobody knows the task.

    Raises:
        ValidationError: The payload does not fit the task.
        TaskoraError: As ``Task.dispatch`` does.
    """
    known = app.tasks.get(task)
    if known is not None:
        handle = known.dispatch(
            orjson.loads(job.data),
            delay=job.delay_ms / 1000,
            priority=job.priority,
            ttl=job.ttl_ms / 1000 if job.ttl_ms else None,
            job_id=job.job_id if job.given else None,
        )
        await handle
        return handle.id, handle.enqueued is True
    card = (await app.adapter.house.tasks().run_async()).get(task)
    if card is None:
        return None
    options = read_card(card)
    if not job.ttl_ms and options.ttl is not None:
        job = job._replace(ttl_ms=to_ms(options.ttl.max))
    job = job._replace(indexed=entries_of(options.index, job.data, JSON))
    spec = EnqueueSpec(options.version, options.retry.attempts)
    (stored,) = await app.adapter.jobs.enqueue(task, spec, (job,)).run_async()
    return job.job_id, stored
