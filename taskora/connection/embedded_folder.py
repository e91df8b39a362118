"""The folder of the embedded server: which one it is, what it looks like, and where its socket lies."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from taskora.errors import AdapterError, ConfigError
from taskora.quoting import quoted

from .embedded_guardian import SOCKET, SOCKET_RECORD

NAME = ".taskora"
PROJECT_MARKS = ("pyproject.toml", ".git")
LONGEST_SOCKET_PATH = 103  # bytes: 107 on Linux, 103 on macOS
_NO_PATH = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def default_folder() -> Path:
    """``.taskora`` in the project: the nearest folder, from here upwards, with a pyproject.toml or .git; else here."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in PROJECT_MARKS):
            return folder / NAME
    return here / NAME


def folder_of_url(url: str) -> Path:
    """The folder that ``embedded://PATH`` names; `default_folder` for a bare ``embedded://``.

    ``embedded:///var/data`` is absolute, ``embedded://data/queue`` starts from the working folder, and ``~`` is the
    home folder.

    Raises:
        ConfigError: It is another kind of URL, or has a query or a fragment.
    """
    scheme, mark, rest = url.partition("://")
    parts = urlsplit(f"//x/{rest}")
    path = unquote(rest)
    if scheme != "embedded" or not mark or parts.query or parts.fragment or _NO_PATH.search(path):
        raise ConfigError(f"adapter: expected embedded://PATH, with ? and # written as %3F and %23, got {quoted(url)}")
    return Path(path).expanduser().absolute() if rest else default_folder()


def prepare(folder: Path) -> None:
    """Make the folder (0700). A new or empty one gets a .gitignore that keeps all of it out of the repository.

    Raises:
        AdapterError: It cannot be made or is not ours to write.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            (folder / ".gitignore").write_text("*\n")
    except OSError as error:
        raise AdapterError(
            f"the folder of the embedded server, {folder}, cannot be used: {error.strerror}. "
            "Name another one: embedded://PATH"
        ) from error


def socket_path(folder: Path) -> Path:
    """Where the server's socket is to be; only under the start lock.

    In the folder, or, if that path is too long for a socket, in a private folder whose path is noted in this one.
    """
    if (known := known_socket_path(folder)) is not None:
        return known
    path = _private_folder() / SOCKET
    (folder / SOCKET_RECORD).write_text(str(path))
    return path


def known_socket_path(folder: Path) -> Path | None:
    """Where the server's socket is; None if it needs a private folder and has none that can be trusted."""
    near = folder / SOCKET
    if len(os.fsencode(near)) <= LONGEST_SOCKET_PATH:
        return near
    try:
        noted = Path((folder / SOCKET_RECORD).read_text())
        found = noted.parent.lstat()
    except OSError:
        return None
    # In a shared /tmp anybody could have taken the name after a clean-up.
    private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
    return noted if private else None


def _private_folder() -> Path:
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), "/tmp"):  # noqa: S108 (mkdtemp: new, unguessable, 0700)
        if parent and len(os.fsencode(parent)) <= LONGEST_SOCKET_PATH - 40 and os.access(parent, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="taskora-", dir=parent))
    raise AdapterError(
        "no place for the embedded server's socket: its folder's path is too long and /tmp cannot be written. "
        "Name a folder with a shorter path: embedded://PATH"
    )
