"""How jobs and workflows end badly: one tells the other, so both are here.

Where something is owed, it is added to ``owed``: the workflows for which ``continue_workflow`` must run.
"""

from __future__ import annotations

from taskora.adapters.memory.bells import job_topic, workflow_topic
from taskora.adapters.memory.buffers import take_buffer
from taskora.adapters.memory.limits import give_up_turn
from taskora.adapters.memory.searching import unindex_job
from taskora.adapters.memory.store import DAY_MS, MINUTE_MS, Event, Failure, Flow, Job, Owed, Queue, Store
from taskora.model import CancelOutcome, State
from taskora.workflow_model import WorkflowState


def emit(queue: Queue, now_ms: int, name: str, job_id: str, **fields: object) -> None:
    """Append an event of a job to its task's list."""
    queue.event_count += 1
    told = tuple((key, str(value)) for key, value in fields.items())
    queue.events.append(Event(queue.event_count, now_ms, name, job_id, told))
    for bell in queue.ears:
        bell.ring()


def end(store: Store, queue: Queue, now_ms: int, job: Job, state: State, **fields: object) -> None:
    """Give a job a terminal state, with everything that all of these share. The caller took it out of its queue."""
    job.state, job.finished_ms = state, now_ms
    queue.ended[state].put(job.id, now_ms)
    if job.dedup_key and queue.dedup.get(job.dedup_key) == job.id:
        del queue.dedup[job.dedup_key]
    _count(queue, state, now_ms)
    emit(queue, now_ms, state.value, job.id, **fields)
    store.bells.ring(job_topic(queue.task, job.id))


def _count(queue: Queue, state: State, now_ms: int) -> None:
    minute = now_ms - now_ms % MINUTE_MS
    if (state, minute) not in queue.counts:
        for old in [key for key in queue.counts if key[1] < now_ms - DAY_MS]:
            del queue.counts[old]
    queue.counts[state, minute] += 1


def conclude(
    store: Store, queue: Queue, now_ms: int, job: Job, state: State, message: str, error_type: str, owed: Owed
) -> None:
    """End a job that did not complete, and its workflow with it."""
    if state is State.FAILED:
        job.error, job.error_type = message, error_type or job.error_type
        end(store, queue, now_ms, job, state, attempt=job.attempt, error=message)
    elif state is State.CANCELLED:
        job.cancel_reason = message or job.cancel_reason
        end(store, queue, now_ms, job, state, reason=message)
    else:
        end(store, queue, now_ms, job, state)
    if job.workflow_id is not None and job.node is not None:
        stopped: WorkflowState = "cancelled" if state is State.CANCELLED else "failed"
        failure = Failure(job.node, queue.task, job.id, error_type)
        if stop_workflow(store, job.workflow_id, failure, stopped, message, now_ms):
            owed[job.workflow_id] = None


def expire(store: Store, queue: Queue, now_ms: int, job: Job, discard: bool, owed: Owed) -> None:
    """End a job whose time to live is over; discarding deletes it."""
    message = "the job expired before a worker took it"
    conclude(store, queue, now_ms, job, State.EXPIRED, message, "ExpiredError", owed)
    if discard:
        queue.ended[State.EXPIRED].remove(job.id)
        forget_job(queue, job.id, now_ms)


def forget_job(queue: Queue, job_id: str, now_ms: int) -> None:
    """Delete an ended job. An id that its caller gave stays taken for a day."""
    job = queue.jobs.pop(job_id)
    unindex_job(queue, job)
    if not job.given:
        return
    # In the order in which they run out: all stay for the same time.
    while queue.gone and (oldest := next(iter(queue.gone))) and queue.gone[oldest] <= now_ms:
        del queue.gone[oldest]
    queue.gone.pop(job_id, None)
    queue.gone[job_id] = now_ms + DAY_MS


def cancel_job(store: Store, queue: Queue, job_id: str, reason: str, now_ms: int, owed: Owed) -> CancelOutcome:
    """Cancel a queued job, or flag a running one for its worker."""
    job = queue.jobs.get(job_id)
    if job is None or job.state.terminal:
        return "not_cancellable"
    if job.state is State.ACTIVE:
        job.cancel_flag = True
        job.cancel_reason = reason or job.cancel_reason
        for tell in store.cancels.get(queue.task, ()):
            tell(queue.task, job_id)
        return "flagged"
    queue.waiting.pop(job_id, None)
    queue.prioritized.remove(job_id)
    queue.delayed.remove(job_id)
    take_buffer(queue, job)
    conclude(store, queue, now_ms, job, State.CANCELLED, reason, "", owed)
    give_up_turn(store, queue, job)
    return "cancelled"


def stop_workflow(
    store: Store, workflow_id: str, failure: Failure | None, state: WorkflowState, message: str, now_ms: int
) -> bool:
    """End a running workflow with all nodes that have not ended; their jobs are owed a cancel.

    Returns:
        Whether it was running.
    """
    flow = store.flows.by_id.get(workflow_id)
    if flow is None or flow.state != "running":
        return False
    if failure is not None:
        flow.failure = failure
        flow.nodes[failure.node].state = state
        flow.nodes[failure.node].error = message
    for node in flow.nodes:
        if node.state in ("pending", "active"):
            node.state = state
    flow.cascade = 0
    flow.error = message or None
    end_workflow(store, workflow_id, flow, state, now_ms)
    store.flows.owed.put(workflow_id, now_ms)
    return True


def end_workflow(store: Store, workflow_id: str, flow: Flow, state: WorkflowState, now_ms: int) -> None:
    """Give a workflow a terminal state."""
    flow.state = state
    store.flows.deadlines.remove(workflow_id)
    (store.flows.completed if state == "completed" else store.flows.failed).put(workflow_id, now_ms)
    store.bells.ring(workflow_topic(workflow_id))
