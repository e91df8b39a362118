"""A server of our own for the length of a run."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from taskora.benchmarking.stage import BenchError
from taskora.connection.embedded_binary import find_server

_PATIENCE_S: Final = 10.0
_LOOK_S: Final = 0.01


@contextmanager
def serving(flavor: str, folder: Path) -> Generator[str]:
    """Run a server on a free port, without a disk, otherwise as it comes; gives its URL.

    Args:
        flavor: ``redis`` or ``valkey``; ``redis`` falls back to the bundled Valkey where it is not installed.
        folder: For its log.

    Raises:
        BenchError: It does not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [str(_binary(flavor)), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([*command, "--dir", str(folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _have_it_answer(process, port, folder)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.kill()  # nothing of it is kept
        process.wait()


def _binary(flavor: str) -> Path:
    found = shutil.which(f"{flavor}-server")
    return Path(found) if found else find_server()


def _have_it_answer(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline_s:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(5) == b"+PONG":
                    return
        except OSError:
            time.sleep(_LOOK_S)
    raise BenchError(f"the server does not answer; its log: {(folder / 'server.log').read_text(errors='replace')}")
