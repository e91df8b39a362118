"""Wrong values for what defines tasks, contracts, schedules, middleware and listeners."""

from taskora import Collect, Debounce, Retry, Schedule, TaskContract, static_contract
from unit.bad_input.case import Wrong
from unit.bad_input.table_settings import (
    COUNT,
    DURATION_ABOVE_0,
    FLAG,
    INDEX,
    NOT_CRONS,
    NOT_POLICIES,
    NOT_RETRIES,
    NOT_ZONES,
    Table,
    waits,
)
from unit.bad_input.values import (
    HALF_A_PAIR,
    LONG,
    NAN,
    NOT_CALLABLES,
    NOT_COUNTS,
    NOT_DURATIONS,
    NOT_FUNCTIONS,
    NOT_NAMES,
    NOT_TEXTS,
    Nothing,
    Unprintable,
    generates,
    generates_async,
    takes_five,
    takes_nothing,
)
from unit.bad_input.world import Of


def two_contexts(a: int, b: str, c: str) -> None: ...


async def only_next(next: object) -> None: ...  # noqa: A002 - that is what it is called


def forgets_to_be_async(ctx: object, call_next: object) -> None: ...


def keyword_only(*, event: object) -> None: ...


OTHERWISE_AGREED: TaskContract[str, object] = static_contract("agreed", input=str)
NOT_TYPES: tuple[object, ...] = (5, "int[", Nothing(), set, complex)
NOT_EVENTS: tuple[object, ...] = (*NOT_TEXTS, "", "complete", "completed ", "task:", HALF_A_PAIR, LONG, None)
NOT_LISTENERS: tuple[object, ...] = (
    5, "f", True, [], Nothing(), Unprintable(), takes_nothing, takes_five, generates, generates_async,
    keyword_only,
)  # fmt: skip
NOT_MIDDLEWARE: tuple[object, ...] = (
    *NOT_CALLABLES,
    takes_nothing,
    forgets_to_be_async,
    generates,
    generates_async,
    waits,
    only_next,
)
NOT_HANDLERS: tuple[object, ...] = (
    *NOT_CALLABLES[:1],
    "f",
    takes_five,
    two_contexts,
    generates,
    generates_async,
    Nothing(),
    Unprintable(),
)
NOT_UNSERIALISABLE: tuple[object, ...] = (Nothing(), {1: 2}, NAN, b"x", HALF_A_PAIR, 2**70)
NOT_SCHEDULES: tuple[object, ...] = (5, "* * * * *", {}, Retry(), Schedule, Unprintable())

COLLECTS: tuple[Wrong, ...] = (Wrong((5, "key", {}, Retry(), Debounce("k", 1), Collect, Unprintable())),)
CONTRACT: dict[str, tuple[Wrong, ...]] = {
    "retry": (Wrong((*NOT_RETRIES, None)),),
    "timeout": DURATION_ABOVE_0,
    "ttl": (Wrong((*NOT_DURATIONS, 0)),),
    "stall": (Wrong((*NOT_RETRIES, None)),),
    "version": COUNT,
    "since": (Wrong((*NOT_COUNTS, 0, 2)),),
    "index": INDEX,
}
HANDLER: dict[str, tuple[Wrong, ...]] = CONTRACT | {
    "concurrency": COUNT,
    "concurrency_limit": COUNT,
    "singleton": FLAG,
    "on_cancel": (Wrong((*NOT_FUNCTIONS, None)),),
    "middleware": (
        Wrong((5, "f", b"f", None, waits, Nothing(), Unprintable())),
        Wrong(tuple([each] for each in NOT_MIDDLEWARE), named=False),
    ),
    "migrate": (
        Wrong((5, "f", Nothing(), waits)),
        Wrong(([5], [waits], [takes_nothing], [takes_five], [generates], {1: 5}, {"1": waits}, {2: waits}), named=False,
              says=("migrat",), beside=(("version", 2),)),
        Wrong(({1: Nothing},), says=("version",), named=False),
    ),
    "schedule": (
        Wrong(NOT_SCHEDULES),
        *(Wrong((Schedule(cron=cron),), says=("schedule.cron",), named=False)
          for cron in NOT_CRONS if isinstance(cron, str) and cron not in ("", HALF_A_PAIR)),
        *(Wrong((Schedule(cron="* * * * *", timezone=zone),), says=("timezone",), named=False)
          for zone in NOT_ZONES if isinstance(zone, str) and zone not in ("", HALF_A_PAIR)),
        Wrong((Schedule(every=1, data="text"), Schedule(every=1, data={"n": 1})), says=("schedule.data",), named=False),
    ),
}  # fmt: skip

