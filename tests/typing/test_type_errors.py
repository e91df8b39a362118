"""The cases in tests/typing/cases: code that type checkers must accept, and lines that they must reject.

A line that ends in ``# error: mypy,pyright`` must be reported by the checkers that it names; every other line must be
accepted by both.
"""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
ROOT = HERE.parents[1]

_MARK = re.compile(r"#\s*error:\s*(?P<checkers>[a-z, ]+?)\s*$")
_KNOWN = {"mypy", "pyright"}


def _load(name: str) -> ModuleType:
    """A module of this folder, which is not on the path: it would stand in the way of the library's `typing`."""
    spec = importlib.util.spec_from_file_location(f"taskora_tests_typing_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def marked_lines(checker: str) -> set[tuple[str, int]]:
    """Where a case says that ``checker`` must report an error."""
    marked: set[tuple[str, int]] = set()
    for path in sorted(CASES.glob("*.py")):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if found := _MARK.search(line):
                names = {name.strip() for name in found["checkers"].split(",")}
                assert names <= _KNOWN, f"{path.name}:{number} names unknown checkers: {names - _KNOWN}"
                if checker in names:
                    marked.add((path.name, number))
    return marked


@pytest.mark.timeout(300)
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_checker_reports_exactly_the_marked_lines(checker: str, tmp_path: Path) -> None:
    tree = _load("link_tree").lay()
    settings = _mypy_settings(tmp_path, tree) if checker == "mypy" else _pyright_settings(tmp_path, tree)
    reports = _load("checkers").RUNNERS[checker](ROOT, settings)
    found = {(report.path.name, report.line): report.message for report in reports if report.path.parent == CASES}
    marked = marked_lines(checker)
    unexpected = {place: message for place, message in found.items() if place not in marked}
    assert not unexpected, f"{checker} rejects lines that are right"
    assert not marked - found.keys(), f"{checker} accepts lines that are wrong"


def _mypy_settings(folder: Path, tree: Path) -> list[str]:
    settings = folder / "mypy.ini"
    settings.write_text(f"[mypy]\nstrict = true\nmypy_path = {tree}\ncache_dir = {ROOT / '.mypy_cache' / 'cases'}\n")
    return ["--config-file", str(settings), *map(str, sorted(CASES.glob("*.py")))]


def _pyright_settings(folder: Path, tree: Path) -> list[str]:
    settings = folder / "pyrightconfig.json"
    # An expression alone and a call nobody awaits are what many cases consist of.
    rules = {"typeCheckingMode": "strict", "reportUnusedExpression": False, "reportUnusedCoroutine": False}
    settings.write_text(json.dumps({**rules, "extraPaths": [str(tree)], "pythonVersion": "3.11"}))
    return ["--project", str(settings), *map(str, sorted(CASES.glob("*.py")))]
