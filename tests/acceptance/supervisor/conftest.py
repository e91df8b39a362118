"""`start_fleet(procs=2, ...)` starts a supervisor with toy bodies and short timeouts."""

from pathlib import Path
from typing import Any

import pytest

from acceptance.supervisor.toy_fleet import StartFleet, ToyFleet
from support import Spawn

QUICK: dict[str, Any] = {
    "procs": 2,
    "drain_timeout_s": 5.0,
    "heartbeat_timeout_s": 5.0,
    "interrupt_grace_s": 0.4,
    "evidence_s": 0.2,
    "steward_timeout_s": 2.0,
    "boot_timeout_s": 10.0,
}


@pytest.fixture
def start_fleet(spawn: Spawn, tmp_path: Path) -> StartFleet:
    """Every option of `SupervisorConfig` by name; `files` are orders that lie there from the start."""

    def start(files: dict[str, str] | None = None, prefix: tuple[str, ...] = (), **options: object) -> ToyFleet:
        for name, words in (files or {}).items():
            (tmp_path / name).write_text(words)
        return ToyFleet(spawn, tmp_path, {**QUICK, **options}, prefix)

    return start
