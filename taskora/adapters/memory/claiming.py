"""A worker's round trip: outcomes are written, and jobs claimed into free slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from taskora.adapters.memory.buffers import take_buffer
from taskora.adapters.memory.ending import conclude, emit, end, expire
from taskora.adapters.memory.flows import advance_workflow
from taskora.adapters.memory.limits import bring_freed, give_up_turn, take_key
from taskora.adapters.memory.past import remember
from taskora.adapters.memory.queueing import give_back, promote, release
from taskora.adapters.memory.store import Fence, Job, Lock, Owed, Queue, Refusal, Store
from taskora.model import Claimed, ClaimReply, Settled, State, Want


@dataclass(slots=True)
class Claim:
    """Who claims, and with which locks."""

    worker: str
    token: str
    ttl_ms: int


@dataclass(slots=True)
class Step:
    """What one round trip brings together."""

    now_ms: int
    jobs: list[Claimed] = field(default_factory=list[Claimed])
    next_due_ms: int | None = None
    fence: Refusal = ""
    lost: list[str] = field(default_factory=list[str])
    owed: Owed = field(default_factory=dict[str, None])

    def reply(self) -> ClaimReply:
        """Return it in the form that the worker reads."""
        return ClaimReply(self.jobs, self.next_due_ms, self.fence, tuple(self.lost), tuple(self.owed))


def settle_all(store: Store, step: Step, settled: Sequence[Settled]) -> None:
    """Write outcomes. What is given back goes to the front: the first of it must go there last."""
    returned = [outcome for outcome in settled if outcome.verb == "return"]
    for outcome in (*(each for each in settled if each.verb != "return"), *reversed(returned)):
        if not _settle(store, step, outcome):
            step.lost.append(outcome.job.job_id)
    for task in {outcome.job.task for outcome in settled}:
        bring_freed(store, store.queue(task))


def claim_all(store: Store, step: Step, wants: Sequence[Want], claim: Claim) -> None:
    """Claim for each task as many jobs as are wanted."""
    for want in wants:
        queue = store.queue(want.task)
        refusal = fence_of(queue, claim.worker, step.now_ms)
        if refusal:
            step.fence = refusal
            continue
        due_ms = promote(store, queue, step.now_ms, want.on_expire == "discard", step.owed)
        if due_ms is not None and (step.next_due_ms is None or due_ms < step.next_due_ms):
            step.next_due_ms = due_ms
        _claim(store, queue, step, want, claim)


def fence_of(queue: Queue, worker: str, now_ms: int) -> Refusal:
    """Tell why a worker must not claim: ``halt``, ``dead``, or nothing."""
    fence = queue.fences.get(worker)
    if fence is None or fence.until_ms <= now_ms:
        return ""
    return fence.halt or ("halt" if fence.draining else "")


def set_fence(queue: Queue, worker: str, now_ms: int, ttl_ms: int) -> Fence:
    """Return a worker's fence, which holds for ``ttl_ms`` from now on; those that have run out are forgotten."""
    for name in [name for name, fence in queue.fences.items() if fence.until_ms <= now_ms]:
        del queue.fences[name]
    fence = queue.fences.setdefault(worker, Fence())
    fence.until_ms = now_ms + ttl_ms
    return fence


def owns(job: Job, token: str, processed_ms: int, now_ms: int) -> bool:
    """Tell whether a job is its worker's.

    It is while the lock holds the claim's token, or, after an outage in which the lock ran out, while nobody else has
    taken it: then it is still active since the same moment.
    """
    held_by = job.token(now_ms)
    if held_by is not None:
        return held_by == token
    return job.state is State.ACTIVE and job.processed_ms == processed_ms


def _claim(store: Store, queue: Queue, step: Step, want: Want, claim: Claim) -> None:
    wanted = want.slots
    if want.singleton:
        wanted = 0 if queue.active else min(wanted, 1)
    if queue.paused_ms is not None:
        wanted = 0
    while wanted > 0 and (popped := _pop(queue, wanted)):
        for job in popped:
            wanted -= _start(store, queue, step, job, want.on_expire == "discard", claim)


def _pop(queue: Queue, count: int) -> list[Job]:
    """Take out the next jobs. What brings others to the front while these are looked at brings them behind these."""
    ids = queue.prioritized.remove_first(count)
    while len(ids) < count and queue.waiting:
        ids.append(queue.waiting.popitem(last=False)[0])
    return [queue.jobs[job_id] for job_id in ids]


