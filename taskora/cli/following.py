"""Following a job or a workflow to its end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

import orjson

from taskora.app import Taskora
from taskora.call import Call
from taskora.handle import not_found
from taskora.keys import check_job_id, check_task_name
from taskora.model import Outcome, State
from taskora.readable import reader_of
from taskora.waiting import WaitCall
from taskora.workflow_model import WorkflowOutcome

from .exits import ExitCode
from .missing import no_job_or_workflow
from .progress import ProgressBar
from .screen import Screen, written

T = TypeVar("T")
_PAUSE_S = 0.2
_PAUSE_PER_READ = 5  # reading a large workflow again and again would keep the server busy


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job or a workflow ended. ``result`` is a value as the application's serializer reads it."""

    kind: str
    id: str
    task: str | None
    state: str
    result: object
    error: str | None


async def follow_job(app: Taskora, task: str, job_id: str, timeout_s: float | None) -> Ending:
    """Follow a job, showing its progress.

    Raises:
        JobNotFoundError: There is no such job.
        TimeoutError: It did not end in time.
    """
    what = f"job {job_id} of task {task!r}"
    wait: Call[Outcome] = WaitCall(
        app.waiting, lambda waiter: waiter.job(task, job_id), timeout_s, what, lambda: not_found(task, job_id)
    )

    async def look(bar: ProgressBar) -> None:
        outcome = await app.adapter.jobs.outcome(task, job_id).run_async()
        progress = await app.adapter.jobs.progress(task, job_id).run_async()
        if outcome is not None:
            fraction, text = read_progress(progress)
            bar.update(fraction, f"{outcome.state.value} {text}".rstrip())

    outcome = await _follow(wait, look, task)
    error = outcome.reason if outcome.state is State.CANCELLED else outcome.error
    result = reader_of(app)(outcome.result) if outcome.result else None
    return Ending("job", job_id, task, outcome.state.value, result, error)


async def follow_workflow(app: Taskora, workflow_id: str, timeout_s: float | None) -> Ending:
    """Follow a workflow, showing how many of its nodes have completed.

    Raises:
        JobNotFoundError: There is no such workflow.
        TimeoutError: It did not end in time.
    """

    async def look(bar: ProgressBar) -> None:
        record = await app.adapter.workflows.workflow(workflow_id).run_async()
        if record is not None and record.nodes:
            states = Counter(node.state for node in record.nodes)
            done, total = states["completed"], len(record.nodes)
            bar.update(done / total, f"{done} of {total} nodes")

    wait: Call[WorkflowOutcome] = app.workflow_engine.wait_workflow(workflow_id, timeout_s)
    outcome = await _follow(wait, look, "workflow")
    where = f"node {outcome.node}, task {outcome.task!r}, job {outcome.job_id}: " if outcome.node is not None else ""
    error = None if outcome.state == "completed" else f"{where}{outcome.error or ''}" or None
    result = reader_of(app)(outcome.result) if outcome.result else None
    return Ending("workflow", workflow_id, None, outcome.state, result, error)


async def follow(app: Taskora, any_id: str, task: str | None, timeout_s: float | None) -> Ending:
    """Follow what an id names: a job of the task, or, without one, a workflow or a job of any task.

    Raises:
        ConfigError: No job can have this id, or no task this name.
        NotFound: There is neither.
        TimeoutError: It did not end in time.
    """
    check_job_id(any_id)
    if task is not None:
        check_task_name(task, "task")
        return await follow_job(app, task, any_id, timeout_s)
    if await app.adapter.workflows.workflow_outcome(any_id).run_async() is not None:
        return await follow_workflow(app, any_id, timeout_s)
    job = await app.inspect().find_async(any_id)
    if job is None:
        raise no_job_or_workflow(any_id)
    return await follow_job(app, job.task, any_id, timeout_s)


def show_ending(ending: Ending, screen: Screen) -> ExitCode:
    """Write a result, or why there is none, and return the exit code that says so."""
    if screen.as_json:
        screen.data(ending)
    elif ending.state == "completed":
        screen.line(written(ending.result, indented=True))
    else:
        why = f": {' '.join(ending.error.split())}" if ending.error else ""
        screen.note(f"taskora: {ending.kind} {ending.id} {_verb(ending.state)}{why}")
    return ExitCode.DONE if ending.state == "completed" else ExitCode.FAILED


def read_progress(value: object) -> tuple[float | None, str]:
    """Read what a handler reported: a percentage, an object with ``percent``, or ``done`` and ``total``, or a text."""
    if isinstance(value, bool) or value is None:
        return None, ""
    if isinstance(value, int | float):
        return value / 100, ""
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        done, total, percent = (members.get(name) for name in ("done", "total", "percent"))
        text = str(members.get("message", ""))
        if isinstance(done, int | float) and isinstance(total, int | float) and total > 0:
            return done / total, text or f"{done} of {total}"
        if isinstance(percent, int | float):
            return percent / 100, text
    return None, value if isinstance(value, str) else orjson.dumps(value).decode()


async def _follow(wait: Call[T], look: Callable[[ProgressBar], Awaitable[None]], label: str) -> T:
    ending = asyncio.ensure_future(wait.run_async())
    pause_s = 0.0
    try:
        with ProgressBar(label) as bar:
            # What ended already is not worth a bar.
            while not (await asyncio.wait({ending}, timeout=pause_s or _PAUSE_S))[0]:
                began_s = time.monotonic()
                await look(bar)
                pause_s = max(_PAUSE_S, _PAUSE_PER_READ * (time.monotonic() - began_s))
            if ending.exception() is None:
                await look(bar)
            return ending.result()
    finally:
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)


def _verb(state: str) -> str:
    return state if state in {"failed", "expired"} else f"was {state}"
