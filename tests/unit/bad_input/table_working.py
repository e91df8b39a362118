"""Wrong values for what dispatches, composes and waits."""

import functools
from typing import cast

from taskora import (
    Debounce,
    Deduplicate,
    Job,
    Retry,
    SerializationError,
    Throttle,
    ValidationError,
)
from unit.bad_input.case import Wrong
from unit.bad_input.table_settings import DURATION, FLAG, Table
from unit.bad_input.values import (
    HALF_A_PAIR,
    INF,
    LONG,
    NAN,
    NOT_COUNTS,
    NOT_DURATIONS,
    NOT_IDS,
    NOT_KEYS,
    NOT_TEXTS,
    RESERVED_IDS,
    Nothing,
    Unprintable,
)
from unit.bad_input.world import Of

INSIDE_ITSELF: list[object] = []
INSIDE_ITSELF.append(INSIDE_ITSELF)
NOT_INTS: tuple[object, ...] = (None, "1", 1.0, True, [], {}, NAN, Nothing(), Unprintable())
NOT_RULES: tuple[object, ...] = (5, "key", True, {}, Retry(), Nothing(), Unprintable())
NOT_LISTS: tuple[object, ...] = (5, None, "abc", b"abc", {"a": 1}, Nothing(), Unprintable(), True)
NOT_SIGNATURES: tuple[object, ...] = (5, None, "plus", Nothing(), Unprintable(), {}, Of(lambda world: world.plus))
ANY = Of(lambda world: world.anything)
DEEP = functools.reduce(lambda inner, _: [inner], range(2000), cast("object", 1))
NOT_REASONS: tuple[object, ...] = (5, b"why", True, [], Nothing(), HALF_A_PAIR, Unprintable())

