"""What is stored is data: nothing that is read from a server, or from anywhere, becomes code.

A name decides about an import in three places only, and none of these names comes from a server.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("taskora", "supervisor", "workflows", "lua")
MODULES = frozenset(
    {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml", "code", "codeop",
     "runpy", "imp", "zipimport"}
)  # fmt: skip
CALLS = frozenset({"eval", "exec", "compile", "__import__", "execfile", "breakpoint"})
OWNERS = frozenset({"re", "_re"})  # whose compile makes a pattern
# Where a module is imported by a name that is not written there, and whose name that is.
BY_NAME = {
    "taskora/__init__.py": "a member of the package, from a table in that file",
    "taskora/cli/main.py": "a command of the package, from a table in that file",
    "taskora/loading.py": "the application, as the operator names it on the command line",
}
IN_LUA = re.compile(r"\b(loadstring|loadfile|dofile|load|setfenv|require)\s*\(")


def run_from_data(source: str) -> list[str]:
    """What in a module would turn data into code, as ``line: what``."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [f"{node.lineno}: {name.name}" for name in names if name.name.split(".")[0] in MODULES]
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES and not node.level:
                found.append(f"{node.lineno}: {module}")
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                found.append(f"{node.lineno}: {name}()")
            case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in CALLS:
                if not (isinstance(owner, ast.Name) and owner.id in OWNERS):
                    found.append(f"{node.lineno}: {name}()")
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module"), args=[first, *_]):
                if not isinstance(first, ast.Constant):
                    found.append(f"{node.lineno}: import_module()")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr="system" | "popen")):
                found.append(f"{node.lineno}: a shell")
            case ast.keyword(arg="shell", value=ast.Constant(value=True)):
                found.append("0: a shell")
            case _:
                pass
    return found


def sources() -> dict[str, str]:
    paths = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def test_no_module_turns_data_into_code() -> None:
    found = {path: run_from_data(source) for path, source in sources().items()}
    by_name = {path for path, what in found.items() if any("import_module" in each for each in what)}
    assert by_name == set(BY_NAME)
    left = {path: [each for each in what if "import_module" not in each] for path, what in found.items()}
    assert {path: what for path, what in left.items() if what} == {}


def test_no_script_turns_data_into_code() -> None:
    for path in (ROOT / "lua").rglob("*.lua"):
        assert not IN_LUA.search(path.read_text(encoding="utf-8")), path.name


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from pickle import loads", "import yaml.loader", "eval(text)", "exec(text)", "__import__(name)",
     "compile(text, '', 'exec')", "builtins.eval(text)", "import_module(name)", "importlib.import_module(name)",
     "os.system(text)", "subprocess.run(text, shell=True)"],
)  # fmt: skip
def test_each_of_the_ways_is_seen(source: str) -> None:
    assert run_from_data(source)


@pytest.mark.parametrize("source", ["import re; re.compile(text)", "import_module('json')", "from .code import x"])
def test_what_does_no_harm_is_let_pass(source: str) -> None:
    assert not run_from_data(source)
