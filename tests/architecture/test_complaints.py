"""Every complaint of the table has its tests, under these names."""

import ast
from functools import cache
from pathlib import Path

import pytest

from architecture.complaints import COMPLAINTS
from architecture.queue_complaints import NO_PROMISE, QUEUE_COMPLAINTS

TESTS = Path(__file__).resolve().parent.parent
ALL = {**COMPLAINTS, **QUEUE_COMPLAINTS}
SURVEYED = {f"P{number}" for number in range(1, 51)}


@cache
def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("complaint", ALL)
def test_a_complaint_has_tests_that_exist(complaint: str) -> None:
    _, names = ALL[complaint]
    assert names
    for name in names:
        path, _, function = name.partition("::")
        assert function.startswith("test_")
        assert function in functions_of(TESTS / path), name


def test_none_of_the_surveyed_complaints_is_missing() -> None:
    assert not COMPLAINTS.keys() & QUEUE_COMPLAINTS.keys()
    assert {name for name in ALL if name.startswith("P")} | NO_PROMISE.keys() == SURVEYED
