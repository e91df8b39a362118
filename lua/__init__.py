"""Every server-side script: one operation a file in ``commands``, one function or family a file in ``includes``.

A line ``--- @include "name"`` stands for ``includes/name.lua``; each is taken once, before the code that uses it.
Indented, inside a function, it makes what it brings when that function is called: a server makes all functions of a
script anew in each call, which takes it as long as several commands.

On a cluster, where tasks and workflows lie in different slots, some files are replaced by those of the same path in
``cluster`` (scripts on tasks) or ``share`` (scripts on workflows). These scripts begin with ``#!lua``, by which the
server refuses to let them touch a key of another slot. Those that store what is new are refused by a server without
room, as elsewhere; the others have to be allowed to run there, so that workers go on.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_ON_WORKFLOWS = frozenset(
    {"continue_workflow", "mend_node", "start_workflow", "stop_workflow", "store_workflow", "trim_workflows"}
)  # fmt: skip
_STORING = frozenset({"enqueue", "enqueue_occurrence", "enqueue_ruled", "start_workflow", "store_workflow"})
_INCLUDE = re.compile(r'^( *)--- @include "([a-z_]+)"\s*$')


@dataclass(frozen=True, slots=True)
class Script:
    """A complete script.

    Attributes:
        name: File name without the ending.
        source: Its text with all includes resolved and comments removed.
        sha: What EVALSHA calls it by.
    """

    name: str
    source: str
    sha: str


class ScriptError(Exception):
    """A script or include is missing or circular."""


@cache
def load(name: str, flavor: str = "") -> Script:
    """Read a script.

    Args:
        name: File name without the ending.
        flavor: ``cluster`` for one as it is on a cluster; empty for one as it is elsewhere.

    Raises:
        ScriptError: It, or what it includes, does not exist or includes itself; the message names file and line.
    """
    lines = ["#!lua" if name in _STORING else "#!lua flags=allow-oom"] if flavor else []
    folder = "share" if flavor and name in _ON_WORKFLOWS else flavor
    _read(f"commands/{name}.lua", folder, (), set(), lines)
    source = "\n".join(lines) + "\n"
    return Script(name, source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


def names() -> list[str]:
    """List all scripts."""
    folder = files("taskora.lua") / "commands"
    return sorted(entry.name.removesuffix(".lua") for entry in folder.iterdir() if entry.name.endswith(".lua"))


def _read(path: str, flavor: str, parents: tuple[str, ...], done: set[str], lines: list[str]) -> None:
    text = _text(path, flavor, parents)
    for number, line in enumerate(text.splitlines(), 1):
        match = _INCLUDE.match(line)
        if match is None:
            if line.strip() and not line.lstrip().startswith("--"):
                lines.append(line.strip())
            continue
        include = f"includes/{match[2]}.lua"
        here = f"{path}:{number}"
        if include in done:
            continue
        if any(parent.startswith(f"{include}:") for parent in parents):
            raise ScriptError(f"{here}: {include} includes itself, by way of {' -> '.join((*parents, here))}")
        if match[1]:
            _read(include, flavor, (*parents, here), done.copy(), lines)
        else:
            _read(include, flavor, (*parents, here), done, lines)
            done.add(include)


def _text(path: str, flavor: str, parents: tuple[str, ...]) -> str:
    folder, _, name = path.partition("/")
    if flavor:
        own = files("taskora.lua") / flavor / folder / name
        if own.is_file():
            return own.read_text(encoding="utf-8")
    try:
        return (files("taskora.lua") / folder / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        where = f"{parents[-1]}: " if parents else ""
        raise ScriptError(f"{where}there is no {path}") from None
