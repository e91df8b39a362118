"""How many CPUs this process may really use: affinity and cgroup quota, not the host's count."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from .cgroups import ROOT, SELF, ancestry, lines, path_of, unified


def allowed_cpus() -> tuple[int, ...]:
    """The CPUs that the scheduler may put this process on, in order."""
    return tuple(sorted(os.sched_getaffinity(0)))


def auto_procs(allowed: int, quota: float | None) -> int:
    """What `--procs auto` stands for: `max(1, min(allowed, ceil(quota)))`.

    Args:
        allowed: CPUs in the affinity mask.
        quota: CPUs' worth of time that the cgroup grants, None without a limit.
    """
    if quota is None:
        return max(1, allowed)
    return max(1, min(allowed, math.ceil(quota)))


def cpu_quota(root: Path = ROOT, membership: Path = SELF) -> float | None:
    """The smallest CPU quota among this process's cgroup and its ancestors, in CPUs; None when there is none.

    Reads cgroup v2 (`cpu.max`) and v1 (`cpu.cfs_quota_us`), also where both are mounted. Unreadable is no limit.
    """
    groups = lines(membership)
    found = [*_v2_quotas(root, groups), *_v1_quotas(root, groups)]
    return min(found, default=None)


def pin_for(slot: int, allowed: Sequence[int]) -> tuple[int, ...]:
    """The one CPU for a slot: they take turns when there are more slots than CPUs."""
    return (allowed[slot % len(allowed)],)


def _v2_quotas(root: Path, groups: Sequence[str]) -> list[float]:
    path = path_of(groups, "")
    if path is None:
        return []
    base = unified(root)
    quotas: list[float] = []
    for folder in ancestry(base, path):
        words = " ".join(lines(folder / "cpu.max")).split()
        if len(words) == 2 and words[0] != "max":
            quotas.append(int(words[0]) / int(words[1]))
    return quotas


def _v1_quotas(root: Path, groups: Sequence[str]) -> list[float]:
    path = path_of(groups, "cpu")
    if path is None:
        return []
    quotas: list[float] = []
    for base in (root / "cpu", root / "cpu,cpuacct"):
        for folder in ancestry(base, path):
            quota = "".join(lines(folder / "cpu.cfs_quota_us"))
            period = "".join(lines(folder / "cpu.cfs_period_us"))
            if quota and period and int(quota) > 0:
                quotas.append(int(quota) / int(period))
    return quotas
