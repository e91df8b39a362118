"""What the file of a peer offers. Standard library only: it runs in the peer's environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

URL: Final = os.environ.get("BENCH_URL", "redis://127.0.0.1:6379")
CONCURRENCY: Final = int(os.environ.get("BENCH_CONCURRENCY", "1"))
PYTHON: Final = sys.executable
BIN: Final = Path(sys.prefix) / "bin"


@dataclass(frozen=True, slots=True)
class Workers:
    """How workers are started.

    Attributes:
        command: The program and its arguments.
        concurrency: Jobs at once, in `$BENCH_CONCURRENCY` of its environment.
        copies: How many times it is started, where the peer has no supervisor.
    """

    command: list[str]
    concurrency: int = 1
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How to count outcomes on the server.

    Attributes:
        kind: ``done``: the command counts outcomes. ``left``: it counts jobs without one. ``grown``: what it counts
            grows by about one with each outcome.
        command: The server's command.
        pattern: Of the keys that hold one outcome each, to be counted at the end; empty where the command is exact.
    """

    kind: Literal["done", "left", "grown"]
    command: list[str]
    pattern: str = ""


class Peer(Protocol):
    """A task queue with two tasks: one returns the number that it is given, the other notes its latency."""

    @property
    def workers(self) -> Mapping[str, Workers]:
        """By scenario: ``process-1``, ``process-10``, ``process-100``, ``fleet-2``; those that it has."""
        ...

    @property
    def outcomes(self) -> Outcomes: ...

    @property
    def sends_many(self) -> bool:
        """Whether it stores many jobs in one call."""
        ...

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def send(self, number: int) -> object: ...
    async def send_many(self, numbers: list[int]) -> object: ...
    async def send_tick(self, sent_s: float) -> object: ...
    async def ask(self, number: int) -> object: ...
