"""Workflows in memory."""

from __future__ import annotations

from itertools import islice

from taskora.adapters.memory.ending import stop_workflow
from taskora.adapters.memory.flows import continue_workflow, create_workflow, settle_debts
from taskora.adapters.memory.store import Flow, Store
from taskora.call import Call
from taskora.clock import from_ms
from taskora.workflow_model import (
    Plan,
    WorkflowNodeRecord,
    WorkflowOutcome,
    WorkflowRecord,
    WorkflowState,
    WorkflowSummary,
)


class MemoryWorkflows:
    """See ``WorkflowStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create_workflow(self, plan: Plan) -> Call[None]:
        """See ``WorkflowStore``."""

        def act(now_ms: int) -> None:
            if create_workflow(self._store, plan, now_ms):
                settle_debts(self._store, {plan.workflow_id: None}, now_ms)

        return self._store.call(act)

    def workflow_outcome(self, workflow_id: str) -> Call[WorkflowOutcome | None]:
        """See ``WorkflowStore``."""
        return self._store.call(lambda _: workflow_outcome_of(self._store.flows.by_id.get(workflow_id)))

    def workflow(self, workflow_id: str) -> Call[WorkflowRecord | None]:
        """See ``WorkflowStore``."""

        def act(_: int) -> WorkflowRecord | None:
            flow = self._store.flows.by_id.get(workflow_id)
            return None if flow is None else _record(flow)

        return self._store.call(act)

    def cancel_workflow(self, workflow_id: str, reason: str) -> Call[bool]:
        """See ``WorkflowStore``."""

        def act(now_ms: int) -> bool:
            stopped = stop_workflow(self._store, workflow_id, None, "cancelled", reason, now_ms)
            settle_debts(self._store, {workflow_id: None}, now_ms)
            return stopped

        return self._store.call(act)

    def continue_workflow(self, workflow_id: str) -> Call[bool]:
        """See ``WorkflowStore``."""
        return self._store.call(lambda now_ms: continue_workflow(self._store, workflow_id, now_ms))

    def list_workflows(self, state: WorkflowState | None, offset: int, limit: int) -> Call[list[WorkflowSummary]]:
        """See ``WorkflowStore``."""

        def act(_: int) -> list[WorkflowSummary]:
            flows = self._store.flows
            newest_first = (flows.by_id[workflow_id] for workflow_id in reversed(flows.created))
            found = (flow for flow in newest_first if state in (None, flow.state))
            return [_summary(flow) for flow in islice(found, offset, offset + max(0, limit))]

        return self._store.call(act)


def workflow_outcome_of(flow: Flow | None) -> WorkflowOutcome | None:
    """Read how a workflow stands; None when there is none."""
    if flow is None:
        return None
    failure = flow.failure
    if failure is None:
        return WorkflowOutcome(flow.state, flow.result, flow.error)
    return WorkflowOutcome(
        flow.state, flow.result, flow.error, failure.node, failure.job_id, failure.task, failure.error_type or None
    )


def _record(flow: Flow) -> WorkflowRecord:
    plan = flow.plan
    nodes = tuple(
        WorkflowNodeRecord(
            index, spec.task, spec.job_id, spec.deps, node.state, spec.data, node.result, node.error or None
        )
        for index, (spec, node) in enumerate(zip(plan.nodes, flow.nodes, strict=True))
    )
    created = from_ms(flow.created_ms)
    return WorkflowRecord(
        plan.workflow_id, plan.name, flow.state, created, nodes, plan.terminal, flow.result, flow.error
    )


def _summary(flow: Flow) -> WorkflowSummary:
    plan = flow.plan
    return WorkflowSummary(plan.workflow_id, plan.name, flow.state, from_ms(flow.created_ms), len(plan.nodes))
