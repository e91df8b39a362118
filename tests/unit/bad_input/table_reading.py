"""Wrong values for what looks at the store and repairs it."""

from datetime import datetime, timedelta

from taskora.errors import SupervisorNotFoundError
from unit.bad_input.case import Wrong
from unit.bad_input.table_settings import FLAG, NOT_CRONS, NOT_POLICIES, NOT_ZONES, Table
from unit.bad_input.values import (
    HALF_A_PAIR,
    LONG,
    NAN,
    NOT_COUNTS,
    NOT_DURATIONS,
    NOT_IDS,
    NOT_NAMES,
    NOT_TEXTS,
    RESERVED_IDS,
    Nothing,
    Unprintable,
)

TASK = (Wrong(NOT_NAMES),)
TASK_GIVEN = (Wrong((*NOT_NAMES, None)),)
PAGE = {"limit": (Wrong((*NOT_COUNTS, None)),), "offset": (Wrong((*NOT_COUNTS, None)),)}
JOB = (Wrong((*NOT_IDS, *RESERVED_IDS), says=("job_id",)),)
SCHEDULE_NAME = (Wrong((*NOT_TEXTS, "", "a\0b", "a\nb", HALF_A_PAIR, LONG, None)),)
SUPERVISOR = (
    Wrong((*NOT_TEXTS, "", HALF_A_PAIR, LONG, None)),
    Wrong(("nobody",), SupervisorNotFoundError, says=("nobody", "stored")),
)
STATES = ("waiting", "active", "delayed", "retrying", "completed", "failed", "expired", "cancelled")
NOT_STATES: tuple[object, ...] = (*NOT_TEXTS, "", "done", "Failed", "waiting", "active", None, NAN, LONG)
NOT_TIMES: tuple[object, ...] = (5, "yesterday", None, Nothing(), datetime(2020, 1, 1), timedelta(1), Unprintable())  # noqa: DTZ001

READING: Table = {
    **{f"Inspector.{state}": {"task": TASK, **PAGE} for state in STATES},
    "Inspector.find": {
        "first": (
            Wrong(NOT_NAMES, says=("task",)),
            Wrong((*NOT_IDS, *RESERVED_IDS, None), says=("job_id",), beside=(("second", None),)),
        ),
        "second": JOB,
    },
    "Inspector.search": {
        "task": (Wrong((*NOT_NAMES, None)), Wrong(("nobody",), says=("nobody", "index"))),
        "path": (
            Wrong((*NOT_TEXTS, "", "a b", "a:b", "a..b", ".a", "a\n", HALF_A_PAIR, LONG, None)),
            Wrong(("user_id",), says=("user_id", "index")),
        ),
        "value": (Wrong((None, "", [], {}, b"x", HALF_A_PAIR, LONG, Nothing(), Unprintable())),),
        "limit": (Wrong((*NOT_COUNTS, 0, None)),),
        "cursor": (Wrong((*NOT_TEXTS, "", "x", "5", "5-", "-a", "5-a b", HALF_A_PAIR, LONG)),),
    },
    "Inspector.stats": {"task": TASK},
    "Inspector.throughput": {
        "task": TASK,
        "bucket": (Wrong((*NOT_DURATIONS, 0, 30, 90, None)),),
        "count": (Wrong((*NOT_COUNTS, 0, None)), Wrong((2000,), says=("count", "day"))),
    },
    "Inspector.latency": {
        "task": TASK,
        "bucket": (Wrong((*NOT_DURATIONS, 0, 60, 1000, None)),),
        "count": (Wrong((*NOT_COUNTS, 0, None)), Wrong((97,), says=("count", "day"))),
    },
    "Inspector.migrations": {
        "task": (Wrong((*NOT_NAMES, None)), Wrong(("nobody",), says=("nobody", "published"))),
    },
    "Inspector.workflows": {
        "state": (Wrong((*NOT_TEXTS, "", "waiting", "done", LONG)),),
        **PAGE,
    },
    "Supervisors.recycle": {"supervisor_id": SUPERVISOR, "slot": (Wrong(NOT_COUNTS),)},
    "Supervisors.scale": {
        "supervisor_id": SUPERVISOR,
        "procs": (Wrong((*NOT_COUNTS, 0, 1025, None)),),
    },
    "Supervisors.drain": {"supervisor_id": SUPERVISOR},
    "Supervisors.outcome": {
        "request_id": (Wrong((*NOT_IDS, None)),),
        "timeout": (Wrong((*NOT_DURATIONS, None)),),
    },
    "Inspector.workflow": {"workflow_id": (Wrong((*NOT_IDS, None)),)},
    "AuditEntry": {
        "outcome": (Wrong((*NOT_TEXTS, "", "perhaps", None)),),
        "count": (Wrong((*NOT_COUNTS, None)),),
    },
    "Inspector.audit": {
        "limit": PAGE["limit"],
        "before": (Wrong((*NOT_TEXTS, "", "x", "1", "1-2-3", f"{2**64}-0", HALF_A_PAIR, LONG)),),
    },
    "Inspector.keys": {"task": TASK_GIVEN},
    "Inspector.flow": {"task": TASK_GIVEN, **PAGE},
    "Inspector.peek_collect": {
        "task": TASK_GIVEN,
        "key": (Wrong((*NOT_TEXTS, "", LONG, None)),),
        "limit": PAGE["limit"],
    },
    "Inspector.flush_collect": {"task": TASK_GIVEN, "key": (Wrong((*NOT_TEXTS, "", LONG, None)),)},
    "Inspector.pause": {"task": TASK_GIVEN},
    "Inspector.resume": {"task": TASK_GIVEN},
    "Inspector.clean": {
        "task": TASK_GIVEN,
        "state": (Wrong(NOT_STATES),),
        "before": (Wrong(NOT_TIMES),),
        "limit": (Wrong((*NOT_COUNTS, 0, None)),),
    },
    "DeadLetters.list": {"task": TASK, **PAGE},
    "DeadLetters.retry": {
        "first": (
            Wrong((*NOT_NAMES, None), says=("task",)),
            Wrong((*NOT_IDS, *RESERVED_IDS, None), says=("job_id",), beside=(("second", None),)),
        ),
        "second": JOB,
    },
    "DeadLetters.retry_all": {"task": TASK},
    "DeadLetters.retry_group": {
        "task": TASK_GIVEN,
        "fingerprint": (Wrong((*NOT_TEXTS, None)),),
        "error_type": (Wrong(NOT_TEXTS),),
    },
    "DeadLetters.groups": {"task": TASK},
    "Schedules.pause": {"name": SCHEDULE_NAME},
    "Schedules.resume": {"name": SCHEDULE_NAME},
    "Schedules.remove": {"name": SCHEDULE_NAME},
    "Schedules.trigger": {"name": SCHEDULE_NAME},
    "Schedules.update": {
        "name": SCHEDULE_NAME,
        "every": (
            Wrong((*NOT_DURATIONS, 0, 0.01)),
            Wrong((60,), says=("every", "cron"), beside=(("cron", "* * * * *"),), named=False),
        ),
        "cron": (Wrong(NOT_CRONS),),
        "timezone": (Wrong(NOT_ZONES),),
        "on_missed": (Wrong(tuple(policy for policy in NOT_POLICIES if policy is not None)),),
        "overlap": (Wrong(tuple(flag for flag in FLAG[0].values if flag is not None)),),
        "data": (Wrong((Nothing(), {1: 2}, NAN, b"x", HALF_A_PAIR, 2**70)),),
    },
}
