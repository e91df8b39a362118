"""The tree that a composition is before it becomes a graph. Trees are shared and never change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from taskora.errors import ConfigError
from taskora.protocols import WorkflowTask

Yield: TypeAlias = Literal["value", "list", "nested"]


class Traits(NamedTuple):
    """What the neighbours of a composition must know of it, so that none has to look into it.

    Attributes:
        task: One of its tasks, standing for the application; None when it has no task at all.
        needs: Name of the first task in it that takes the composition's input; None when it takes none: it is bound.
        yields: One value, a flat list of values, or a list with lists in it.
    """

    task: WorkflowTask | None
    needs: str | None
    yields: Yield


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One run of a task. ``data`` is serialized; None takes the input."""

    traits: Traits
    task: WorkflowTask
    data: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Steps one after the other: those of ``before``, then ``added``. The link makes appending cheap."""

    traits: Traits
    before: Chain | None
    added: tuple[Composition, ...]

    def steps(self) -> list[Composition]:
        """All steps, first to last."""
        parts: list[tuple[Composition, ...]] = []
        link: Chain | None = self
        while link is not None:
            parts.append(link.added)
            link = link.before
        return [step for part in reversed(parts) for step in part]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Members side by side, with the same input."""

    traits: Traits
    members: tuple[Composition, ...]
    as_tuple: bool


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Groups one after the other, whose results are one flat list. All their members are bound."""

    traits: Traits
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Chord:
    """A header side by side, then a callback that takes its results."""

    traits: Traits
    header: Group | Batches
    callback: Composition


Composition: TypeAlias = Step | Chain | Group | Batches | Chord


def step(task: WorkflowTask, data: bytes | None) -> Step:
    """Make a run of a task."""
    return Step(Traits(task, task.name if data is None else None, "value"), task, data)


def chained(steps: Sequence[Composition]) -> Chain:
    """Put steps one after the other.

    Raises:
        ConfigError: There are none, or two of them do not fit together.
    """
    if not steps:
        raise ConfigError("chain: needs at least one step")
    traits = steps[0].traits
    for following in steps[1:]:
        traits = _joined(traits, following.traits)
    return Chain(traits, None, tuple(steps))


def followed(first: Composition, then: Composition) -> Chain:
    """Append a step; a chain grows by it, anything else becomes a chain of two.

    Raises:
        ConfigError: The two do not fit together.
    """
    traits = _joined(first.traits, then.traits)
    return Chain(traits, first, (then,)) if isinstance(first, Chain) else Chain(traits, None, (first, then))


def grouped(members: Sequence[Composition], *, as_tuple: bool, task: WorkflowTask | None = None) -> Group:
    """Put members side by side. ``task`` stands for the application when there are none.

    Raises:
        ConfigError: They belong to different applications.
    """
    needs: str | None = None
    yields: Yield = "list"
    for member in members:
        task = _same_application(task, member.traits.task)
        needs = member.traits.needs if needs is None else needs
        yields = yields if member.traits.yields == "value" else "nested"
    return Group(Traits(task, needs, yields), tuple(members), as_tuple)


def batched(task: WorkflowTask, batches: Iterable[Sequence[Composition]]) -> Batches:
    """Put batches of bound steps of one task one after the other."""
    return Batches(Traits(task, None, "list"), tuple(grouped(batch, as_tuple=False) for batch in batches))


def collected(header: Group | Batches, callback: Composition) -> Chord:
    """Hand the results of a header to a callback.

    Raises:
        ConfigError: The two do not fit together.
    """
    return Chord(_joined(header.traits, callback.traits), header, callback)


def _joined(first: Traits, then: Traits) -> Traits:
    task = _same_application(first.task, then.task)
    if first.yields == "nested" and then.needs is not None:
        raise ConfigError(
            f"group: task {then.needs!r} would take the results of a group in a group, which are handed on as one flat "
            "list; put all members into one group, or end the inner group with a step that joins its results"
        )
    return Traits(task, first.needs, then.yields)


def _same_application(first: WorkflowTask | None, other: WorkflowTask | None) -> WorkflowTask | None:
    if first is None or other is None:
        return first or other
    if first.engine is not other.engine:
        raise ConfigError(
            f"tasks: {first.name!r} and {other.name!r} belong to different applications; "
            "the tasks of a workflow must all come from one"
        )
    return first
