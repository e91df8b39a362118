"""From a tree to nodes with dependencies, in depth-first, left-to-right order.

Written as generators on a stack of our own: a chain of 10,000 steps, or a nest as deep, must not end Python's stack.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from taskora.errors import ConfigError
from taskora.protocols import WorkflowTask

from .composition import Batches, Chain, Chord, Composition, Group, Step
from .shape import Many, Shape

MAX_EDGES = 1_000_000  # each is stored: 9 million took 42 MB


class FlatNode(NamedTuple):
    """A node that has no job yet. ``as_list``: its single input is wrapped in a list."""

    task: WorkflowTask
    deps: tuple[int, ...]
    data: bytes | None
    as_list: bool


@dataclass(frozen=True, slots=True)
class Flat:
    """A flattened composition. ``terminal`` are the nodes that end it, ``shape`` the form of its result."""

    nodes: tuple[FlatNode, ...]
    terminal: tuple[int, ...]
    shape: Shape


class _Nodes:
    """Nodes to wait for. Joined on demand, once: nested groups do not copy what they pass up, and members share it."""

    __slots__ = ("joined", "parts")

    def __init__(self, joined: tuple[int, ...] = (), parts: Sequence[_Nodes] = ()) -> None:
        self.joined = joined
        self.parts = parts

    def indexes(self) -> tuple[int, ...]:
        if self.parts:
            found: list[int] = []
            pending = list(reversed(self.parts))
            while pending:
                part = pending.pop()
                found.extend(part.joined)
                pending.extend(reversed(part.parts))
            self.joined, self.parts = tuple(found), ()
        return self.joined


class _Flow(NamedTuple):
    """What stands between two steps: whom to wait for, and the form of what is handed on (None at the start)."""

    ends: _Nodes
    shape: Shape | None


_Walk: TypeAlias = Generator[tuple[Composition, _Flow], _Flow, _Flow]


def flatten(composition: Composition) -> Flat:
    """Turn a composition into nodes.

    Raises:
        ConfigError: Its first step has no data, or it has more than 1,000,000 edges.
        ValidationError: A task is handed the results of an empty group and does not take ``[]``.
    """
    if composition.traits.needs is not None:
        raise ConfigError(
            f"task {composition.traits.needs!r}: the first step of a workflow needs data; write .s(data), not .s()"
        )
    builder = _Builder()
    last = builder.walk(composition)
    return Flat(tuple(builder.nodes), last.ends.indexes(), _known(last.shape))


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[FlatNode] = []
        self._edges = 0

    def walk(self, composition: Composition) -> _Flow:
        flow = _Flow(_Nodes(), None)
        stack = [self._visit(composition, flow)]
        answer: _Flow | None = None
        while stack:
            try:
                # A generator is started with None; `send` is typed for what comes after.
                child, incoming = next(stack[-1]) if answer is None else stack[-1].send(answer)
            except StopIteration as done:
                stack.pop()
                answer = flow = done.value
                continue
            if isinstance(child, Step):
                answer = self._add(child, incoming)
            else:
                stack.append(self._visit(child, incoming))
                answer = None
        return flow

    def _visit(self, composition: Composition, incoming: _Flow) -> _Walk:
        match composition:
            case Step():
                return self._visit_sequence((composition,), incoming)
            case Chain():
                return self._visit_sequence(composition.steps(), incoming)
            case Chord():
                return self._visit_sequence((composition.header, composition.callback), incoming)
            case Group():
                return self._visit_group(composition, incoming)
            case Batches():
                return self._visit_batches(composition, incoming)

    def _visit_sequence(self, steps: Sequence[Composition], flow: _Flow) -> _Walk:
        for step in steps:
            flow = yield step, flow
        return flow

    def _visit_group(self, group: Group, incoming: _Flow) -> _Walk:
        flows: list[_Flow] = []
        for member in group.members:
            flows.append((yield member, incoming))  # noqa: PERF401 - a comprehension cannot yield
        return _side_by_side(flows, incoming, as_tuple=group.as_tuple)

    def _visit_batches(self, batches: Batches, incoming: _Flow) -> _Walk:
        flows: list[_Flow] = []
        flow = incoming
        for group in batches.groups:
            flow = yield group, flow
            flows.append(flow)
        together = _side_by_side(flows, incoming, as_tuple=False)
        members = [member for flow in flows for member in _members(flow.shape)]
        return _Flow(together.ends, Many(tuple(members), as_tuple=False))

    def _add(self, step: Step, incoming: _Flow) -> _Flow:
        deps = incoming.ends.indexes()
        self._edges += len(deps)
        if self._edges > MAX_EDGES:
            raise ConfigError(_too_many_edges(step.task.name, len(deps)))
        members = incoming.shape.members if isinstance(incoming.shape, Many) else None
        data = step.data
        if data is None and members == ():
            data = step.task.encode([])
        index = len(self.nodes)
        as_list = data is None and members is not None and len(members) == 1
        self.nodes.append(FlatNode(step.task, deps, data, as_list))
        return _Flow(_Nodes((index,)), index)


def _side_by_side(flows: Sequence[_Flow], incoming: _Flow, *, as_tuple: bool) -> _Flow:
    shape = Many(tuple(_known(flow.shape) for flow in flows), as_tuple)
    # An empty member ends where it began; the others began there too, so waiting for them is enough.
    parts = [flow.ends for flow in flows if flow.ends is not incoming.ends]
    return _Flow(_Nodes(parts=parts) if parts else incoming.ends, shape)


def _members(shape: Shape | None) -> tuple[Shape, ...]:
    return shape.members if isinstance(shape, Many) else ()


def _known(shape: Shape | None) -> Shape:
    assert shape is not None, "a composition yields something"
    return shape


def _too_many_edges(task: str, width: int) -> str:
    return (
        f"task {task!r}: after its {width:,} predecessors the workflow has more than {MAX_EDGES:,} edges, and each is "
        "stored; between two large groups put one step that joins the results of the first, and make chunks smaller"
    )
