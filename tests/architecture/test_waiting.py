"""Tests wait for a condition: a fixed time is too short on a busy machine, and lost on an idle one.

What is looked for are calls of a function named ``sleep`` with a number of 0.1 s or more, written there or in a
constant of the file, in the tests and in the programs that they hold as text.
"""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
LIMIT_S = 0.1

# Where a sleep may be long, and why. A folder stands for all in it.
ALLOWED = {
    "support/waiting.py": "what stands for work that never ends",
    "architecture/test_waiting.py": "shows what is looked for",
    "testing": "handlers there sleep by a clock that the test moves",
}
_IN_TEXT = re.compile(r"\bsleep\(\s*(?P<seconds>\d+(?:\.\d+)?)\s*\)")


def long_sleeps(source: str) -> list[int]:
    """The lines of a module on which somebody sleeps for a fixed time that is too long."""
    if "sleep" not in source:
        return []
    tree = ast.parse(source)
    constants = _constants(tree)
    found: list[int] = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="sleep") | ast.Attribute(attr="sleep"), args=[first, *_]):
                if _longest(first, constants) >= LIMIT_S:
                    found.append(node.lineno)
            case ast.Call(keywords=keywords) if _is_told_to_sleep(keywords):
                found.append(node.lineno)
            case ast.Constant(value=str(text)) if "\n" in text or ";" in text:
                found += [node.lineno for match in _IN_TEXT.finditer(text) if float(match["seconds"]) >= LIMIT_S]
            case _:
                pass
    return sorted(found)


def _constants(tree: ast.Module) -> dict[str, float]:
    found: dict[str, float] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() | float() as value)):
                found[name] = value
            case _:
                pass
    return found


def _longest(node: ast.expr, constants: dict[str, float]) -> float:
    """How long the argument makes it sleep, 0 when that is not fixed; of two branches the longer one."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=name):
            return constants.get(name, 0)
        case ast.IfExp(body=body, orelse=orelse):
            return max(_longest(body, constants), _longest(orelse, constants))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _longest(left, constants) * _longest(right, constants)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _longest(left, constants) + _longest(right, constants)
        case _:
            return 0


def _is_told_to_sleep(keywords: list[ast.keyword]) -> bool:
    """Whether it is a thread or a timer with ``target=time.sleep``."""
    return any(isinstance(each.value, ast.Attribute) and each.value.attr == "sleep" for each in keywords)


def _is_allowed(path: Path) -> bool:
    place = path.relative_to(TESTS)
    return any(str(each) in ALLOWED for each in (place, *place.parents))


def test_no_test_sleeps_for_a_fixed_time() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        if not _is_allowed(path)
        for line in long_sleeps(path.read_text())
    ]
    remedy = "wait_until a condition, or, in a handler that never ends by itself, `forever` or `block_forever`"
    assert not found, f"{remedy}: {found}"


def test_every_exception_is_still_needed() -> None:
    for place in ALLOWED:
        paths = [TESTS / place] if place.endswith(".py") else (TESTS / place).rglob("*.py")
        assert any(long_sleeps(path.read_text()) for path in paths), place


@pytest.mark.parametrize(
    "source",
    [
        "time.sleep(0.1)",
        "async def f():\n    await asyncio.sleep(5 if slow else 0.01)",
        "sleep(2 * 60)",
        "PAUSE_S = 0.5\ntime.sleep(PAUSE_S)",
        "Thread(target=time.sleep, args=(60,))",
        "PROGRAM = '''\nimport time\ntime.sleep(600)\n'''",
        "PROGRAM = 'import time; time.sleep(60)'",
    ],
)
def test_a_fixed_sleep_is_found(source: str) -> None:
    assert long_sleeps(source)


@pytest.mark.parametrize(
    "source",
    ["time.sleep(0.05)", "time.sleep(pause_s)", "sleep(0.002 * (at % 5))", "time.sleep(cargo['takes'])", "'sleep'"],
)
def test_what_is_short_or_told_from_outside_is_not_found(source: str) -> None:
    assert not long_sleeps(source)
