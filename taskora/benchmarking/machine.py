"""What the figures of a run depend on: the machine, the server, the versions."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import psutil

from .stage import Stage

_PACKAGES: Final = ("taskora", "redis", "hiredis", "orjson", "uvloop")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run took place.

    Attributes:
        at: When it began, aware UTC.
        cpu: Name of the processor.
        cpus: How many of them this process may use.
        memory_gb: Main memory.
        system: Operating system.
        python: Version of the interpreter.
        load: Processes that ran or waited to run during the last minute before.
        server: The server and its version.
        versions: Of the packages, and of others that were measured.
    """

    at: datetime
    cpu: str
    cpus: int
    memory_gb: float
    system: str
    python: str
    load: float
    server: str
    versions: dict[str, str]

    def sentences(self) -> list[str]:
        """Say it for people, one thing a line."""
        packages = ", ".join(f"{name} {known}" for name, known in self.versions.items())
        size = f"{self.cpus} CPUs, {self.memory_gb:.0f} GB"
        return [
            f"{self.at:%Y-%m-%d %H:%M} UTC, {self.cpu}, {size}, {self.system}, load {self.load:.1f} before",
            f"Python {self.python}, {self.server}, {packages}",
        ]


def look_around(stage: Stage, others: Sequence[tuple[str, str]] = ()) -> Machine:
    """Find out where a run takes place; ``others`` are names and versions that are measured too."""
    app = stage.app()
    try:
        facts = app.inspect().server()
    finally:
        app.close()
    return Machine(
        at=datetime.now(UTC),
        cpu=_cpu(),
        cpus=len(os.sched_getaffinity(0)),
        memory_gb=psutil.virtual_memory().total / 1e9,
        system=f"{platform.system()} {platform.release()}",
        python=sys.version.split()[0],
        load=os.getloadavg()[0],
        server=f"{facts.flavor} {facts.version}",
        versions=_versions() | dict(others),
    )


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
