"""Starts `toys.py` and reads what happened."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psutil

from support import Program, Spawn, wait_until

TOYS = Path(__file__).with_name("toys.py")
T = TypeVar("T")
Event = dict[str, Any]


class ToyFleet:
    """A running supervisor with toy bodies."""

    def __init__(self, spawn: Spawn, folder: Path, options: dict[str, Any], prefix: tuple[str, ...] = ()) -> None:
        self.folder = folder
        command = [*prefix, sys.executable, str(TOYS), str(folder), json.dumps(options)]
        self.program: Program = spawn(command)

    def tell(self, name: str, words: str) -> None:
        """Puts an order where the toys find it, whole."""
        draft = self.folder / f".{name}"
        draft.write_text(words)
        draft.rename(self.folder / name)

    def events(self, kind: str = "", **fields: object) -> list[Event]:
        """What the toys noted so far."""
        path = self.folder / "events"
        lines = path.read_text().splitlines() if path.exists() else []
        found: list[Event] = [json.loads(line) for line in lines]
        return [
            event
            for event in found
            if event["event"].startswith(kind) and all(event.get(name) == value for name, value in fields.items())
        ]

    def wait_event(self, kind: str, count: int = 1, timeout: float = 8.0, **fields: object) -> Event:
        """Waits for the `count`-th such event."""

        def seen() -> list[Event]:
            found = self.events(kind, **fields)
            return found if len(found) >= count else []

        return self.wait(seen, f"no {count} x {kind} {fields}", timeout)[count - 1]

    def wait(self, condition: Callable[[], T], message: str, timeout: float = 8.0) -> T:
        """As `wait_until`, with the log in the message."""
        try:
            return wait_until(condition, timeout, message)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.program.log()}\n{self.events()}") from None

    def wait_ready(self, workers: int) -> list[int]:
        """Waits until so many workers and the steward have been ready; returns the workers' ids by readiness."""
        self.wait_event("ready", workers)
        self.wait_event("steward-ready")
        return [event["pid"] for event in self.events("ready")]

    def alive(self, pid: int) -> bool:
        """Whether a process still runs (zombies do not)."""
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def signal(self, number: signal.Signals) -> None:
        """To the master."""
        self.program.send_signal(number)

    def stop(self, timeout: float = 8.0) -> int:
        """TERM, and the exit code; nothing may be left."""
        self.program.terminate()
        code = self.program.wait(timeout)
        self.program.assert_nothing_left()
        return code


def kill(pid: int) -> None:
    """SIGKILL."""
    os.kill(pid, signal.SIGKILL)


class StartFleet(Protocol):
    """The fixture `start_fleet`."""

    def __call__(
        self, files: dict[str, str] | None = None, prefix: tuple[str, ...] = (), **options: object
    ) -> ToyFleet: ...
