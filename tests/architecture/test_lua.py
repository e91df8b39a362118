"""What luacheck cannot see file by file: that a script includes what it calls, and that every function is called."""

import re
from functools import cache
from pathlib import Path

import pytest

LUA = Path(__file__).resolve().parents[2] / "lua"
SCRIPTS = sorted(LUA.rglob("*.lua"))

_INCLUDE = re.compile(r'^( *)--- @include "([^"]+)"', re.MULTILINE)
_FUNCTION = re.compile(r"^local function (\w+)", re.MULTILINE)
_NAME = re.compile(r"(?<![.:\w'\"])[A-Za-z_]\w*")


def includes(path: Path, *, outside_functions: bool = False) -> list[Path]:
    found = _INCLUDE.findall(path.read_text())
    return [LUA / "includes" / f"{name}.lua" for indent, name in found if not (indent and outside_functions)]


@cache
def visible(path: Path) -> frozenset[Path]:
    """A script and all that it includes, directly or not. What others include in a function is theirs alone."""
    seen = {path}
    todo = includes(path)
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo.extend(includes(current, outside_functions=True))
    return frozenset(seen)


def names_used(path: Path) -> list[str]:
    return _NAME.findall(re.sub(r"--.*", "", path.read_text()))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(LUA).as_posix())
def test_a_script_includes_the_functions_that_it_names(path: Path) -> None:
    owners = {
        name: other for other in (LUA / "includes").glob("*.lua") for name in _FUNCTION.findall(other.read_text())
    }
    own = set(re.findall(r"\blocal (?:function )?(\w+)", path.read_text()))
    missing = {
        name: owners[name].name
        for name in names_used(path)
        if name in owners and name not in own and owners[name] not in visible(path)
    }
    assert missing == {}


def test_every_included_file_exists() -> None:
    assert [(path.name, other.name) for path in SCRIPTS for other in includes(path) if not other.exists()] == []


def test_every_function_of_an_include_is_called() -> None:
    used = [name for path in SCRIPTS for name in names_used(path)]
    unused = [
        f"{path.name}: {name}"
        for path in (LUA / "includes").glob("*.lua")
        for name in _FUNCTION.findall(path.read_text())
        if used.count(name) < 2
    ]
    assert unused == []
