"""The files that the demo analyses: the standard library of this interpreter."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Final

ENOUGH: Final = 1000
_NOT_OURS: Final = frozenset({"site-packages", "dist-packages", "__pycache__"})


def find_sources(limit: int | None = None) -> list[Path]:
    """Return the Python files of the standard library, without installed packages.

    Where it comes without its tests it may have less than a thousand; then installed packages fill up.

    Args:
        limit: How many at most, spread evenly over all; None for all.
    """
    root = Path(sysconfig.get_path("stdlib"))
    found = [path for path in sorted(root.rglob("*.py")) if not _NOT_OURS & set(path.parts)]
    if len(found) < ENOUGH:
        packages = Path(sysconfig.get_path("purelib"))
        found += sorted(packages.rglob("*.py"))[: ENOUGH - len(found)]
    if limit is None or limit >= len(found):
        return found
    return [found[number * len(found) // limit] for number in range(limit)]


def read_all(paths: list[Path]) -> int:
    """Read all files once, so that the first run is not slower for the disk's sake; returns the number of bytes."""
    return sum(len(path.read_bytes()) for path in paths)
