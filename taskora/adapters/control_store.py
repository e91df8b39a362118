"""What an adapter must do so that an operator sees what holds a task's jobs back, and can do so and end it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from taskora.call import Call
from taskora.rules import FlowControl


class ControlStore(Protocol):
    """Pauses, and keys of flow control. A run that is repeated after a lost reply answers as the first one did."""

    def pause(self, task: str) -> Call[bool]:
        """Have no worker claim jobs of a task until it is resumed; False when it was paused already."""
        ...

    def resume(self, task: str) -> Call[bool]:
        """Let workers claim again, at once; False when the task was not paused."""
        ...

    def paused_since(self, task: str) -> Call[datetime | None]:
        """Read since when a task is paused; None when it is not."""
        ...

    def flow(self, task: str, limit: int, offset: int) -> Call[FlowControl]:
        """Read a page of each kind of a task's keys: up to ``limit`` behind ``offset``, without those just given up.

        Of concurrency keys, about 10,000 are passed over, no more.
        """
        ...

    def peek(self, task: str, key: str, limit: int) -> Call[list[bytes]]:
        """Read the first ``limit`` items that are collected under a key."""
        ...

    def flush(self, task: str, key: str) -> Call[int]:
        """Have what is collected under a key be a batch at once; returns the number of its items, 0 for none."""
        ...
