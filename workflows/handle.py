"""What a producer holds of a workflow that it dispatched, or found again by its id."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Generic, Self, TypeVar, cast

from taskora.call import Call, mapped, refuse_on_loop
from taskora.duration import Duration, to_seconds
from taskora.keys import reason_text
from taskora.protocols import Confirmation, WorkflowEngine
from taskora.workflow_model import WorkflowOutcome, WorkflowRecord, WorkflowState

from .export import dot_of, graph_of, json_of, mermaid_of
from .results import Reading, ResultCall, found

if TYPE_CHECKING:
    from .export import DiGraph

T = TypeVar("T")
Out_co = TypeVar("Out_co", covariant=True)


class WorkflowHandle(Generic[Out_co]):
    """A workflow: wait for it, look at it, cancel it.

    ``await handle`` returns the handle once the workflow is stored, or raises why it could not be. All that reads or
    waits is a pair: ``result()`` blocks, ``result_async()`` is for an event loop, where the first form refuses.

    A handle for an existing id, made without ``reading``, gives the result as plain JSON.

    Args:
        engine: The application.
        workflow_id: The workflow.
        confirmation: The write under way; None when the workflow is already stored.
        reading: How the result is read.
    """

    __slots__ = ("_confirmation", "_engine", "_id", "_reading")

    def __init__(
        self,
        engine: WorkflowEngine,
        workflow_id: str,
        confirmation: Confirmation | None = None,
        reading: Reading | None = None,
    ) -> None:
        self._engine = engine
        self._id = workflow_id
        self._confirmation = confirmation
        self._reading = reading

    @property
    def workflow_id(self) -> str:
        """Its id, known at once."""
        return self._id

    def __await__(self) -> Generator[object, None, Self]:
        if self._confirmation is not None:
            yield from self._confirmation.__await__()
        return self

    def __repr__(self) -> str:
        return f"<WorkflowHandle {self._id}>"

    def result(self, timeout: Duration | None = None) -> Out_co:
        """Wait for the workflow's end and return its result.

        Args:
            timeout: How long to wait at most; None for ever. The workflow itself is left alone when it runs out.

        Raises:
            WorkflowFailedError: A node failed; names the node, its task and its job.
            CancelledError: It was cancelled; ``workflow timeout`` is the reason when its ttl ran out.
            JobNotFoundError: There is no such workflow.
            TimeoutError: It did not end in time.
        """
        refuse_on_loop("handle.result")
        self._store()
        return cast("Out_co", self._waiting(timeout).run())

    async def result_async(self, timeout: Duration | None = None) -> Out_co:
        """Wait for the workflow's end and return its result; see ``result``."""
        call = self._waiting(timeout)
        await self._stored()
        return cast("Out_co", await call.run_async())

    def state(self) -> WorkflowState:
        """Read the state: ``running``, ``completed``, ``failed`` or ``cancelled``.

        Raises:
            JobNotFoundError: There is no such workflow.
        """
        refuse_on_loop("handle.state")
        self._store()
        return self._outcome().run().state

    async def state_async(self) -> WorkflowState:
        """Read the state; see ``state``."""
        await self._stored()
        return (await self._outcome().run_async()).state

    def cancel(self, reason: str | None = None) -> bool:
        """Cancel the workflow and all of its jobs.

        Args:
            reason: Told to the jobs and to every waiter; at most 10,000 characters.

        Returns:
            Whether this call ended it; False when it had ended before.

        Raises:
            ConfigError: The reason is no text of that length.
        """
        refuse_on_loop("handle.cancel")
        self._store()
        return self._engine.cancel_workflow(self._id, reason_text(reason)).run()

    async def cancel_async(self, reason: str | None = None) -> bool:
        """Cancel the workflow and all of its jobs; see ``cancel``."""
        why = reason_text(reason)
        await self._stored()
        return await self._engine.cancel_workflow(self._id, why).run_async()

    def graph(self) -> DiGraph:
        """Read the workflow as a ``networkx.DiGraph``.

        Nodes are indexes with ``task``, ``job_id``, ``bound`` and ``state``; the graph has ``workflow_id``, ``name``,
        ``state`` and ``created_at`` (ISO 8601, UTC).

        Raises:
            JobNotFoundError: There is no such workflow.
        """
        refuse_on_loop("handle.graph")
        self._store()
        return graph_of(self._record().run())

    async def graph_async(self) -> DiGraph:
        """Read the workflow as a graph; see ``graph``."""
        await self._stored()
        return graph_of(await self._record().run_async())

    def to_json(self) -> str:
        """Read the graph as node-link JSON, for ``networkx.node_link_graph(json.loads(text), edges="edges")``.

        Raises:
            JobNotFoundError: There is no such workflow.
        """
        refuse_on_loop("handle.to_json")
        self._store()
        return json_of(self._record().run())

    async def to_json_async(self) -> str:
        """Read the graph as node-link JSON; see ``to_json``."""
        await self._stored()
        return json_of(await self._record().run_async())

    def to_mermaid(self) -> str:
        """Read the graph as a Mermaid flowchart, coloured by state.

        Raises:
            JobNotFoundError: There is no such workflow.
        """
        refuse_on_loop("handle.to_mermaid")
        self._store()
        return mermaid_of(self._record().run())

    async def to_mermaid_async(self) -> str:
        """Read the graph as a Mermaid flowchart; see ``to_mermaid``."""
        await self._stored()
        return mermaid_of(await self._record().run_async())

    def to_dot(self) -> str:
        """Read the graph for Graphviz, coloured by state.

        Raises:
            JobNotFoundError: There is no such workflow.
        """
        refuse_on_loop("handle.to_dot")
        self._store()
        return dot_of(self._record().run())

    async def to_dot_async(self) -> str:
        """Read the graph for Graphviz; see ``to_dot``."""
        await self._stored()
        return dot_of(await self._record().run_async())

    def _store(self) -> None:
        if self._confirmation is not None:
            self._confirmation.wait()

    async def _stored(self) -> None:
        if self._confirmation is not None:
            await self._confirmation

    def _waiting(self, timeout: Duration | None) -> Call[object]:
        timeout_s = None if timeout is None else to_seconds(timeout, "timeout")
        return ResultCall(self._engine, self._id, self._reading, timeout_s)

    def _outcome(self) -> Call[WorkflowOutcome]:
        return mapped(self._engine.workflow_outcome(self._id), self._found)

    def _record(self) -> Call[WorkflowRecord]:
        return mapped(self._engine.read_workflow(self._id), self._found)

    def _found(self, value: T | None) -> T:
        return found(self._id, value)
