"""Wrong values for every field of every option that checks itself, and for the application's own."""

from taskora import Collect, Debounce, Retry
from unit.bad_input.case import Wrong
from unit.bad_input.values import (
    HALF_A_PAIR,
    LONG,
    NOT_COUNTS,
    NOT_DURATIONS,
    NOT_FLAGS,
    NOT_KEYS,
    NOT_TEXTS,
    Nothing,
    Unprintable,
    generates,
    takes_five,
    takes_nothing,
)

Table = dict[str, dict[str, tuple[Wrong, ...]]]


async def waits(item: object) -> object:
    return item


DURATION = (Wrong(NOT_DURATIONS),)
DURATION_ABOVE_0 = (Wrong((*NOT_DURATIONS, 0, 0.0, "0s")),)
COUNT = (Wrong((*NOT_COUNTS, 0)),)
COUNT_OR_0 = (Wrong(NOT_COUNTS),)
FLAG = (Wrong(NOT_FLAGS),)
KEY = (Wrong(NOT_KEYS),)
NOT_ZONES: tuple[object, ...] = (
    *NOT_TEXTS,
    "",
    "Mars/Olympus",
    "../UTC",
    "/etc/localtime",
    "UTC\0",
    HALF_A_PAIR,
    LONG,
    "Europe/Berlin\n",
)
NOT_CRONS: tuple[object, ...] = (
    *NOT_TEXTS, "", "* * * *", "* * * * * * *", "60 * * * *", "* * 30 2 *", "a b c d e", "@never", "*/0 * * * *",
    "* * * * *\0", HALF_A_PAIR, LONG,
)  # fmt: skip
INDEX = (
    Wrong(("user_id", ["a"], 5, None, {}, Nothing(), Unprintable())),
    Wrong(
        (("",), ("a b",), ("a:b",), ("a..b",), (".",), (5,), (None,), ("a\n",), (HALF_A_PAIR,), (LONG,)), named=False
    ),
    Wrong((("a", "a"), tuple("abcdefghi"))),
)
NOT_POLICIES: tuple[object, ...] = (
    *NOT_TEXTS, "", "later", "catch-up-limit:", "catch-up-limit:0", "catch-up-limit:-1", "catch-up-limit:x",
    "catch-up-limit:" + "9" * 5000, "catch-up-limit:³", None, LONG,
)  # fmt: skip
NOT_ERROR_TYPES = (5, ValueError, "ValueError", ("ValueError",), [ValueError], (ValueError(),), (int,), Unprintable())
NOT_URLS: tuple[object, ...] = (
    "", " ", "localhost", "localhost:6379", "http://localhost", "redis:/localhost", "redis://localhost:port",
    "redis://localhost:0", "redis://localhost:99999", "redis://localhost/x", "redis://localhost/-1",
    "redis://localhost?what=", "redis://localhost#1", "redis://[::1", "unix://relative/path", "unix:", "memory:",
    "memory://shared", "redis://local host", "redis://localhost\n", "redis://local\0host", f"redis://{HALF_A_PAIR}",
    "redis://localhost?ssl_certfile=x", "embedded:", "embedded", "embedded://a\0b", LONG,
    "redis://" + LONG, "redis+sentinel://localhost", "redis+cluster://",
)  # fmt: skip
NOT_PREFIXES: tuple[object, ...] = (*NOT_TEXTS, "a b", "a*", "a?", "[a]", "a\\", "a\n", "a\0", HALF_A_PAIR, LONG)
NOT_RETRIES: tuple[object, ...] = (3, True, "3", {"attempts": 3}, [], Retry, Nothing(), Unprintable())

