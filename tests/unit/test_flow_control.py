"""The options of flow control check themselves and name the field that is wrong."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from taskora import Collect, ConfigError, Debounce, Deduplicate, Throttle
from taskora.flow_control import ruling
from taskora.rules import CollectRule, DebounceRule, DeduplicateRule, ThrottleRule


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Debounce("", "1s"), "debounce.key"),
        (lambda: Debounce(cast("Any", 5), "1s"), "debounce.key"),
        (lambda: Debounce("k" * 501, "1s"), "debounce.key"),
        (lambda: Debounce("k", 0), "debounce.delay"),
        (lambda: Debounce("k", "soon"), "debounce.delay"),
        (lambda: Throttle("", 1, 1), "throttle.key"),
        (lambda: Throttle("k", 0, 1), "throttle.max"),
        (lambda: Throttle("k", 1, 0), "throttle.window"),
        (lambda: Deduplicate(""), "deduplicate.key"),
        (lambda: Deduplicate("k", while_=()), "deduplicate.while_"),
        (lambda: Deduplicate("k", while_=cast("Any", ("done",))), "deduplicate.while_"),
        (lambda: Deduplicate("k", while_=cast("Any", "waiting")), "deduplicate.while_"),
        (lambda: Collect[int]("", 1), "collect.key"),
        (lambda: Collect[int]("k", 0), "collect.delay"),
        (lambda: Collect[int]("k", 1, max_size=0), "collect.max_size"),
        (lambda: Collect[int]("k", 1, max_wait=0), "collect.max_wait"),
    ],
)
def test_a_wrong_value_is_refused_by_its_fields_name(make: Callable[[], object], field: str) -> None:
    with pytest.raises(ConfigError, match=f"^{field}: "):
        make()


def test_rules_carry_milliseconds() -> None:
    assert Debounce("k", "2s").rule == DebounceRule("k", 2_000)
    assert Throttle("k", 3, "1m").rule == ThrottleRule("k", 3, 60_000)
    assert Deduplicate("k").rule == DeduplicateRule("k", ("waiting", "delayed", "active"))
    rule = Collect[str](len_of, "1s", max_wait="5s").rule_for("abc")
    assert rule == CollectRule("3", rule.batch_id, 1_000, 0, 5_000)


def len_of(item: str) -> str:
    return str(len(item))


def test_a_function_that_gives_no_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^collect\.key\(item\): "):
        Collect[int](lambda _: "", 1).rule_for(1)


def test_options_that_are_left_out_or_none_decide_nothing() -> None:
    assert ruling({}) is None
    assert ruling({"debounce": None, "throttle": None, "raise_on_reject": False, "delay": 5}) is None


def test_something_else_than_the_option_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^throttle: expected Throttle"):
        ruling({"throttle": "api"})
