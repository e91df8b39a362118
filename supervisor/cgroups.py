"""Finding this process's control groups, in cgroup v1, v2 and where both are mounted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path("/sys/fs/cgroup")
SELF: Final = Path("/proc/self/cgroup")


def unified(root: Path) -> Path:
    """Where the v2 hierarchy is: hybrid hosts mount it below the v1 controllers."""
    return root / "unified" if (root / "unified").is_dir() else root


def lines(path: Path) -> list[str]:
    """A file's lines; none when it cannot be read."""
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def path_of(groups: Sequence[str], controller: str) -> str | None:
    """The path of this process's group in a v1 controller's hierarchy, or in the unified one (controller "")."""
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path
    return None


def ancestry(base: Path, path: str) -> list[Path]:
    """The group's folder and its parents up to the mount: any of them may hold a limit."""
    folder = base / path.lstrip("/")
    folders = [folder, *folder.parents]
    return [one for one in folders if one == base or base in one.parents]
