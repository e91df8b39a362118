"""The demo's server and fleet: started, watched, and ended without a trace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from taskora.app import Taskora
from taskora.connection.embedded import EmbeddedServer
from taskora.errors import TaskoraError
from taskora.inspector import Inspector

from . import PREFIX_VARIABLE

TARGET: Final = "taskora.demo.app:taskora"
_READY_S: Final = 60.0
_DRAIN_S: Final = 20.0
_POLL_S: Final = 0.02
_SHOWN_LINES: Final = 5


class DemoError(TaskoraError):
    """The demo cannot go on."""


@dataclass(slots=True)
class Place:
    """Where the demo's jobs and files are.

    Attributes:
        url: Of the server.
        prefix: Of the keys on a server of somebody else; empty on one of our own.
        folder: Temporary files, the log of the fleet, and our own server's data.
        ours: Our own server, if there is one.
        kept: Leave everything as it is at the end.
    """

    url: str
    prefix: str
    folder: Path
    ours: EmbeddedServer | None
    kept: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to find the jobs."""
        return {"TASKORA_URL": self.url} | ({PREFIX_VARIABLE: self.prefix} if self.prefix else {})


@contextmanager
def settled(url: str | None) -> Generator[Place]:
    """Have keys of our own on a server, or a server of our own; all is removed at the end unless it is kept."""
    folder = Path(tempfile.mkdtemp(prefix="taskora-demo-"))
    if url is None:
        data = folder / "server"
        place = Place(f"embedded://{data}", "", folder, EmbeddedServer(data))
    else:
        place = Place(url, f"demo-{uuid.uuid4().hex[:8]}", folder, None)
    try:
        yield place
    finally:
        if not place.kept:
            _clear(place)


def _clear(place: Place) -> None:
    try:
        if place.ours is not None:
            place.ours.release()
            place.ours.stop()
        else:
            app = Taskora(place.url, prefix=place.prefix)
            app.adapter.vitals.erase().run()
            app.close()
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)


@dataclass(slots=True)
class Fleet:
    """A supervisor with its workers, in a session of its own: who ends the demo ends the fleet, not the terminal.

    Args:
        place: Where its jobs are.
        procs: Number of workers.
    """

    place: Place
    procs: int
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None, "the fleet was not started"
        return self._process.pid

    @property
    def log_path(self) -> Path:
        """Where the fleet's log is."""
        return self.place.folder / "fleet.log"

    def start(self, inspector: Inspector) -> None:
        """Start it and return when every worker is ready.

        Raises:
            DemoError: It ended, or is not ready within a minute.
        """
        command = [sys.executable, "-m", "taskora.supervisor", "--procs", str(self.procs), TARGET]
        environment = {**os.environ, "PYTHONWARNINGS": "ignore", **self.place.environment}
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        deadline_s = time.monotonic() + _READY_S
        while sum(worker.role == "worker" for worker in inspector.workers()) < self.procs:
            self.check()
            if time.monotonic() > deadline_s:
                raise self._error(f"the fleet is not ready after {_READY_S:.0f} s")
            time.sleep(_POLL_S)

    def check(self) -> None:
        """Raise when the supervisor has ended.

        Raises:
            DemoError: It has.
        """
        if self._process is not None and self._process.poll() is not None:
            raise self._error(f"the fleet ended with code {self._process.returncode}")

    def drain(self) -> None:
        """End it in order; by force when that takes too long. Nothing happens when it was not started.

        Raises:
            DemoError: It had to be killed, or did not end well.
        """
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            code = process.wait(_DRAIN_S)
        except subprocess.TimeoutExpired:
            process.kill()  # its children notice and end within 5 seconds
            process.wait()
            raise self._error(f"the fleet did not drain within {_DRAIN_S:.0f} s and was killed") from None
        if code != 0:
            raise self._error(f"the fleet ended with code {code}")

    def _error(self, what: str) -> DemoError:
        lines = self.log_path.read_text(errors="replace").splitlines() if self.log_path.exists() else []
        return DemoError("\n".join([what, *lines[-_SHOWN_LINES:]]))
