"""Workflows where an application keeps its jobs."""

from __future__ import annotations

from dataclasses import replace

from taskora.call import Call, on_running_loop
from taskora.errors import JobNotFoundError
from taskora.home import TaskHome
from taskora.outbox import Parcel
from taskora.protocols import Confirmation
from taskora.serializer import Serializer
from taskora.waiting import WaitCall
from taskora.workflow_model import Plan, WorkflowOutcome, WorkflowRecord


class StoredWorkflows:
    """See ``WorkflowEngine``.

    Args:
        home: The application. Asked at each call: a test runner puts other things in the place of what it has.
    """

    def __init__(self, home: TaskHome) -> None:
        self._home = home

    @property
    def serializer(self) -> Serializer:
        """See ``WorkflowEngine``."""
        return self._home.serializer

    def store_workflow(self, plan: Plan) -> Confirmation:
        """See ``WorkflowEngine``."""
        tracing = self._home.outbox.tracing
        sending = None if tracing is None else tracing.start(plan.workflow_id, plan.name, len(plan.nodes))
        if sending is not None:
            plan = replace(plan, trace_context=sending.trace_context)
        call = self._home.adapter.workflows.create_workflow(plan)
        parcel = Parcel(call=call)
        if sending is not None:
            parcel.when_done(sending.end)
        if on_running_loop():
            return self._home.outbox.put(parcel)
        try:
            call.run()
        except BaseException as error:
            if sending is not None:
                sending.end(error)
            raise
        parcel.deliver([True])
        return parcel

    def wait_workflow(self, workflow_id: str, timeout_s: float | None) -> Call[WorkflowOutcome]:
        """See ``WorkflowEngine``."""
        return WaitCall(
            self._home.waiting,
            lambda waiter: waiter.workflow(workflow_id),
            timeout_s,
            f"workflow {workflow_id}",
            lambda: JobNotFoundError(
                f"there is no workflow {workflow_id}: it never existed, or retention removed it", job_id=workflow_id
            ),
        )

    def read_workflow(self, workflow_id: str) -> Call[WorkflowRecord | None]:
        """See ``WorkflowEngine``."""
        return self._home.adapter.workflows.workflow(workflow_id)

    def workflow_outcome(self, workflow_id: str) -> Call[WorkflowOutcome | None]:
        """See ``WorkflowEngine``."""
        return self._home.adapter.workflows.workflow_outcome(workflow_id)

    def cancel_workflow(self, workflow_id: str, reason: str) -> Call[bool]:
        """See ``WorkflowEngine``."""
        return self._home.adapter.workflows.cancel_workflow(workflow_id, reason)
