"""Signatures: runs of tasks that can be put together, and dispatched once nothing is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, Never, NoReturn, Protocol, TypeAlias, TypeVar, cast

from taskora.duration import Duration
from taskora.errors import ConfigError
from taskora.protocols import WorkflowTask
from taskora.quoting import quoted

from .composition import Composition, followed, step
from .export import Drawing, digraph, dot, drawing_of_flat, mermaid, node_link
from .flatten import flatten
from .handle import WorkflowHandle
from .naming import derived_name
from .planning import plan_of
from .results import reading_of
from .unstored import UnstoredEngine

if TYPE_CHECKING:
    from .export import DiGraph

Out = TypeVar("Out")
Next = TypeVar("Next")
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


class Signature(Generic[In_contra, Out_co]):
    """A run of a task, or of several put together, that takes an input and gives a result.

    It never changes: composing makes new ones, and one may be used in many places. Only a ``Bound`` one, whose first
    step has its data, can be dispatched.

    Args:
        composition: Its tree; made by ``task.s()``, ``chain``, ``group`` and ``chord``.
    """

    __slots__ = ("composition",)

    def __init__(self, composition: Composition) -> None:
        self.composition: Composition = composition

    @property
    def name(self) -> str:
        """Its shape in words, such as ``chain(a → group(b, c))``, cut to 200 characters."""
        return derived_name(self.composition)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def pipe(self, then: Signature[Out_co, Next], /) -> Signature[In_contra, Next]:
        """Append a step that takes this result; ``self | then`` is the same.

        A step with data of its own waits for this one but ignores its result.

        Raises:
            ConfigError: The step belongs to another application, or is no signature.
        """
        return Signature(followed(self.composition, composition_of(then, "pipe")))

    def __or__(self, then: Signature[Out_co, Next], /) -> Signature[In_contra, Next]:
        return self.pipe(then)

    if not TYPE_CHECKING:
        # To a type checker a signature without data cannot be dispatched; to everybody else it says why not.

        def dispatch(self, *, ttl=None, name=None) -> NoReturn:
            flatten(self.composition)

        def graph(self) -> NoReturn:
            flatten(self.composition)

        to_json = to_mermaid = to_dot = graph


class Bound(Signature[object, Out_co]):
    """A signature whose first step has its data: it ignores what comes before it, and can be dispatched."""

    __slots__ = ()

    def pipe(self, then: Signature[Out_co, Next], /) -> Bound[Next]:
        """Append a step that takes this result; ``self | then`` is the same.

        A step with data of its own waits for this one but ignores its result.

        Raises:
            ConfigError: The step belongs to another application, or is no signature.
        """
        return Bound(followed(self.composition, composition_of(then, "pipe")))

    def __or__(self, then: Signature[Out_co, Next], /) -> Bound[Next]:
        return self.pipe(then)

    def dispatch(self, *, ttl: Duration | None = None, name: str | None = None) -> WorkflowHandle[Out_co]:
        """Store the workflow and start its first steps.

        In plain code it is stored on return. On an event loop this returns at once: await the handle.

        A workflow without a single task, such as an empty group alone, is over at once and stored nowhere.

        Args:
            ttl: Time until the workflow is cancelled, with the reason ``workflow timeout``. None for never. Each job
                keeps its task's own time to live besides.
            name: What people call it, at most 1,000 characters. Defaults to its shape in words.

        Raises:
            ConfigError: ``ttl`` is no duration or zero, ``name`` no text of that length, or the graph has more than
                1,000,000 edges.
            ValidationError: A task is handed the results of an empty group and does not take ``[]``.
        """
        flat = flatten(self.composition)
        plan = plan_of(flat, self.name if name is None else name, ttl)
        task = self.composition.traits.task
        engine = UnstoredEngine(plan) if task is None else task.engine
        return WorkflowHandle(engine, plan.workflow_id, engine.store_workflow(plan), reading_of(flat))

    def graph(self) -> DiGraph:
        """Return the graph that would be stored, as a ``networkx.DiGraph``.

        Nodes are indexes with ``task``, ``job_id`` (None), ``bound`` and ``state`` (``pending``); the graph has
        ``workflow_id`` (None), ``name``, ``state`` (``pending``) and ``created_at`` (None).
        """
        return digraph(self._drawing())

    def to_json(self) -> str:
        """Write the graph as node-link JSON, for ``networkx.node_link_graph(json.loads(text), edges="edges")``."""
        return node_link(self._drawing())

    def to_mermaid(self) -> str:
        """Write the graph as a Mermaid flowchart."""
        return mermaid(self._drawing())

    def to_dot(self) -> str:
        """Write the graph for Graphviz."""
        return dot(self._drawing())

    def _drawing(self) -> Drawing:
        return drawing_of_flat(flatten(self.composition), self.name)


AnySignature: TypeAlias = Signature[Never, object]
"""What every signature is, whatever it takes and gives."""


class GivingTask(WorkflowTask, Protocol[Out_co]):
    """A task whose results are of a known type."""

    def decode_result(self, raw: bytes, /) -> Out_co:
        """Read a serialized result."""
        ...


def bind(task: GivingTask[Out], data: object) -> Bound[Out]:
    """Make a run of a task with its data, which is validated and serialized here.

    Args:
        task: The task.
        data: Its payload. None for a task that takes none.

    Raises:
        ValidationError: The data does not have the declared shape.
        SerializationError: It cannot be written.
    """
    return Bound(step(task, task.encode(data)))


def unbound(task: GivingTask[Out]) -> Signature[object, Out]:
    """Make a run of a task that takes the result of the step before it.

    For a task that takes no data use ``bind(task, None)``: it can be a first step, and ignores its input anyway.

    Returns:
        A signature of any input; who knows the task's input type narrows it by annotation.
    """
    return Signature(step(task, None))


def signature_of(composition: Composition) -> AnySignature:
    """Wrap a tree: bound if its first step has data."""
    return Signature(composition) if composition.traits.needs is not None else Bound(composition)


def composition_of(value: object, where: str) -> Composition:
    """Return a signature's tree.

    Raises:
        ConfigError: The value is no signature.
    """
    if isinstance(value, Signature):
        return value.composition
    advice = "write task.s() for a task" if callable(value) else "signatures come from task.s(), chain, group and chord"
    raise ConfigError(f"{where}: expected a signature, got {quoted(value)}; {advice}")


def listed_in(arguments: Sequence[object]) -> Sequence[object] | None:
    """Return the list that is the only argument, if it is one."""
    if len(arguments) == 1 and isinstance(arguments[0], list | tuple):
        return cast("Sequence[object]", arguments[0])
    return None
