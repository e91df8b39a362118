"""The environments of peers: one each, with pinned packages, made once and kept in a cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
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


def interpreter(name: str, tell: Callable[[str], None]) -> Path:
    """Return the interpreter of a peer's environment; makes it first where it is missing or its packages changed.

    Raises:
        BenchError: It cannot be made.
    """
    pins = PEERS / f"{name}.txt"
    made_of = f"{hashlib.sha256(pins.read_bytes()).hexdigest()} {sys.version}"
    folder = cache_folder() / name
    python = folder / "bin" / "python"
    mark = folder / _MARK
    if mark.exists() and mark.read_text() == made_of and python.exists():
        return python
    tell(f"installing {name} into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", str(pins)])
    mark.write_text(made_of)
    return python


def pinned(name: str, package: str) -> str:
    """Return the version that a peer's package is pinned to."""
    lines = (PEERS / f"{name}.txt").read_text().splitlines()
    return next(line.partition("==")[2].strip() for line in lines if line.startswith(f"{package}=="))


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PATIENCE_S)
    except subprocess.CalledProcessError as error:
        shown = str(error.stderr).strip()[-_SHOWN_CHARACTERS:]
        raise BenchError(f"{' '.join(command)} ended with code {error.returncode}: {shown}") from None
    except subprocess.TimeoutExpired:
        raise BenchError(f"{' '.join(command)} did not end within {_PATIENCE_S:.0f} s") from None
