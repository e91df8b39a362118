"""Scripts are read with their includes, each once, and what is wrong is named by file and line."""

import hashlib
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from taskora import lua
from taskora.lua import ScriptError, load, names

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Has the loader read a folder of the test's own, and returns what writes files there."""

    def put(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)

    def folder(package: str) -> Path:
        return tmp_path

    monkeypatch.setattr(lua, "files", folder)
    load.cache_clear()
    yield put
    load.cache_clear()


def test_a_script_is_its_text_with_includes_in_place(write: Write) -> None:
    write("commands/go.lua", '-- Contract.\n--- @include "b"\n\nreturn b()\n')
    write("includes/b.lua", '--- @include "a"\nlocal function b() return a() end\n')
    write("includes/a.lua", "  local function a() return 1 end -- kept\n")
    script = load("go")
    assert script.source == "local function a() return 1 end -- kept\nlocal function b() return a() end\nreturn b()\n"
    assert script.sha == hashlib.sha1(script.source.encode()).hexdigest()
    assert script.name == "go"
    assert load("go") is script


def test_what_several_include_is_taken_once_and_before_all_of_them(write: Write) -> None:
    write("commands/go.lua", '--- @include "b"\n--- @include "c"\n--- @include "a"\nreturn 1\n')
    write("includes/a.lua", "local a = 1\n")
    write("includes/b.lua", '--- @include "a"\nlocal b = a\n')
    write("includes/c.lua", '--- @include "a"\nlocal c = a\n')
    assert load("go").source.splitlines() == ["local a = 1", "local b = a", "local c = a", "return 1"]


def test_what_a_function_includes_is_made_in_it_unless_it_is_there_already(write: Write) -> None:
    write("commands/go.lua", '--- @include "a"\n--- @include "b"\n--- @include "c"\nreturn b() + c\n')
    write("includes/a.lua", "local a = 1\n")
    write("includes/b.lua", 'local function b()\n  --- @include "a"\n  --- @include "c"\n  return a + c\nend\n')
    write("includes/c.lua", "local c = 2\n")
    assert load("go").source.splitlines() == [
        "local a = 1", "local function b()", "local c = 2", "return a + c", "end", "local c = 2", "return b() + c"
    ]  # fmt: skip


def test_a_missing_script_is_named(write: Write) -> None:
    with pytest.raises(ScriptError, match=r"there is no commands/nothing\.lua"):
        load("nothing")


def test_a_missing_include_is_named_with_the_file_and_line_that_ask_for_it(write: Write) -> None:
    write("commands/go.lua", '-- One.\n-- Two.\n--- @include "b"\n')
    write("includes/b.lua", '\n--- @include "lost"\n')
    with pytest.raises(ScriptError, match=r"^includes/b\.lua:2: there is no includes/lost\.lua$"):
        load("go")


def test_a_circle_is_named_with_all_its_files_and_lines(write: Write) -> None:
    write("commands/go.lua", '--- @include "a"\n')
    write("includes/a.lua", '\n--- @include "b"\n')
    write("includes/b.lua", '\n\n--- @include "a"\n')
    with pytest.raises(ScriptError) as caught:
        load("go")
    message = str(caught.value)
    assert message.startswith("includes/b.lua:3: includes/a.lua includes itself")
    assert "commands/go.lua:1 -> includes/a.lua:2 -> includes/b.lua:3" in message


def test_an_include_of_itself_is_a_circle(write: Write) -> None:
    write("commands/go.lua", '--- @include "a"\n')
    write("includes/a.lua", '--- @include "a"\n')
    with pytest.raises(ScriptError, match=r"includes/a\.lua:1: includes/a\.lua includes itself"):
        load("go")


def top_level_locals(path: str, done: set[str]) -> int:
    """Local variables of a script and its includes, outside of their functions and blocks."""
    done.add(path)
    text = (files("taskora.lua") / path).read_text()
    count = sum(line.startswith("local ") for line in text.splitlines())
    for name in re.findall(r'^--- @include "(\w+)"', text, re.MULTILINE):
        include = f"includes/{name}.lua"
        count += 0 if include in done else top_level_locals(include, done)
    return count


def test_every_shipped_script_can_be_read_and_stays_within_the_limits_of_the_language() -> None:
    assert "step" in names()
    for name in names():
        assert "@include" not in load(name).source
        # A function of Lua 5.1 holds at most 200 local variables; top-level ones count together.
        assert top_level_locals(f"commands/{name}.lua", set()) < 150
