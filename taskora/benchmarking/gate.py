"""A gate: processes that booted at different moments wait at it, and begin at the same one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

GATE_VARIABLE: Final = "TASKORA_BENCH_GATE"
_OPEN: Final = "open"
_PATIENCE_S: Final = 60.0
_LOOK_S: Final = 0.002


def waiting_at(folder: Path) -> int:
    """How many processes wait at a gate."""
    return sum(path.name != _OPEN for path in folder.iterdir())


def open_gate(folder: Path) -> None:
    """Let all through, those to come as well."""
    (folder / _OPEN).touch()


def pass_gate() -> None:
    """Wait at the gate that the environment names, if it does."""
    named = os.environ.get(GATE_VARIABLE)
    if not named:
        return
    folder = Path(named)
    (folder / str(os.getpid())).touch()
    deadline_s = time.monotonic() + _PATIENCE_S
    while not (folder / _OPEN).exists() and time.monotonic() < deadline_s:
        time.sleep(_LOOK_S)