WORKING: Table = {
    "Task.dispatch": {
        "data": (
            Wrong(NOT_INTS, ValidationError, says=("plus",), named=False),
            Wrong((2**70,), SerializationError, says=("plus", "payload"), named=False),
            Wrong((Job(1),), says=("Job", "dispatch_many"), named=False),
        ),
        "delay": (Wrong((*NOT_DURATIONS, None)),),
        "priority": (Wrong((*NOT_COUNTS, 901, None)),),
        "ttl": (Wrong((*NOT_DURATIONS, 0)),),
        "job_id": (Wrong((*NOT_IDS, *RESERVED_IDS)),),
        "concurrency_key": (Wrong((*NOT_KEYS,)),),
        "concurrency_limit": (
            Wrong(NOT_COUNTS, beside=(("concurrency_key", "k"),)),
            Wrong((1,), says=("concurrency_limit", "concurrency_key"), named=False),
        ),
        "debounce": (
            Wrong(NOT_RULES),
            Wrong((Debounce("k", 1),), says=("debounce", "throttle"), named=False,
                  beside=(("throttle", Throttle("k", 1, 1)),)),
            Wrong((Debounce("k", 1),), says=("debounce", "delay"), named=False, beside=(("delay", 1),)),
            Wrong((Debounce("k", 1),), says=("debounce", "job_id"), named=False, beside=(("job_id", "j"),)),
            Wrong((Debounce("k", 1),), says=("raise_on_reject", "throttle", "deduplicate"), named=False,
                  beside=(("raise_on_reject", True),)),
        ),
        "throttle": (
            Wrong(NOT_RULES),
            Wrong((Throttle("k", 1, 1),), says=("throttle", "deduplicate"), named=False,
                  beside=(("deduplicate", Deduplicate("k")),)),
            Wrong((Throttle("k", 1, 1),), says=("throttle", "job_id"), named=False, beside=(("job_id", "j"),)),
        ),
        "deduplicate": (
            Wrong(NOT_RULES),
            Wrong((Deduplicate("k"),), says=("deduplicate", "debounce"), named=False,
                  beside=(("debounce", Debounce("k", 1)),)),
            Wrong((Deduplicate("k"),), says=("deduplicate", "job_id"), named=False, beside=(("job_id", "j"),)),
        ),
        "raise_on_reject": (
            Wrong((0, 1, "yes", [], NAN, Nothing(), Unprintable())),
            Wrong((True,), says=("raise_on_reject", "throttle", "deduplicate"), named=False),
        ),
        "skip_validation": FLAG,
    },
    "Task.dispatch_many": {
        "items": (
            Wrong(NOT_LISTS),
            Wrong(([1, "2"], [1, None], [Job(1), Job("2")], [Nothing()]), ValidationError,
                  says=("plus",), named=False),
            *(Wrong(([1, Job(1, **{option: value})],), says=(option,), named=False)  # type: ignore[arg-type]
              for option, values in {
                  "delay": (*NOT_DURATIONS, None), "priority": (*NOT_COUNTS, 901, None), "ttl": (*NOT_DURATIONS, 0),
                  "job_id": (*NOT_IDS, *RESERVED_IDS), "concurrency_key": NOT_KEYS,
              }.items() for value in values),
            Wrong(([1, Job(1, concurrency_limit=1)],), says=("concurrency_limit", "concurrency_key"), named=False),
        ),
        "skip_validation": FLAG,
    },
    "Task.handle": {"job_id": (Wrong((*NOT_IDS, *RESERVED_IDS, None)),)},
    "Task.s": {"data": (Wrong(NOT_INTS, ValidationError, says=("plus",), named=False),)},
    "Task.map": {
        "items": (Wrong(NOT_LISTS), Wrong(([1, "2"],), ValidationError, says=("plus",), named=False)),
    },
    "Task.chunk": {
        "items": (Wrong(NOT_LISTS), Wrong(([1, "2"],), ValidationError, says=("plus",), named=False)),
        "size": (Wrong((*NOT_COUNTS, 0, None)),),
    },
    "Task.encode": {"data": (Wrong(NOT_INTS, ValidationError, says=("plus",), named=False),)},
    "CollectTask.dispatch": {
        "item": (Wrong(NOT_INTS, ValidationError, says=("rows",), named=False),),
        "skip_validation": FLAG,
        "excluded": (Wrong((1,), says=("collect", "excluded", "rows"), named=False),),
    },
    "CollectTask.dispatch_many": {
        "items": (Wrong(NOT_LISTS), Wrong(([1, "2"],), ValidationError, says=("rows",), named=False)),
        "skip_validation": FLAG,
    },
    "CollectTask.peek_collect": {"key": (Wrong((*NOT_KEYS, None)),)},
    "CollectTask.inspect_collect": {"key": (Wrong((*NOT_KEYS, None)),)},
    "ResultHandle.result": {"timeout": DURATION},
    "ResultHandle.cancel": {"reason": (Wrong(NOT_REASONS),)},
    "WorkflowHandle.result": {"timeout": DURATION},
    "WorkflowHandle.cancel": {"reason": (Wrong(NOT_REASONS),)},
    "Taskora.run": {"drain_timeout": (Wrong((*NOT_DURATIONS, None)),)},
    "Taskora.close": {"timeout": DURATION},
    "Taskora.workflow": {"workflow_id": (Wrong((*NOT_IDS, None)),)},
    "Bound.dispatch": {
        "ttl": (Wrong((*NOT_DURATIONS, 0)),),
        "name": (Wrong((*NOT_TEXTS, "", HALF_A_PAIR, LONG)),),
    },
    "Bound.pipe": {"then": (Wrong(NOT_SIGNATURES, says=("signature",)),)},
    "Bound.__or__": {"then": (Wrong(NOT_SIGNATURES, says=("signature",)),)},
    "Signature.pipe": {"then": (Wrong(NOT_SIGNATURES, says=("signature",)),)},
    "Signature.__or__": {"then": (Wrong(NOT_SIGNATURES, says=("signature",)),)},
    "chain": {
        "steps": (
            Wrong((*NOT_SIGNATURES, ["plus"], [None]), says=("chain",), named=False),
            Wrong(([],), says=("chain", "at least one"), named=False),
            Wrong((INSIDE_ITSELF,), says=("chain", "signature"), named=False),
            Wrong((Of(lambda world: [world.plus.s(1), world.stranger.s()]),), says=("plus", "stranger", "applications"),
                  named=False),
            Wrong((Of(lambda world: [world.plus.s(), world.plus.s()]),), says=("plus", ".s(data)"), named=False),
        ),
    },
    "group": {
        "members": (
            Wrong((*NOT_SIGNATURES, ["plus"], [None]), says=("group",), named=False),
            Wrong((INSIDE_ITSELF,), says=("group", "signature"), named=False),
            Wrong((Of(lambda world: [world.plus.s(1), world.stranger.s(1)]),),
                  says=("plus", "stranger", "applications"), named=False),
        ),
    },
    "chord": {
        "header": (
            Wrong((*NOT_SIGNATURES, ["plus"]), says=("chord",), named=False),
            Wrong((INSIDE_ITSELF,), says=("chord", "signature"), named=False),
            Wrong((Of(lambda world: world.plus.s(1)),), says=("chord", "header", "group"), named=False),
            Wrong((Of(lambda world: [world.stranger.s(1)]),), says=("any", "stranger", "applications"), named=False),
        ),
        "callback": (
            Wrong((*NOT_SIGNATURES, []), says=("chord",), named=False),
            Wrong((Of(lambda world: world.stranger.s()),), says=("plus", "stranger", "applications"), named=False),
        ),
    },
    "JsonSerializer.dumps": {
        "value": (
            Wrong((Nothing(), NAN, INF, [1, {"a": NAN}], {1: 2}, b"x", HALF_A_PAIR, {HALF_A_PAIR: 1}, 2**70, {1, 2},
                   INSIDE_ITSELF, DEEP, Unprintable()), SerializationError, says=("JSON",), named=False),
        ),
    },
    "JsonSerializer.loads": {
        "data": (Wrong((b"{", b"nan", b"\xff", b"1 2", "{", LONG), SerializationError, says=("JSON",),
                       named=False),),
    },
    "TestRunner.run": {
        "task": (
            Wrong((5, "plus", None, Nothing(), Unprintable())),
            Wrong((Of(lambda world: world.registered),), says=("agreed", "no handler"), named=False),
        ),
    },
    "TestRunner.execute": {
        "task": (
            Wrong((5, "plus", None, Nothing(), Unprintable())),
            Wrong((Of(lambda world: world.registered),), says=("agreed", "no handler"), named=False),
        ),
    },
    "TestRunner.dispatch": {
        "task": (
            Wrong((5, "plus", None, Nothing(), Unprintable())),
            Wrong((Of(lambda world: world.registered),), says=("agreed", "no handler"), named=False),
        ),
    },
    "TestRunner.advance_time": {"duration": (Wrong((*NOT_DURATIONS, None)),)},
    "TestRunner.flush": {
        "task": (
            Wrong((5, "plus", None, Nothing(), Unprintable())),
            Wrong((Of(lambda world: world.plus),), says=("plus", "collect"), named=False),
        ),
        "key": (Wrong(NOT_KEYS),),
    },
    "TestRunner.import_task": {
        "task": (Wrong((5, "plus", None, Nothing(), Unprintable(), Of(lambda world: world.registered))),),
    },
}  # fmt: skip
