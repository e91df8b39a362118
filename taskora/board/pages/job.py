"""A job: all that is known of it, and what can be done with it."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import Response

from taskora.board.reading import need_job, options_of
from taskora.board.screens import MOST_SHOWN, to_json
from taskora.board.view import Action, Field, Outcome, Question, View
from taskora.board.visit import Visit
from taskora.keys import reason_text
from taskora.model import ATTEMPTS_KEPT, CancelOutcome, JobInfo, State

from .task import dispatch

_RETRYABLE: Final = (State.FAILED, State.CANCELLED)
_CANCELLED: Final[dict[CancelOutcome, str]] = {
    "cancelled": "is cancelled",
    "flagged": "runs; its worker was told to stop it",
    "not_cancellable": "has ended already",
}
_LOGS_SHOWN: Final = 500
_WHY: Final = {
    "error": "failed",
    "timeout": "timed out",
    "crash": "killed its process",
    "lost": "its process ended",
    "stall": "its worker vanished",
    "cancel": "cancelled while it ran",
}
_THEN: Final = {"retry": "retried", "queued": "queued again", "failed": "dead letter", "cancelled": "cancelled"}


async def show(visit: Visit) -> Response:
    """Show a job."""
    job = await need_job(visit)
    desk = visit.desk
    options = await options_of(visit, job.task)
    # A large one takes a while, and other pages must not wait for it.
    safe = await asyncio.to_thread(desk.shown.job, job)
    data, result = await asyncio.to_thread(lambda: (_cut(safe.data), _cut(safe.result)))
    percent = job.progress if isinstance(job.progress, int | float) and not isinstance(job.progress, bool) else None
    return visit.page(
        "job.html",
        f"Job {job.id}",
        watch="" if job.state.terminal else "time",
        job=safe,
        data=data,
        result=result,
        percent=None if percent is None else min(100.0, max(0.0, percent)),
        logs=safe.logs[-_LOGS_SHOWN:],
        logs_left=max(0, len(safe.logs) - _LOGS_SHOWN),
        why=_WHY,
        then=_THEN,
        attempts_kept=ATTEMPTS_KEPT,
        max_attempts=None if options is None else options.retry.attempts,
        may_retry=job.state in _RETRYABLE,
        may_cancel=not job.state.terminal,
    )


def _cut(value: object) -> tuple[str, int]:
    """Return a value as text that a page can hold, and how long it is in all."""
    text = "" if value is None else to_json(value)
    return text[:MOST_SHOWN], len(text)


async def raw(visit: Visit) -> Response:
    """Answer with the whole payload or result, as a file."""
    job = await need_job(visit)
    of_result = visit.value("part") == "result"
    given, shown = (job.result, visit.desk.shown.result) if of_result else (job.data, visit.desk.shown.data)
    text = await asyncio.to_thread(lambda: to_json(shown(given, job.task)))
    name = f"{'result' if of_result else 'payload'}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, headers=headers, media_type="application/json")


# Actions


async def ask_retry(visit: Visit) -> Question:
    """Say what a retry does."""
    job = await need_job(visit)
    return Question(f"Retry job {job.id}", f"The {job.state} job of {job.task} is queued anew.", "Retry")


async def retry(visit: Visit) -> Outcome:
    """Queue a job anew."""
    job = await need_job(visit)
    if await visit.app.dead_letters.retry_async(job.task, job.id):
        visit.desk.forget_failures()
        return Outcome(f"Job {job.id} is queued again", target=_target(job))
    return Outcome(f"Job {job.id} is {job.state}: only failed and cancelled jobs can be retried", 0, status=409)


async def ask_cancel(visit: Visit) -> Question:
    """Say what a cancel does."""
    job = await need_job(visit)
    runs = "Its worker is told to stop it." if job.state is State.ACTIVE else "It will not run."
    flow = " It is a node of a workflow, which ends with it." if job.workflow_id else ""
    return Question(
        f"Cancel job {job.id}", f"{runs}{flow}", "Cancel job", danger=True, fields=(Field("reason", "Reason"),)
    )


async def cancel(visit: Visit) -> Outcome:
    """Cancel a job."""
    job = await need_job(visit)
    reason = reason_text(visit.value("reason"))
    outcome = await visit.app.adapter.jobs.cancel(job.task, job.id, reason).run_async()
    done = outcome != "not_cancellable"
    # Programs are told by the result: that a job has ended is no failure to them.
    status = 200 if done or visit.path.startswith("api/") else 409
    message = f"Job {job.id} {_CANCELLED[outcome]}"
    return Outcome(message, int(done), {"result": outcome}, status=status, target=_target(job))


async def ask_again(visit: Visit) -> Question:
    """Show the payload for editing; what is hidden would be stored as it is shown, so it must be typed anew."""
    job = await need_job(visit)
    shown = await asyncio.to_thread(visit.desk.shown.data, job.data, job.task)
    differs = shown != job.data
    hint = "Hidden values are stored as they stand here: type them anew." if differs else "JSON"
    known = (
        "The payload is checked against the task's type." if job.task in visit.app.tasks else "The worker checks it."
    )
    return Question(
        f"Dispatch {job.task} again",
        f"A new job is stored; this one stays as it is. {known}",
        "Dispatch",
        fields=(
            Field("data", "Payload", "json", to_json(shown), hint=hint),
            Field("delay", "Delay", value="0s", hint="Such as 30s, 5m or 2h."),
            Field("priority", "Priority", "number", str(job.priority), hint="0 to 900; a higher one runs first."),
        ),
    )


def _target(job: JobInfo) -> dict[str, object]:
    return {"task": job.task, "job": job.id}


VIEWS: Final = (View("job", show), View("job/raw", raw))
ACTIONS: Final = (
    Action("job/retry", "job.retry", ask_retry, retry),
    Action("job/cancel", "job.cancel", ask_cancel, cancel),
    Action("job/again", "job.dispatch_again", ask_again, dispatch),
)
