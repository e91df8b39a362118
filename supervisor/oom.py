"""Whether the kernel killed for want of memory: SIGKILL alone does not say who sent it."""

from __future__ import annotations

from pathlib import Path

from .cgroups import ROOT, SELF, ancestry, lines, path_of, unified


class OomWatch:
    """Counts the kernel's kills in this process's memory group."""

    __slots__ = ("_counters", "_seen")

    def __init__(self, root: Path = ROOT, membership: Path = SELF) -> None:
        groups = lines(membership)
        self._counters: list[Path] = []
        v2, v1 = path_of(groups, ""), path_of(groups, "memory")
        if v2 is not None:
            self._counters += [folder / "memory.events" for folder in ancestry(unified(root), v2)]
        if v1 is not None:
            self._counters += [folder / "memory.oom_control" for folder in ancestry(root / "memory", v1)]
        self._seen = self._count()

    def killed(self) -> bool:
        """Whether it killed somebody here since the last call."""
        count, before = self._count(), self._seen
        self._seen = count
        return count > before

    def _count(self) -> int:
        # The innermost group that counts is ours; one further out also counts its other members' deaths.
        for path in self._counters:
            for line in lines(path):
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
        return 0