DEFINING: Table = {
    "Taskora.find_task": {"name": (Wrong((*NOT_NAMES, None)),)},
    "TaskDefiner.__call__": HANDLER | {
        "name": (
            Wrong(NOT_NAMES),
            Wrong(("plus",), says=("plus", "already")),
        ),
        "handler": (Wrong(NOT_HANDLERS),),
        "input": (Wrong(NOT_TYPES, named=False),),
        "output": (Wrong(NOT_TYPES, named=False),),
        "collect": (
            *COLLECTS,
            Wrong((Collect[object]("k", delay=1),), says=("collect", "int"), named=False),
        ),
    },
    "Taskora.schedule": {
        "name": (Wrong((*NOT_TEXTS, "", "a\0b", "a\nb", HALF_A_PAIR, LONG, None)),),
        "task": (Wrong((*NOT_NAMES, None)),),
        "every": (
            Wrong((*NOT_DURATIONS, 0, 0.01)),
            Wrong((1,), says=("every", "cron"), beside=(("cron", "* * * * *"),), named=False),
        ),
        "cron": (Wrong(NOT_CRONS),),
        "timezone": (Wrong(NOT_ZONES, beside=(("cron", "* * * * *"),)),),
        "overlap": FLAG,
        "on_missed": (Wrong(NOT_POLICIES),),
        "data": (
            Wrong(NOT_UNSERIALISABLE),
            Wrong(("text", {"n": 1}), named=False, beside=(("task", Of(lambda world: world.plus)),)),
        ),
    },
    "Taskora.adopt": {
        "task": (
            Wrong((5, "plus", None, takes_nothing, Nothing(), Unprintable(), Of(lambda world: world.registered))),
            Wrong((Of(lambda world: world.plus),), says=("plus", "already"), named=False),
        )
    },
    "Taskora.register": {
        "contract": (
            Wrong((5, "plus", None, takes_nothing, Nothing(), Unprintable(), Of(lambda world: world.plus))),
            Wrong((OTHERWISE_AGREED,), says=("agreed", "different", "input"), named=False),
        )
    },
    "Taskora.use": {"middleware": (Wrong((*NOT_MIDDLEWARE, None), says=("use",)),)},
    "OnApp.__call__": {
        "event": (Wrong((*NOT_EVENTS, "failed", "worker:exploded"), says=("on",)),),
        "listener": (Wrong(NOT_LISTENERS, says=("on",)),),
    },
    "OnTask.__call__": {
        "event": (Wrong((*NOT_EVENTS, "task:failed", "worker:ready"), says=("on",)),),
        "listener": (Wrong(NOT_LISTENERS, says=("on",)),),
    },
    "Implement.__call__": HANDLER | {
        "contract": (Wrong((5, "agreed", None, takes_nothing, Unprintable(), Of(lambda world: world.plus))),),
        "handler": (Wrong(NOT_HANDLERS),),
    },
    "define_task": CONTRACT | {
        "collect": COLLECTS,
        "name": (Wrong((*NOT_NAMES, None)),),
        "input": (Wrong(NOT_TYPES, named=False),),
        "output": (Wrong(NOT_TYPES, named=False),),
    },
    "static_contract": CONTRACT | {
        "collect": COLLECTS,
        "name": (Wrong((*NOT_NAMES, None)),),
        "input": (Wrong(NOT_TYPES, named=False),),
        "output": (Wrong(NOT_TYPES, named=False),),
    },
    "into": {
        "model": (Wrong(NOT_TYPES, says=("into",), named=False),),
        "step": (Wrong((*NOT_FUNCTIONS, None, waits), says=("into",)),),
    },
}  # fmt: skip
