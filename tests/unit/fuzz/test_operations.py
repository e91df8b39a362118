"""Whatever the server answers, reading it ends soon, with a value or with one of our errors."""

import os
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskora import JobInfo, State, TaskoraError
from taskora.adapters.redis.audit import RedisAudit
from taskora.adapters.redis.control import RedisControl
from taskora.adapters.redis.dead_letters import RedisDeadLetters
from taskora.adapters.redis.durations import RedisDurations
from taskora.adapters.redis.house import RedisHouse
from taskora.adapters.redis.jobs import RedisJobs
from taskora.adapters.redis.leases import RedisLeases
from taskora.adapters.redis.repairs import RedisRepairs
from taskora.adapters.redis.requests import RedisRequests
from taskora.adapters.redis.rules import RedisRules
from taskora.adapters.redis.schedules import RedisSchedules
from taskora.adapters.redis.vitals import RedisVitals
from taskora.adapters.redis.workflows import RedisWorkflows
from taskora.cli.screen import Screen
from taskora.connection.request import Producer
from taskora.fleets import read_supervisors
from taskora.housekeeping.cards import read_card
from taskora.keys import Keys
from taskora.latency import read_latencies
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
LETTERS, DURATIONS, AUDIT = RedisDeadLetters(LINK), RedisDurations(LINK), RedisAudit(LINK)
REQUESTS, CONTROL = RedisRequests(LINK), RedisControl(LINK)


def schedules_seen(found: Any) -> None:
    for stored in found:
        told(info_of(stored))


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


def fleets_seen(found: Any) -> None:
    told(read_supervisors(found))


def told(found: Any) -> None:
    """As the command line and the board tell of it to programs."""
    for one in cast("list[object]", found) if isinstance(found, list) else [found]:
        if one is not None:
            Screen(as_json=True).data(one)


def shown_as_json(found: Any) -> None:
    infos = cast("list[JobInfo | None]", found) if isinstance(found, list) else [found]
    for info in infos:
        if info is not None:
            shown(JSON)(info)
            told(info)


OPERATIONS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "outcome": (lambda: JOBS.outcome("t", "j"), told),
    "job": (lambda: JOBS.job("t", "j"), shown_as_json),
    "progress": (lambda: JOBS.progress("t", "j"), told),
    "logs": (lambda: JOBS.logs("t", "j"), told),
    "origin": (lambda: JOBS.origin("t", "j"), told),
    "search": (lambda: JOBS.search("t", "user_id:7", 5), lambda found: shown_as_json(found.jobs)),
    "cancel": (lambda: JOBS.cancel("t", "j", ""), repr),
    "stats": (lambda: JOBS.stats("t"), told),
    **{f"jobs {state}": (partial(JOBS.jobs, "t", state, 0, 5), shown_as_json) for state in State},
    "failures": (lambda: LETTERS.failures("t", 5), told),
    "requeue named": (lambda: LETTERS.requeue_named("t", ["j"]), repr),
    "requeue": (lambda: LETTERS.requeue("t", "j"), repr),
    "sweep": (lambda: HOUSE.sweep("t", 1), repr),
    "overdue": (lambda: HOUSE.overdue_workflows(5), repr),
    "tasks": (HOUSE.tasks, cards_read),
    "workers": (HOUSE.workers, told),
    "supervisors": (HOUSE.workers, fleets_seen),
    "follow": (lambda: RULES.follow("t", "j"), repr),
    "buffered": (lambda: RULES.buffered("t", "k"), repr),
    "buffer info": (lambda: RULES.buffer_info("t", "k"), told),
    "schedules": (SCHEDULES.list, schedules_seen),
    "due": (SCHEDULES.due, fired),
    "pause": (lambda: SCHEDULES.edit("s", pause("s")), repr),
    "resume": (lambda: SCHEDULES.edit("s", resume("s")), repr),
    "update": (lambda: SCHEDULES.edit("s", Update(every=5).edit("s")), repr),
    "server": (VITALS.server, told),
    "durations": (lambda: DURATIONS.read("t", 8), lambda found: told(read_latencies(found, 4))),
    "audit": (lambda: AUDIT.read(5), told),
    "requests": (lambda: REQUESTS.waiting("s", 5), repr),
    "outcome of a request": (lambda: REQUESTS.outcome("r"), told),
    "paused since": (lambda: CONTROL.paused_since("t"), repr),
    "flow": (lambda: CONTROL.flow("t", 5, 0), told),
    "peek": (lambda: CONTROL.peek("t", "k", 5), repr),
    "throughput": (lambda: VITALS.throughput(["t"], 1, 5), told),
    "locks": (lambda: VITALS.locks("t", 5), told),
    "versions": (lambda: VITALS.versions("t", 5), told),
    "fences": (lambda: VITALS.fences([("t", "w")]), repr),
    "keys": (lambda: VITALS.keys("t"), told),
    "workflow": (lambda: FLOWS.workflow("w"), told),
    "workflow outcome": (lambda: FLOWS.workflow_outcome("w"), told),
    "workflows": (lambda: FLOWS.list_workflows(None, 0, 5), told),
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
