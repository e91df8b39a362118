"""Dispatching where somebody follows jobs from their producers to their handlers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from taskora.adapters.protocol import Adapter
from taskora.call import on_running_loop
from taskora.handle import Handles, JobSource, ResultHandle
from taskora.model import EnqueueSpec, NewJob
from taskora.outbox import Outbox, Parcel, Sending
from taskora.rules import CollectRule, Rule, Verdict

Out = TypeVar("Out")


class _Home(Protocol):
    @property
    def adapter(self) -> Adapter: ...

    @property
    def outbox(self) -> Outbox: ...


def dispatch_traced(
    home: _Home,
    begin: Callable[[str, Sequence[str]], Sending],
    task: JobSource[Out],
    spec: EnqueueSpec,
    jobs: Sequence[NewJob],
    rules: Sequence[Rule] = (),
    *,
    raises: bool = False,
) -> Handles[Out]:
    """Dispatch jobs of one task, with or without keys that decide, and have it followed.

    Args:
        home: The application.
        begin: Told the task and the jobs' ids.
        task: The task.
        spec: What the jobs share.
        jobs: They.
        rules: What decides on each of them; empty where nothing does.
        raises: Whether a refusal is an error.

    Raises:
        ThrottledError: In plain code, if it ``raises``.
        DuplicateJobError: Likewise.
    """
    sending = begin(task.name, [job.job_id for job in jobs])
    # A batch of what is collected has many origins, and takes none of them.
    if not (rules and isinstance(rules[0], CollectRule)):
        jobs = [job._replace(trace_context=sending.trace_context) for job in jobs]
    told = rules or (None,) * len(jobs)
    if on_running_loop():
        parcel = Parcel(task.name, spec, jobs, rules=rules, raises=raises)
        parcel.when_done(sending.end)
        home.outbox.put(parcel)
        return Handles(
            ResultHandle(task, job.job_id, stored=None, parcel=parcel, at=at, rule=told[at], raises=raises)
            for at, job in enumerate(jobs)
        )
    stored, verdicts = _store(home, sending, task.name, spec, jobs, rules)
    handles = Handles(
        ResultHandle(task, job.job_id, stored=flag, rule=rule, raises=raises, verdict=verdict)
        for job, flag, rule, verdict in zip(jobs, stored, told, verdicts, strict=True)
    )
    for handle in handles:
        handle.raise_if_refused()
    return handles


def _store(
    home: _Home, sending: Sending, task: str, spec: EnqueueSpec, jobs: Sequence[NewJob], rules: Sequence[Rule]
) -> tuple[list[bool], Sequence[Verdict | None]]:
    try:
        if rules:
            ruled = home.adapter.rules.enqueue(task, spec, list(zip(jobs, rules, strict=True))).run()
            stored, verdicts = [verdict.stored for verdict in ruled], list[Verdict | None](ruled)
        else:
            stored = home.adapter.jobs.enqueue(task, spec, jobs).run()
            verdicts = [None] * len(jobs)
    except BaseException as error:
        sending.end(error)
        raise
    sending.end(None)
    return stored, verdicts