def _start(store: Store, queue: Queue, step: Step, job: Job, discard: bool, claim: Claim) -> bool:
    """Give a popped job to its worker; False for one that is not to be run now, which has been dealt with."""
    if not _may_run(store, queue, step, job, discard):
        give_up_turn(store, queue, job)
        return False
    if not take_key(store, queue, job):
        return False
    take_buffer(queue, job)
    job.state, job.processed_ms = State.ACTIVE, step.now_ms
    job.lock = Lock(claim.token, step.now_ms + claim.ttl_ms)
    queue.active[job.id] = None
    emit(queue, step.now_ms, "active", job.id, attempt=job.attempt)
    step.jobs.append(
        Claimed(queue.task, job.id, job.data, job.attempt, job.version, job.ts_ms, claim.token, step.now_ms, job.cause)
    )
    return True


def _may_run(store: Store, queue: Queue, step: Step, job: Job, discard: bool) -> bool:
    """Tell whether a popped job is to be run; one that is not has been dealt with."""
    if 0 < job.expires_ms <= step.now_ms:
        expire(store, queue, step.now_ms, job, discard, step.owed)
        return False
    flow = store.flows.by_id.get(job.workflow_id) if job.workflow_id is not None else None
    if flow is not None and flow.state != "running":
        conclude(store, queue, step.now_ms, job, State.CANCELLED, f"workflow {flow.state}", "", step.owed)
        return False
    return True


def _settle(store: Store, step: Step, outcome: Settled) -> bool:
    """Write the outcome of one run; False when the job is no longer its worker's.

    A flagged job ends as cancelled whatever its outcome.
    """
    claimed, now_ms = outcome.job, step.now_ms
    queue = store.queue(claimed.task)
    job = queue.jobs.get(claimed.job_id)
    if job is None or not owns(job, claimed.token, claimed.processed_ms, now_ms):
        return False
    release(store, queue, job)
    if outcome.verb == "cancel" or job.cancel_flag:
        remember(job, now_ms, claimed.token, "cancel", "cancelled", error=job.cancel_reason)
        conclude(store, queue, now_ms, job, State.CANCELLED, job.cancel_reason or "", "", step.owed)
    elif outcome.verb == "complete":
        _complete(store, queue, step, job, outcome.payload)
    elif outcome.verb == "return":
        give_back(store, queue, now_ms, job, "waiting")
    elif outcome.verb == "fail":
        message = outcome.payload.decode(errors="replace")
        _remember_error(job, now_ms, outcome, message, None)
        job.trace, job.cause = outcome.trace, ""
        conclude(store, queue, now_ms, job, State.FAILED, message, outcome.error_type, step.owed)
    else:
        _put_off(store, queue, now_ms, job, outcome)
    return True


def _complete(store: Store, queue: Queue, step: Step, job: Job, result: bytes) -> None:
    job.result = result
    duration_ms = step.now_ms - (job.processed_ms or step.now_ms)
    end(store, queue, step.now_ms, job, State.COMPLETED, attempt=job.attempt, duration=duration_ms)
    if job.workflow_id is None or job.node is None:
        return
    if advance_workflow(store, job.workflow_id, job.node, result, step.now_ms):
        step.owed[job.workflow_id] = None


def _put_off(store: Store, queue: Queue, now_ms: int, job: Job, outcome: Settled) -> None:
    """Have a job claimed again later: for its next attempt, or by another worker."""
    due_ms = now_ms + outcome.delay_ms
    queue.delayed.put(job.id, due_ms)
    if outcome.verb == "retry":
        message = outcome.payload.decode(errors="replace")
        _remember_error(job, now_ms, outcome, message, due_ms)
        job.attempt += 1
        job.cause = ""  # the reason for this outcome is none for the next
        job.error, job.error_type = message, outcome.error_type
        job.state, job.trace = State.RETRYING, outcome.trace
        told = {"attempt": job.attempt, "nextAttemptAt": due_ms, "error": job.error}
        emit(queue, now_ms, "retrying", job.id, **told)
    else:
        job.state = State.DELAYED
        emit(queue, now_ms, "delayed", job.id)
    store.wake(queue.task)


def _remember_error(job: Job, now_ms: int, outcome: Settled, message: str, due_ms: int | None) -> None:
    remember(
        job,
        now_ms,
        outcome.job.token,
        "timeout" if outcome.error_type == "TimeoutError" else "error",
        "failed" if due_ms is None else "retry",
        due_ms=due_ms,
        error_type=outcome.error_type,
        error=message,
        overdue=bool(job.cause),
    )
