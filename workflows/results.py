"""How a workflow's end becomes a value or an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from taskora.errors import CancelledError, JobNotFoundError, TimeoutError, WorkflowFailedError
from taskora.payloads import load
from taskora.protocols import WorkflowEngine, WorkflowTask
from taskora.workflow_model import WorkflowOutcome, WorkflowRecord

from .flatten import Flat
from .shape import Recipe, fill, recipe_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a composition's result is read: its form, and the tasks that know its parts."""

    recipe: Recipe
    tasks: Mapping[int, WorkflowTask]

    @property
    def whole(self) -> bool:
        """Whether the workflow's result needs no putting together: it is one node's, or nothing but empty groups."""
        return len(self.recipe) == 1 or not self.tasks


def reading_of(flat: Flat) -> Reading:
    """Prepare to read the result of a composition."""
    recipe = recipe_of(flat.shape)
    return Reading(recipe, {part: flat.nodes[part].task for part in recipe if isinstance(part, int)})


class ResultCall:
    """Waits for a workflow's end and reads its result; a call in both forms.

    A result of several parts is read from the nodes, not from the joined text that is stored beside them: a worker in
    another language joins without telling a list of one from a value, or a list in a list from a longer list.
    """

    __slots__ = ("_engine", "_id", "_reading", "_timeout_s")

    def __init__(
        self, engine: WorkflowEngine, workflow_id: str, reading: Reading | None, timeout_s: float | None
    ) -> None:
        self._engine = engine
        self._id = workflow_id
        self._reading = reading
        self._timeout_s = timeout_s

    def run(self) -> object:
        """Wait, blocking."""
        outcome = self._engine.wait_workflow(self._id, self._timeout_s).run()
        raise_unless_completed(self._id, outcome)
        if self._reading is None or self._reading.whole:
            return self._from_whole(outcome)
        return self._from_nodes(self._reading, self._engine.read_workflow(self._id).run())

    async def run_async(self) -> object:
        """Wait on the running loop."""
        outcome = await self._engine.wait_workflow(self._id, self._timeout_s).run_async()
        raise_unless_completed(self._id, outcome)
        if self._reading is None or self._reading.whole:
            return self._from_whole(outcome)
        return self._from_nodes(self._reading, await self._engine.read_workflow(self._id).run_async())

    def _from_whole(self, outcome: WorkflowOutcome) -> object:
        raw = outcome.result or b""
        if self._reading is None:
            return load(raw, self._engine.serializer)
        tasks = self._reading.tasks
        return fill(self._reading.recipe, lambda index: tasks[index].decode_result(raw))

    def _from_nodes(self, reading: Reading, record: WorkflowRecord | None) -> object:
        nodes = found(self._id, record).nodes
        return fill(reading.recipe, lambda index: reading.tasks[index].decode_result(nodes[index].result or b""))


def raise_unless_completed(workflow_id: str, outcome: WorkflowOutcome) -> None:
    """Raise why a workflow has no result.

    Raises:
        WorkflowFailedError: A node failed.
        CancelledError: It was cancelled, or its time ran out.
        TimeoutError: It still runs.
    """
    match outcome.state:
        case "completed":
            return
        case "failed":
            where = (
                "" if outcome.node is None else f" at node {outcome.node}, task {outcome.task!r}, job {outcome.job_id}"
            )
            raise WorkflowFailedError(
                f"workflow {workflow_id} failed{where}: {outcome.error or 'no message was stored'}",
                workflow_id=workflow_id,
                node=outcome.node,
                job_id=outcome.job_id,
                task=outcome.task,
                error_type=outcome.error_type,
            )
        case "cancelled":
            why = f": {outcome.error}" if outcome.error else ""
            raise CancelledError(
                f"workflow {workflow_id} was cancelled{why}", job_id=workflow_id, reason=outcome.error or None
            )
        case "running":
            raise TimeoutError(f"workflow {workflow_id} still runs", job_id=workflow_id)


def found(workflow_id: str, value: T | None) -> T:
    """Return what was read.

    Raises:
        JobNotFoundError: Nothing was.
    """
    if value is None:
        raise JobNotFoundError(
            f"no workflow {workflow_id}: there never was one, or it ended and retention removed it", job_id=workflow_id
        )
    return value
