"""The environments of peers: one each, with pinned packages, made once and kept in a cache.

A peer has `NAME_peer.py` and its packages in `NAME.txt`, or, on Node, `NAME.cjs` and `NAME.json`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from taskora.benchmarking.stage import BenchError

PEERS: Final = Path(__file__).parent / "peers"
CACHE_VARIABLE: Final = "TASKORA_BENCH_CACHE"
_MARK: Final = "made-of"
_PATIENCE_S: Final = 600.0
_SHOWN_CHARACTERS: Final = 400


def cache_folder() -> Path:
    """Where environments are kept: ``$TASKORA_BENCH_CACHE``, else ``taskora-bench`` in the user's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "taskora-bench"


@dataclass(frozen=True, slots=True)
class Environment:
    """How a peer's file is run.

    Attributes:
        command: To be followed by its arguments.
        variables: For its environment.
        version: Of the peer's package.
    """

    command: tuple[str, ...]
    variables: Mapping[str, str]
    version: str


def prepare(name: str, package: str, tell: Callable[[str], None]) -> Environment:
    """Return a peer's environment; makes it first where it is missing or its packages changed.

    Raises:
        BenchError: It cannot be made.
    """
    folder = cache_folder() / name
    if not (PEERS / f"{name}.json").exists():
        pins = PEERS / f"{name}.txt"
        _have(folder, pins, sys.version, tell, _make_python)
        variables = {"PYTHONPATH": str(PEERS.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        return Environment((str(_python(folder)), "-m", "peers", name), variables, _pinned(pins, f"{package}=="))
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise BenchError("node and npm are not installed")
    pins = PEERS / f"{name}.json"
    _have(folder, pins, node, tell, _make_node)
    variables = {"NODE_PATH": str(folder / "node_modules")}
    return Environment((node, str(PEERS / f"{name}.cjs")), variables, _pinned(pins, f'"{package}": '))


def _have(
    folder: Path, pins: Path, made_with: str, tell: Callable[[str], None], make: Callable[[Path, Path], None]
) -> None:
    made_of = f"{hashlib.sha256(pins.read_bytes()).hexdigest()} {made_with}"
    mark = folder / _MARK
    if mark.exists() and mark.read_text() == made_of:
        return
    tell(f"installing {pins.stem} into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    make(folder, pins)
    mark.write_text(made_of)


def _make_python(folder: Path, pins: Path) -> None:
    _run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(_python(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--requirement", str(pins)])


def _make_node(folder: Path, pins: Path) -> None:
    folder.mkdir(parents=True)
    shutil.copy(pins, folder / "package.json")
    _run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)])


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _pinned(pins: Path, before: str) -> str:
    """Return the version that stands behind a text in a file of pinned packages."""
    lines = (line.strip() for line in pins.read_text().splitlines())
    return next(line.removeprefix(before).strip('",') for line in lines if line.startswith(before))


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PATIENCE_S)
    except subprocess.CalledProcessError as error:
        shown = str(error.stderr).strip()[-_SHOWN_CHARACTERS:]
        raise BenchError(f"{' '.join(command)} ended with code {error.returncode}: {shown}") from None
    except subprocess.TimeoutExpired:
        raise BenchError(f"{' '.join(command)} did not end within {_PATIENCE_S:.0f} s") from None
