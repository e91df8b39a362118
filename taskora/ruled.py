"""Dispatching where keys decide, and finding the job that stands in the place of one that is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from taskora.adapters.protocol import Adapter, Waiter
from taskora.call import Call, CallSteps, Composed, ask, on_running_loop
from taskora.handle import Handles, JobSource, ResultHandle, not_found
from taskora.model import EnqueueSpec, NewJob, Outcome
from taskora.outbox import Outbox, Parcel
from taskora.rules import Rule
from taskora.tracing import dispatch_traced

Out = TypeVar("Out")
T = TypeVar("T")


class _Home(Protocol):
    @property
    def adapter(self) -> Adapter: ...

    @property
    def outbox(self) -> Outbox: ...


def dispatch_ruled(
    home: _Home,
    task: JobSource[Out],
    spec: EnqueueSpec,
    jobs: Sequence[NewJob],
    rules: Sequence[Rule],
    *,
    raises: bool = False,
) -> Handles[Out]:
    """Have keys decide about jobs of one task, in order; at once in plain code, with the tick's others on a loop.

    Raises:
        ThrottledError: In plain code, if it ``raises``.
        DuplicateJobError: Likewise.
    """
    if home.outbox.tracing is not None:
        return dispatch_traced(home, home.outbox.tracing.send, task, spec, jobs, rules, raises=raises)
    if on_running_loop():
        parcel = home.outbox.put(Parcel(task.name, spec, jobs, rules=rules, raises=raises))
        return Handles(
            ResultHandle(task, job.job_id, stored=None, parcel=parcel, at=at, rule=rules[at], raises=raises)
            for at, job in enumerate(jobs)
        )
    verdicts = home.adapter.rules.enqueue(task.name, spec, list(zip(jobs, rules, strict=True))).run()
    handles = Handles(
        ResultHandle(task, job.job_id, stored=verdict.stored, rule=rule, raises=raises, verdict=verdict)
        for job, rule, verdict in zip(jobs, rules, verdicts, strict=True)
    )
    for handle in handles:
        handle.raise_if_refused()
    return handles


def followed(adapter: Adapter, task: str, job_id: str, read: Callable[[str], Call[T | None]]) -> Call[T]:
    """Read something of a job, or of the one that stands in its place.

    Raises:
        JobNotFoundError: From the call: there is neither.
    """

    def steps() -> CallSteps[T]:
        at: str | None = job_id
        while at is not None:
            found = yield from ask(read(at))
            if found is not None:
                return found
            at = yield from ask(adapter.rules.follow(task, at))
        raise not_found(task, job_id)

    return Composed(steps)


async def wait_followed(adapter: Adapter, waiter: Waiter, task: str, job_id: str) -> Outcome | None:
    """Wait until a job ends, or the one that stands in its place; None when there is neither."""
    at: str | None = job_id
    while at is not None:
        outcome = await waiter.job(task, at)
        if outcome is not None:
            return outcome
        at = await adapter.rules.follow(task, at).run_async()
    return None
