"""The build mapping names every package by hand; these tests hold it against what is on disk."""

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from taskora.version import VERSION

ROOT = Path(__file__).resolve().parents[2]


def settings() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    return found


def packages_on_disk() -> set[str]:
    """Every folder with Python files, by its installed name, whether or not it has an __init__.py."""
    return {
        ".".join((package, *path.parent.relative_to(ROOT / folder).parts))
        for package, folder in settings()["package-dir"].items()
        for path in (ROOT / folder).rglob("*.py")
    }


def test_every_package_is_listed_and_every_listed_package_exists() -> None:
    assert set(settings()["packages"]) == packages_on_disk()


def test_the_version_is_the_distributions() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_every_package_has_an_init_file() -> None:
    mapping: dict[str, str] = settings()["package-dir"]
    missing: list[str] = []
    for name in sorted(packages_on_disk()):
        mapped = max((package for package in mapping if f"{name}.".startswith(f"{package}.")), key=len)
        folder = ROOT.joinpath(mapping[mapped], *name.removeprefix(mapped).split("."))
        if not (folder / "__init__.py").exists():
            missing.append(name)
    assert missing == []


def test_every_lua_file_is_shipped() -> None:
    patterns: list[str] = settings()["package-data"]["taskora.lua"]
    shipped = {path for pattern in patterns for path in (ROOT / "lua").glob(pattern)}
    assert set((ROOT / "lua").rglob("*.lua")) == shipped


@pytest.mark.parametrize("name", ["supervisor", "workflows", "lua"])
def test_a_mapped_folder_is_not_importable_by_its_bare_name(name: str) -> None:
    assert importlib.util.find_spec(name) is None


def test_importing_the_package_loads_nothing_slow() -> None:
    slow = ("networkx", "redis", "croniter", "click", "pydantic", "msgspec", "uvloop", "taskora.cli", "taskora.testing")
    program = f"import sys, taskora; print([name for name in {slow!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
