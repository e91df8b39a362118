"""Each rule that was paid for, and each weak point that was found elsewhere, has its tests, under these names."""

import pytest

from architecture.decisions import DECISIONS
from architecture.test_complaints import TESTS, functions_of
from architecture.weak_points import NOT_OURS, WEAK_POINTS

RULES = {**DECISIONS, **WEAK_POINTS}
FOUND = {"W24b", *(f"W{number}" for number in range(1, 58))}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_tests_that_exist(rule: str) -> None:
    _, names = RULES[rule]
    assert names
    for name in names:
        path, _, function = name.partition("::")
        assert function in functions_of(TESTS / path), name


def test_no_weak_point_is_missing() -> None:
    assert WEAK_POINTS.keys() | NOT_OURS.keys() == FOUND
