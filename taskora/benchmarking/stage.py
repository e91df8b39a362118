"""Where scenarios run: a server, keys of their own on it, and files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from taskora.app import Taskora
from taskora.connection.endpoint import Endpoint
from taskora.connection.wire import BlockingWire
from taskora.errors import TaskoraError

PREFIX_VARIABLE: Final = "TASKORA_BENCH_PREFIX"


class BenchError(TaskoraError):
    """A scenario could not be measured, or what it did was wrong."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A server to measure on.

    Attributes:
        url: Of the server.
        folder: For files; it is there.
        prefix: Sets the keys apart on a server that others use too. None: the server is ours, and is EMPTIED.
        scale: Multiplies how much is done; 1 for figures that mean something.
    """

    url: str
    folder: Path
    prefix: str | None = None
    scale: float = 1.0

    def many(self, count: int, least: int = 1) -> int:
        """Scale a number of jobs."""
        return max(least, round(count * self.scale))

    def app(self) -> Taskora:
        """Make an application on the server; it has no tasks."""
        return Taskora(self.url, prefix=self.prefix)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that is to use the stage; see `app_from_environment`."""
        return {**os.environ, "PYTHONWARNINGS": "ignore", "TASKORA_URL": self.url, PREFIX_VARIABLE: self.prefix or ""}

    def erase(self) -> None:
        """Remove all keys of the stage."""
        if self.prefix is None:
            wire = BlockingWire(Endpoint.from_url(self.url))
            try:
                wire.exchange([("FLUSHALL",)])
            finally:
                wire.close()
            return
        app = self.app()
        try:
            app.adapter.vitals.erase().run()
        finally:
            app.close()


def app_from_environment() -> Taskora:
    """Make the application of a process that was started with a stage's environment."""
    return Taskora(os.environ["TASKORA_URL"], prefix=os.environ.get(PREFIX_VARIABLE) or None)
