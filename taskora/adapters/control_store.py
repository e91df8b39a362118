"""What an adapter must do so that an operator can hold a task back."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from taskora.call import Call


class ControlStore(Protocol):
    """Pauses of tasks. A run that is repeated after a lost reply answers as the first one did."""

    def pause(self, task: str) -> Call[bool]:
        """Have no worker claim jobs of a task until it is resumed; False when it was paused already."""
        ...

    def resume(self, task: str) -> Call[bool]:
        """Let workers claim again, at once; False when the task was not paused."""
        ...

    def paused_since(self, task: str) -> Call[datetime | None]:
        """Read since when a task is paused; None when it is not."""
        ...
