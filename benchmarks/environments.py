"""The environments of peers: one each, with pinned packages, made once and kept in a cache.

A peer has `NAME_peer.py` and its packages in `NAME.txt`, or, on Node, `NAME.cjs` and `NAME.json`. A first line
`# needs python 3.12` in the packages asks for an interpreter at least so new.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from taskora.benchmarking.stage import BenchError

PEERS: Final = Path(__file__).parent / "peers"
CACHE_VARIABLE: Final = "TASKORA_BENCH_CACHE"
PYTHON_VARIABLE: Final = "TASKORA_BENCH_PYTHON"
_NEEDS: Final = "# needs python "
_MARK: Final = "made-of"
_PATIENCE_S: Final = 600.0
_SHOWN_CHARACTERS: Final = 400
_OLDEST_MINOR: Final = 12
_NEWEST_MINOR: Final = 15


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
        python = _interpreter(pins)
        _have(folder, pins, sys.version if python == sys.executable else python, tell, partial(_make_python, python))
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


def _interpreter(pins: Path) -> str:
    """Return our own interpreter, or one that is new enough for a peer's packages."""
    first = pins.read_text().partition("\n")[0]
    if not first.startswith(_NEEDS):
        return sys.executable
    needed = tuple(int(part) for part in first.removeprefix(_NEEDS).split("."))
    for candidate in _interpreters():
        if _version(candidate) >= needed:
            return candidate
    wanted = ".".join(map(str, needed))
    raise BenchError(f"it needs Python {wanted} or later; ${PYTHON_VARIABLE} may name one that is not on $PATH")


def _interpreters() -> Iterator[str]:
    """Our own, one that the user names, those on the path, and those of pyenv, of which the path shows only some."""
    yield sys.executable
    named = os.environ.get(PYTHON_VARIABLE)
    if named:
        yield named
    for minor in range(_OLDEST_MINOR, _NEWEST_MINOR + 1):
        found = shutil.which(f"python3.{minor}")
        if found:
            yield found
    yield from (str(path) for path in sorted(Path.home().glob(".pyenv/versions/3.*/bin/python")))


def _version(python: str) -> tuple[int, ...]:
    """Ask an interpreter; nothing where it cannot answer."""
    code = "import sys, venv; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=_PATIENCE_S)
    return tuple(int(part) for part in done.stdout.split()) if done.returncode == 0 else ()


def _make_python(python: str, folder: Path, pins: Path) -> None:
    _run([python, "-m", "venv", str(folder)])
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
