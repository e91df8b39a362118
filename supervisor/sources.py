"""Noticing changed Python files, for `--reload` while developing."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

PERIOD_NS: Final = 500_000_000
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "venv", "build", "dist"})


class SourceWatch:
    """Compares the files below a folder with what they were at the last look."""

    __slots__ = ("_known", "_next_look_ns", "_root", "_unsettled")

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, int] | None = None
        self._next_look_ns = 0
        self._unsettled = False

    def changed(self) -> bool:
        """Whether files changed and have kept still since: an editor or a checkout writes more than one."""
        now_ns = time.monotonic_ns()
        if now_ns < self._next_look_ns:
            return False
        self._next_look_ns = now_ns + PERIOD_NS
        seen = _times(self._root)
        before, self._known = self._known, seen
        moved = before is not None and before != seen
        settled = self._unsettled and not moved
        self._unsettled = moved
        return settled

    def due_ns(self) -> int:
        """When the next look is due, CLOCK_MONOTONIC."""
        return self._next_look_ns


def _times(root: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    folders = [str(root)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in _SKIPPED and not entry.name.startswith("."):
                            folders.append(entry.path)
                    elif entry.name.endswith(".py"):
                        found[entry.path] = entry.stat().st_mtime_ns
        except OSError:
            # Removed while we looked: the next look sees the rest.
            continue
    return found
