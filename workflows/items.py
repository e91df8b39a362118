"""One task for many payloads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from taskora.config import check_count

from .composition import batched, grouped, step
from .signature import Bound, GivingTask

Out = TypeVar("Out")


def map_items(task: GivingTask[Out], items: Iterable[object]) -> Bound[list[Out]]:
    """Run a task once for each item, all at the same time; the results are a list in the items' order.

    Raises:
        ValidationError: An item does not have the declared shape.
        SerializationError: An item cannot be written.
    """
    return Bound(grouped([step(task, task.encode(item)) for item in items], as_tuple=False, task=task))


def chunk_items(task: GivingTask[Out], items: Iterable[object], size: int) -> Bound[list[Out]]:
    """Run a task once for each item, ``size`` of them at a time; the results are one list in the items' order.

    A batch begins when the one before it has completed.

    Args:
        task: The task.
        items: Its payloads.
        size: Items in a batch, at least 1; the last batch may be smaller.

    Raises:
        ConfigError: ``size`` is not a whole number of at least 1.
        ValidationError: An item does not have the declared shape.
        SerializationError: An item cannot be written.
    """
    check_count(size, "size")
    steps = [step(task, task.encode(item)) for item in items]
    return Bound(batched(task, (steps[start : start + size] for start in range(0, len(steps), size))))
