"""Whatever the server answers, reading it ends soon, with a value or with one of our errors."""

import os
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskora import JobInfo, State, TaskoraError
from taskora.adapters.redis.dead_letters import RedisDeadLetters
from taskora.adapters.redis.house import RedisHouse
from taskora.adapters.redis.jobs import RedisJobs
from taskora.adapters.redis.leases import RedisLeases
from taskora.adapters.redis.repairs import RedisRepairs
from taskora.adapters.redis.rules import RedisRules
from taskora.adapters.redis.schedules import RedisSchedules
from taskora.adapters.redis.vitals import RedisVitals
from taskora.adapters.redis.workflows import RedisWorkflows
from taskora.connection.request import Producer
from taskora.housekeeping.cards import read_card
from taskora.keys import Keys
from taskora.payloads import shown
from taskora.schedules.changes import Update, pause, resume
from taskora.schedules.planner import plan_firing, skip_firing
from taskora.schedules.record import info_of, read_record
from taskora.serializer import JSON
from unit.fuzz.replies import SLOW, reply_to

ROUNDS = 30
EXAMPLES = int(os.environ.get("TASKORA_EXAMPLES", "60"))  # more find more, and take longer


class FakeLink:
    """Returns operations instead of running them."""

    keys = Keys("fuzz")

    def call(self, operation: Any) -> Any:
        return operation


LINK = cast("Any", FakeLink())
JOBS, HOUSE, RULES, SCHEDULES = RedisJobs(LINK), RedisHouse(LINK), RedisRules(LINK), RedisSchedules(LINK)
VITALS, FLOWS, REPAIRS, LEASES = RedisVitals(LINK), RedisWorkflows(LINK), RedisRepairs(LINK), RedisLeases(LINK)
LETTERS = RedisDeadLetters(LINK)


def schedules_seen(found: Any) -> None:
    for stored in found:
        info_of(stored)


def fired(found: Any) -> None:
    for stored in found.due:
        try:
            record = read_record(stored.value)
            plan_firing(record, stored.next_ms, found.now_ms)
            skip_firing(record, stored.next_ms, found.now_ms)
        except TaskoraError:
            continue


def cards_read(found: Any) -> None:
    for card in found.values():
        try:
            read_card(card)
        except TaskoraError:
            continue


def shown_as_json(found: Any) -> None:
    infos = cast("list[JobInfo | None]", found) if isinstance(found, list) else [found]
    for info in infos:
        if info is not None:
            shown(JSON)(info)
            repr(info)


OPERATIONS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "outcome": (lambda: JOBS.outcome("t", "j"), repr),
    "job": (lambda: JOBS.job("t", "j"), shown_as_json),
    "progress": (lambda: JOBS.progress("t", "j"), repr),
    "logs": (lambda: JOBS.logs("t", "j"), repr),
    "cancel": (lambda: JOBS.cancel("t", "j", ""), repr),
    "stats": (lambda: JOBS.stats("t"), repr),
    **{f"jobs {state}": (partial(JOBS.jobs, "t", state, 0, 5), shown_as_json) for state in State},
    "failures": (lambda: LETTERS.failures("t", 5), repr),
    "requeue named": (lambda: LETTERS.requeue_named("t", ["j"]), repr),
    "requeue": (lambda: LETTERS.requeue("t", "j"), repr),
    "sweep": (lambda: HOUSE.sweep("t", 1), repr),
    "overdue": (lambda: HOUSE.overdue_workflows(5), repr),
    "tasks": (HOUSE.tasks, cards_read),
    "workers": (HOUSE.workers, repr),
    "follow": (lambda: RULES.follow("t", "j"), repr),
    "buffered": (lambda: RULES.buffered("t", "k"), repr),
    "buffer info": (lambda: RULES.buffer_info("t", "k"), repr),
    "schedules": (SCHEDULES.list, schedules_seen),
    "due": (SCHEDULES.due, fired),
    "pause": (lambda: SCHEDULES.edit("s", pause("s")), repr),
    "resume": (lambda: SCHEDULES.edit("s", resume("s")), repr),
    "update": (lambda: SCHEDULES.edit("s", Update(every=5).edit("s")), repr),
    "server": (VITALS.server, repr),
    "throughput": (lambda: VITALS.throughput(["t"], 1, 5), repr),
    "locks": (lambda: VITALS.locks("t", 5), repr),
    "versions": (lambda: VITALS.versions("t", 5), repr),
    "fences": (lambda: VITALS.fences([("t", "w")]), repr),
    "keys": (lambda: VITALS.keys("t"), repr),
    "workflow": (lambda: FLOWS.workflow("w"), repr),
    "workflow outcome": (lambda: FLOWS.workflow_outcome("w"), repr),
    "workflows": (lambda: FLOWS.list_workflows(None, 0, 5), repr),
    "running workflows": (lambda: REPAIRS.running_workflows(0, 5), repr),
    "broken nodes": (lambda: REPAIRS.broken_nodes("w"), repr),
    "recover": (lambda: LEASES.recover("w", {"t": 0}, cause="x", charged=True, max_crashes=1), repr),
}


@pytest.mark.parametrize("name", OPERATIONS)
@settings(
    max_examples=EXAMPLES,
    suppress_health_check=SLOW,
)
@given(data=st.data())
def test_any_reply_is_read_or_refused_with_an_error_of_ours(name: str, data: st.DataObject) -> None:
    build, use = OPERATIONS[name]
    steps: Generator[Any, Any, Any] = build()(Producer("p", 1))
    try:
        request = next(steps)
        for _ in range(ROUNDS):
            request = steps.send([data.draw(reply_to(item)) for item in request])
    except StopIteration as end:
        try:
            use(end.value)
        except TaskoraError:
            return
    except TaskoraError:
        return
