"""The application of the fleets that are measured, for processes with a stage's environment."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from taskora.app import Taskora

from .gate import pass_gate
from .stage import app_from_environment

_LONG_S: Final = 60.0

taskora: Taskora = app_from_environment()


@taskora.task(concurrency=100)
async def echo(data: object) -> object:
    """Return the payload."""
    return data


@taskora.task(concurrency=1)
def burn(rounds: int) -> int:
    """Keep one CPU busy."""
    total = 0
    for number in range(rounds):
        total += number * number % 7
    return total


@taskora.task(concurrency=1)
def victim(path: str) -> None:
    """Note when and where it runs; the first run lasts until its process is killed."""
    note = Path(path)
    is_first = not note.exists()
    with note.open("a") as file:
        file.write(f"{os.getpid()} {time.perf_counter()}\n")
    if is_first:
        time.sleep(_LONG_S)


pass_gate()

if __name__ == "__main__":
    taskora.run()
