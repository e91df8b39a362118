"""Lays build/typing/taskora/: the package as it will be installed, for type checkers that cannot follow the mapping.

Folders are real and files are relative links, because pyright does not descend into linked folders. Laying it again
changes only what differs, so that two runs at once do not disturb each other.
"""

import os
import tomllib
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "build" / "typing"
CANARY = Path(__file__).with_name("canary.py")
PLANTED = "type_canary.py"

_SUFFIXES = {".py", ".pyi", ".typed"}


def package_folders() -> dict[str, Path]:
    """Package name to source folder, as the build mapping has it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    mapping: dict[str, str] = settings["package-dir"]
    return {name: ROOT / folder for name, folder in mapping.items()}


def wanted_links() -> dict[Path, Path]:
    """Each link of the tree and the file that it stands for, one canary a mapped folder included."""
    links: dict[Path, Path] = {}
    for name, folder in package_folders().items():
        target = TREE.joinpath(*name.split("."))
        for source in folder.rglob("*"):
            if source.suffix in _SUFFIXES and source.is_file():
                links[target / source.relative_to(folder)] = source
        links[target / PLANTED] = CANARY
    return links


def lay() -> Path:
    """Brings the tree up to date and returns its root."""
    wanted = wanted_links()
    for path in [path for path in TREE.rglob("*") if path.is_symlink() and path not in wanted]:
        path.unlink(missing_ok=True)
    for link, source in wanted.items():
        goal = os.path.relpath(source, link.parent)
        if link.is_symlink() and os.readlink(link) == goal:  # noqa: PTH115 - Path.readlink would normalise it
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        with suppress(FileExistsError):
            link.symlink_to(goal)
    return TREE


if __name__ == "__main__":
    print(lay())
