"""What a process costs in memory, from /proc: the master has no psutil."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def resident_bytes(pid: int, proc: Path = _PROC) -> int | None:
    """A process's proportional set size in bytes, or its RSS where the kernel does not tell; None when it is gone.

    Forked children share pages with their parent: RSS counts each of them again in every child, PSS does not.
    """
    pss = _field(proc / str(pid) / "smaps_rollup", "Pss:")
    return pss if pss is not None else _field(proc / str(pid) / "status", "VmRSS:")


def _field(path: Path, name: str) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return None
