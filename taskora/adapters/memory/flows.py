"""How workflows advance. A step that runs twice changes nothing the second time.

One step starts a limited number of successors; the rest is owed, and written by ``continue_workflow``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from taskora.adapters.memory.ending import cancel_job, end_workflow, stop_workflow
from taskora.adapters.memory.queueing import id_taken, store_job
from taskora.adapters.memory.store import Failure, Fan, Flow, FlowNode, Owed, Store
from taskora.model import EnqueueSpec, NewJob
from taskora.payloads import join
from taskora.workflow_model import Plan

_PER_FAN = 500
_PER_CASCADE = 100
_ROOTS = _END = -1


def create_workflow(store: Store, plan: Plan, now_ms: int) -> bool:
    """Store a workflow and start its roots; one that exists is left as it is. True when roots are owed."""
    flows, workflow_id = store.flows, plan.workflow_id
    stored = flows.by_id.get(workflow_id)
    if stored is not None:
        return bool(stored.fans)
    flow = Flow(plan, now_ms, [FlowNode() for _ in plan.nodes], _successors(plan))
    flows.by_id[workflow_id] = flow
    flows.created.put(workflow_id, now_ms)
    if not plan.nodes:
        flow.result = b"[]"
        end_workflow(store, workflow_id, flow, "completed", now_ms)
        return False
    if plan.deadline_ms > 0:
        flows.deadlines.put(workflow_id, now_ms + plan.deadline_ms)
    return _start_fan(store, flow, _ROOTS, now_ms)


def _successors(plan: Plan) -> dict[int, list[int]]:
    after: defaultdict[int, list[int]] = defaultdict(list)
    for index, node in enumerate(plan.nodes):
        for dep in node.deps or (_ROOTS,):
            after[dep].append(index)
    for dep in plan.terminal:
        after[dep].append(_END)
    return dict(after)


def advance_workflow(store: Store, workflow_id: str, index: int, result: bytes, now_ms: int) -> bool:
    """Record that a node is complete and start what waited for it; True when the rest is owed."""
    flow = store.flows.by_id.get(workflow_id)
    if flow is None or flow.state != "running":
        return False
    node = flow.nodes[index]
    if node.state != "completed":
        node.state, node.result = "completed", result
    return _start_fan(store, flow, index, now_ms)


def continue_workflow(store: Store, workflow_id: str, now_ms: int) -> bool:
    """Write one piece of what a workflow is owed; True while more is."""
    flow = store.flows.by_id.get(workflow_id)
    more = False
    if flow is not None and flow.state == "running" and flow.fans:
        fan = flow.fans.popleft()
        if _start_successors(store, flow, fan, now_ms):
            flow.fans.appendleft(Fan(fan.node, fan.first + _PER_FAN))
        more = bool(flow.fans)
    elif flow is not None and flow.cascade is not None:
        more = _cancel_some_jobs(store, flow, flow.cascade, now_ms)
    if not more:
        store.flows.owed.remove(workflow_id)
    return more


def settle_debts(store: Store, owed: Owed, now_ms: int) -> None:
    """Write all that workflows are owed."""
    for workflow_id in owed:
        while continue_workflow(store, workflow_id, now_ms):
            pass


def mend_node(store: Store, workflow_id: str, index: int, kind: str, now_ms: int, owed: Owed) -> bool:
    """Do for a node what was left undone, if it is still broken in the same way."""
    flow = store.flows.by_id.get(workflow_id)
    if flow is None or flow.state != "running" or breakage(store, flow, index) != kind:
        return False
    spec = flow.plan.nodes[index]
    job = store.queue(spec.task).jobs.get(spec.job_id)
    if job is None:
        _enqueue_node(store, flow, index, _payload(flow, index), now_ms)
    elif kind == "settled":
        if advance_workflow(store, workflow_id, index, job.result or b"null", now_ms):
            owed[workflow_id] = None
    else:
        cancelled = job.state == "cancelled"
        message = (job.cancel_reason if cancelled else job.error) or f"the job {job.state}"
        failure = Failure(index, spec.task, spec.job_id, job.error_type or "")
        stop_workflow(store, workflow_id, failure, "cancelled" if cancelled else "failed", message, now_ms)
        owed[workflow_id] = None
    return True


def breakage(store: Store, flow: Flow, index: int) -> str | None:
    """Tell how a node and its job disagree: ``settled``, ``ended``, ``lost``, or None."""
    spec, state = flow.plan.nodes[index], flow.nodes[index].state
    if state not in ("pending", "active"):
        return None
    job = store.queue(spec.task).jobs.get(spec.job_id)
    if job is None:
        return "lost" if state == "active" else None
    if not job.state.terminal:
        return None
    return "settled" if job.state == "completed" else "ended"


def _start_fan(store: Store, flow: Flow, index: int, now_ms: int) -> bool:
    """Start the successors of a node; True when only the first of them are started and the rest is owed."""
    if not _start_successors(store, flow, Fan(index, 0), now_ms):
        return False
    flow.fans.append(Fan(index, _PER_FAN))
    store.flows.owed.put(flow.plan.workflow_id, now_ms)
    return True


def _start_successors(store: Store, flow: Flow, fan: Fan, now_ms: int) -> bool:
    """Start a piece of the successors of a node; returns whether there is another piece."""
    after = flow.successors.get(fan.node, [])
    for index in after[fan.first : fan.first + _PER_FAN]:
        if index == _END:
            _finish_if_complete(store, flow, now_ms)
        else:
            _start_if_ready(store, flow, index, now_ms)
    return fan.first + _PER_FAN < len(after)


def _start_if_ready(store: Store, flow: Flow, index: int, now_ms: int) -> None:
    node, deps = flow.nodes[index], flow.plan.nodes[index].deps
    if node.state != "pending":
        return
    if len(deps) > 1:
        node.passed = _move_on(flow, deps, node.passed)
        if node.passed < len(deps):
            return
    _enqueue_node(store, flow, index, _payload(flow, index), now_ms)


def _finish_if_complete(store: Store, flow: Flow, now_ms: int) -> None:
    terminal = flow.plan.terminal
    flow.end_passed = _move_on(flow, terminal, flow.end_passed)
    if flow.end_passed == len(terminal):
        flow.result = _joined(flow, terminal, as_list=flow.plan.as_list)
        end_workflow(store, flow.plan.workflow_id, flow, "completed", now_ms)


def _move_on(flow: Flow, deps: Sequence[int], passed: int) -> int:
    """Pass over complete predecessors. Each is passed once, however often one of them ends."""
    while passed < len(deps) and flow.nodes[deps[passed]].state == "completed":
        passed += 1
    return passed


def _payload(flow: Flow, index: int) -> bytes:
    spec = flow.plan.nodes[index]
    if spec.data is not None:
        return spec.data
    return _joined(flow, spec.deps, as_list=spec.as_list)


def _joined(flow: Flow, deps: Sequence[int], *, as_list: bool) -> bytes:
    """Join the results of nodes as one JSON array; a single one stays as it is, unless it is to be a list."""
    if not flow.plan.writes_json:
        parts = [flow.nodes[dep].result or b"" for dep in deps]
        return parts[0] if len(parts) == 1 and not as_list else join(parts)
    results = [flow.nodes[dep].result or b"null" for dep in deps]
    if len(results) == 1 and not as_list:
        return results[0]
    return b"[" + b",".join(results) + b"]"


def _enqueue_node(store: Store, flow: Flow, index: int, data: bytes, now_ms: int) -> None:
    flow.nodes[index].state = "active"
    spec = flow.plan.nodes[index]
    queue = store.queue(spec.task)
    if id_taken(queue, spec.job_id, now_ms):
        return
    new = NewJob(spec.job_id, data, ttl_ms=spec.ttl_ms, indexed=spec.indexed)
    job = store_job(store, queue, now_ms, EnqueueSpec(spec.version, spec.max_attempts), new)
    job.workflow_id, job.node = flow.plan.workflow_id, index


def _cancel_some_jobs(store: Store, flow: Flow, first: int, now_ms: int) -> bool:
    for spec in flow.plan.nodes[first : first + _PER_CASCADE]:
        # Their workflow has ended: nothing more is owed because of them.
        cancel_job(store, store.queue(spec.task), spec.job_id, f"workflow {flow.state}", now_ms, {})
    more = first + _PER_CASCADE < len(flow.nodes)
    flow.cascade = first + _PER_CASCADE if more else None
    return more
