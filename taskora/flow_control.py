"""Options by which keys decide about dispatches: small frozen values that check themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypedDict, TypeVar, cast, get_args

from taskora.callables import check_takes
from taskora.config import check_count, check_flag
from taskora.duration import Duration, to_ms
from taskora.errors import ConfigError
from taskora.ids import new_id
from taskora.keys import check_text
from taskora.quoting import quoted
from taskora.rules import CollectRule, DebounceRule, DeduplicateRule, Rule, ThrottleRule

HeldWhile: TypeAlias = Literal["waiting", "delayed", "active"]
_HELD_WHILE: tuple[object, ...] = get_args(HeldWhile)
Item_contra = TypeVar("Item_contra", contravariant=True)


def check_key(value: object, name: str) -> str:
    """Refuse what cannot be a key of flow control.

    Raises:
        ConfigError: It is no text, or empty, or longer than 500 characters, or cannot be written as UTF-8.
    """
    if not isinstance(value, str) or not 0 < len(value) <= 500:
        raise ConfigError(f"{name}: expected a text of 1 to 500 characters, got {quoted(value)}")
    return check_text(value, name)


def _positive_ms(value: Duration, name: str) -> int:
    ms = to_ms(value, name)
    if ms < 1:
        raise ConfigError(f"{name}: must be at least 1 ms, got {quoted(value)}")
    return ms


@dataclass(frozen=True, slots=True)
class Debounce:
    """Of several dispatches with one key only the last becomes a job.

    Attributes:
        key: What belongs together, within its task.
        delay: Time from a dispatch until its job is due; each further one begins it anew.
    """

    key: str
    delay: Duration

    def __post_init__(self) -> None:
        check_key(self.key, "debounce.key")
        _positive_ms(self.delay, "debounce.delay")

    @property
    def rule(self) -> DebounceRule:
        """It, as it is stored."""
        return DebounceRule(self.key, to_ms(self.delay))


@dataclass(frozen=True, slots=True)
class Throttle:
    """So many dispatches with one key are accepted in a window, which begins with the first; others are refused.

    Around the end of a window up to twice as many may be accepted in less than its length.

    Attributes:
        key: What belongs together, within its task.
        max: How many are accepted.
        window: Length of the window.
    """

    key: str
    max: int
    window: Duration

    def __post_init__(self) -> None:
        check_key(self.key, "throttle.key")
        check_count(self.max, "throttle.max")
        _positive_ms(self.window, "throttle.window")

    @property
    def rule(self) -> ThrottleRule:
        """It, as it is stored."""
        return ThrottleRule(self.key, self.max, to_ms(self.window))


@dataclass(frozen=True, slots=True)
class Deduplicate:
    """A dispatch is refused while another job with its key is in one of some states.

    Attributes:
        key: What belongs together, within its task.
        while_: The states. A job that waits for its next attempt counts as active.
    """

    key: str
    while_: tuple[HeldWhile, ...] = ("waiting", "delayed", "active")

    def __post_init__(self) -> None:
        check_key(self.key, "deduplicate.key")
        states = cast("object", self.while_)
        known = isinstance(states, tuple) and all(state in _HELD_WHILE for state in cast("tuple[object, ...]", states))
        if not known or not states:
            given = quoted(cast("object", self.while_))
            raise ConfigError(f'deduplicate.while_: expected a tuple of "waiting", "delayed" and "active", got {given}')

    @property
    def rule(self) -> DeduplicateRule:
        """It, as it is stored."""
        return DeduplicateRule(self.key, self.while_)


# Without slots: Python 3.11 could not make a Collect[Row](...) that has them and is frozen.
@dataclass(frozen=True)
class Collect(Generic[Item_contra]):
    """What is dispatched is gathered into batches; the handler is given a list.

    Attributes:
        key: Names the batch that an item goes to, or takes the item, as it was dispatched, and returns the name.
        delay: Time without another item after which a batch is due.
        max_size: Number of items with which it is due at once; None for no limit.
        max_wait: Time from its first item after which it is due whatever comes; None for no limit.
    """

    key: str | Callable[[Item_contra], str]
    delay: Duration
    max_size: int | None = None
    max_wait: Duration | None = None

    def __post_init__(self) -> None:
        if callable(self.key):
            check_takes(self.key, ("the item",), "collect.key", waits=False)
        else:
            check_key(self.key, "collect.key")
        _positive_ms(self.delay, "collect.delay")
        if self.max_size is not None:
            check_count(self.max_size, "collect.max_size")
        if self.max_wait is not None:
            _positive_ms(self.max_wait, "collect.max_wait")

    def rule_for(self, item: Item_contra, max_bytes: int = 0) -> CollectRule:
        """Say where an item goes.

        Args:
            item: It.
            max_bytes: Size that a batch is not to exceed; 0 for any.

        Raises:
            ConfigError: The function gave no key.
        """
        key = check_key(self.key(item), "collect.key(item)") if callable(self.key) else self.key
        max_wait_ms = 0 if self.max_wait is None else to_ms(self.max_wait)
        return CollectRule(key, new_id(), to_ms(self.delay), self.max_size or 0, max_wait_ms, max_bytes)


_KINDS: dict[str, type[Debounce | Throttle | Deduplicate]] = {
    "debounce": Debounce,
    "throttle": Throttle,
    "deduplicate": Deduplicate,
}


class RuleOptions(TypedDict, total=False):
    """Options of a dispatch about which keys decide. They exclude each other.

    Attributes:
        debounce: Only the last of several dispatches becomes a job; a job that it replaces is gone, and whoever waits
            for that waits for this one.
        throttle: So many are accepted in a time.
        deduplicate: None is accepted while another job holds the key.
        raise_on_reject: Raise when throttle or deduplicate refuse it: at once in plain code, from ``await`` on a loop.
    """

    debounce: Debounce | None
    throttle: Throttle | None
    deduplicate: Deduplicate | None
    raise_on_reject: bool


def ruling(options: Mapping[str, object]) -> Rule | None:
    """Return what decides about a dispatch with these options; None when nothing does.

    Raises:
        ConfigError: One is wrong, or two exclude each other; the message names both.
    """
    given = {name for name, value in options.items() if value is not None and value is not False}
    if "raise_on_reject" in given:
        check_flag(options["raise_on_reject"], "raise_on_reject")
    _check_exclusive(given)
    for name, kind in _KINDS.items():
        if name in given:
            value = options[name]
            if not isinstance(value, kind):
                raise ConfigError(f"{name}: expected {kind.__name__}(...), got {quoted(value)}")
            return value.rule
    return None


def _check_exclusive(given: set[str]) -> None:
    rules = [name for name in _KINDS if name in given]
    if len(rules) > 1:
        raise ConfigError(f"{rules[1]}: it excludes {rules[0]}; give one of them")
    for rule in rules:
        if "job_id" in given:
            raise ConfigError(f"job_id: it excludes {rule}; a key or an id decides about a dispatch, not both")
        if rule == "debounce" and "delay" in given:
            raise ConfigError("delay: it excludes debounce, which has a delay of its own")
    if "raise_on_reject" in given and not {"throttle", "deduplicate"} & given:
        raise ConfigError("raise_on_reject: only throttle and deduplicate refuse a dispatch; give one of them")