SETTINGS: Table = {
    "Retry": {
        "attempts": COUNT,
        "backoff": (
            Wrong((5, "quadratic", "", b"fixed", [], None, takes_nothing, takes_five, generates, waits, Unprintable())),
        ),
        "delay": DURATION,
        "max_delay": DURATION,
        "jitter": FLAG,
        "retry_on": (Wrong(NOT_ERROR_TYPES),),
        "no_retry_on": (Wrong(NOT_ERROR_TYPES),),
    },
    "Stall": {"interval": (Wrong((*NOT_DURATIONS, 0, 0.05, "99ms")),), "max_count": COUNT_OR_0},
    "Ttl": {"max": DURATION_ABOVE_0, "on_expire": (Wrong((*NOT_TEXTS, "", "drop", None, [], LONG)),)},
    "Keep": {"max_age": DURATION, "max_items": COUNT_OR_0, "min_age": (Wrong((*NOT_DURATIONS, None)),)},
    "Retention": {
        "completed": (Wrong(("1h", 100, None, {}, Nothing(), Unprintable())),),
        "failed": (Wrong(("1h", 100, None, {}, Nothing(), Unprintable())),),
    },
    "Schedule": {
        "every": (Wrong((*NOT_DURATIONS, 0, 0.05)),),
        "cron": (
            Wrong((*NOT_TEXTS, "")),
            Wrong(("* * * * *",), says=("every", "cron"), beside=(("every", 60),), named=False),
        ),
        "timezone": (Wrong((*NOT_TEXTS, "", None)),),
        "overlap": FLAG,
        "on_missed": (Wrong(NOT_POLICIES),),
    },
    "SchedulerConfig": {
        "poll_interval": (Wrong((*NOT_DURATIONS, 0, 0.001)),),
        "lock_ttl": (Wrong((*NOT_DURATIONS, 0, 0.1)),),
    },
    "Defaults": {
        "retry": (Wrong((*NOT_RETRIES, None)),),
        "timeout": DURATION_ABOVE_0,
        "concurrency": (Wrong((*NOT_COUNTS, 0, None)),),
        "stall": (Wrong((*NOT_RETRIES, None)),),
        "lock_ttl": (Wrong((*NOT_DURATIONS, 0, 0.5, None)),),
        "cancel_grace": (Wrong((*NOT_DURATIONS, None)),),
    },
    "Debounce": {"key": (Wrong((*NOT_KEYS, None)),), "delay": (Wrong((*NOT_DURATIONS, 0, None)),)},
    "Throttle": {
        "key": (Wrong((*NOT_KEYS, None)),),
        "max": (Wrong((*NOT_COUNTS, 0, None)),),
        "window": (Wrong((*NOT_DURATIONS, 0, None)),),
    },
    "Deduplicate": {
        "key": (Wrong((*NOT_KEYS, None)),),
        "while_": (Wrong(("waiting", (), ("done",), ["waiting"], None, 5, {}, (Nothing(),), Unprintable())),),
    },
    "Collect": {
        "key": (Wrong((*NOT_KEYS, None, takes_nothing, takes_five, generates, waits)),),
        "delay": (Wrong((*NOT_DURATIONS, 0, None)),),
        "max_size": COUNT,
        "max_wait": (Wrong((*NOT_DURATIONS, 0)),),
    },
    "Collect.rule_for": {"item": (Wrong((*NOT_KEYS, None), says=("collect.key",)),)},
    "TaskContract": {
        "name": (Wrong((*NOT_TEXTS, "", "a b", "{a}", HALF_A_PAIR, LONG)),),
        "validates": FLAG,
        "retry": (Wrong(NOT_RETRIES),),
        "timeout": DURATION_ABOVE_0,
        "ttl": DURATION_ABOVE_0,
        "stall": (Wrong(NOT_RETRIES),),
        "version": COUNT,
        "since": (Wrong((*NOT_COUNTS, 0, 2)),),
        "index": INDEX,
    },
    "CollectContract": {"collect": (Wrong((None, 5, "key", {}, Retry(), Debounce("k", 1), Collect, Unprintable())),)},
    "Taskora": {
        "adapter": (Wrong((*NOT_URLS, 5, b"redis://localhost", True, [], {}, Nothing(), Unprintable(), Retry())),),
        "prefix": (
            Wrong(NOT_PREFIXES),
            Wrong(NOT_PREFIXES, beside=(("adapter", "redis://localhost"),)),
        ),
        "serializer": (Wrong((None, 5, "json", Nothing(), Unprintable(), dict)),),
        "defaults": (Wrong((None, 5, {}, Retry(), Nothing(), Unprintable())),),
        "retention": (Wrong((5, {}, "1h", 0, [], Retry(), Unprintable())),),
        "scheduler": (Wrong((5, {}, "1s", 0, [], Retry(), Unprintable())),),
        "validate_on_dispatch": FLAG,
        "max_payload": (Wrong((*NOT_COUNTS, 0, None)),),
    },
    "memory_adapter": {
        "clock": (Wrong((5, "now", 0, "", Nothing(), Unprintable())),),
        "prefix": (Wrong((*NOT_PREFIXES, None)),),
    },
    "redis_adapter": {
        "target": (Wrong((*NOT_URLS, 5, b"redis://localhost", None, [], Nothing(), Unprintable()), says=("adapter",)),),
        "prefix": (Wrong((*NOT_PREFIXES, None)),),
    },
    "create_test_runner": {
        "from_app": (Wrong((5, "app:taskora", Nothing(), 0, Unprintable())),),
        "serializer": (Wrong((None, 5, "json", Nothing(), Unprintable())),),
        "now": (Wrong((5, "now", 0, Nothing(), Unprintable())),),
    },
}
