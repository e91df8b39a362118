"""What the commands of this folder share: ending in order, and telling how far they are."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def end_in_order(_number: int, _frame: FrameType | None) -> None:
    """End what was started too, when this process is told to end."""
    sys.exit(128 + signal.SIGTERM)


def tell(text: str) -> None:
    """Write a line of progress."""
    print(text, file=sys.stderr, flush=True)
