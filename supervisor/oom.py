"""Whether the kernel killed for want of memory: SIGKILL alone does not say who sent it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from .cgroups import ROOT, SELF, ancestry, lines, path_of, unified

_AT_ONCE_S: Final = 0.5


class OomWatch:
    """Counts the kernel's kills in this process's memory group."""

    __slots__ = ("_counters", "_left", "_seen", "_seen_s")

    def __init__(self, root: Path = ROOT, membership: Path = SELF) -> None:
        groups = lines(membership)
        self._counters: list[Path] = []
        v2, v1 = path_of(groups, ""), path_of(groups, "memory")
        if v2 is not None:
            self._counters += [folder / "memory.events" for folder in ancestry(unified(root), v2)]
        if v1 is not None:
            self._counters += [folder / "memory.oom_control" for folder in ancestry(root / "memory", v1)]
        self._seen = self._count()
        self._seen_s = 0.0
        self._left = 0

    def killed(self) -> bool:
        """Whether it killed somebody here who is not told of yet; several may have died together."""
        count, now_s = self._count(), time.monotonic()
        if count > self._seen:
            self._left += count - self._seen
            self._seen, self._seen_s = count, now_s
        elif now_s - self._seen_s > _AT_ONCE_S:
            self._left = 0  # those were no children of ours
        self._left -= (told := self._left > 0)
        return told

    def _count(self) -> int:
        # The innermost group that counts is ours; one further out also counts its other members' deaths.
        for path in self._counters:
            for line in lines(path):
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
        return 0
