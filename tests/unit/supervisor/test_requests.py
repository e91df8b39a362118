"""What may be asked of a supervisor, and what the steward and the master make of anything else."""

from typing import Any, cast

import orjson
import pytest

from taskora.adapters.request_store import (
    REQUEST_KEPT_MS,
    RequestStore,
    SupervisorRequest,
    Waiting,
    read_request,
    read_waiting,
    told_request,
)
from taskora.call import Call
from taskora.ids import new_id
from taskora.supervisor.beats import Beats, State
from taskora.supervisor.clerk import Clerk, objection
from taskora.supervisor.compliance import Compliance
from taskora.supervisor.config import SupervisorConfig
from taskora.supervisor.fleet import Fleet
from taskora.supervisor.notices import Notices
from taskora.supervisor.nursery import Ends, Order
from taskora.supervisor.seat import Seat

ID = "01890000-0000-7000-8000-000000000000"
HERE = "host:5:00"
GOOD: dict[str, object] = {"id": ID, "supervisor": HERE, "action": "recycle", "state": "asked", "askedAt": 1000}
NOT_COUNTS: tuple[object, ...] = (-1, 1.5, "1", True, [])
NOT_TEXTS: tuple[object, ...] = (None, 5, [], {})
NOT_REASONS: tuple[object, ...] = (5, "x" * 301, "x" * 5000)
CHANGES: list[dict[str, object]] = [
    *({"id": value} for value in (*NOT_TEXTS, "", "x", "../x", ID + "0", ID[:-1] + "G", "é" * 36)),
    *({"supervisor": value} for value in (*NOT_TEXTS, "x" * 301)),
    *({"action": value} for value in (*NOT_TEXTS, "", "exec", "Drain", ["drain"])),
    *({"state": value} for value in (*NOT_TEXTS, "done")),
    *({"askedAt": value} for value in (*NOT_COUNTS, None, 2**62)),
    *({"slot": value} for value in (*NOT_COUNTS, 10_001)),
    *({"action": "scale", "procs": value} for value in (*NOT_COUNTS, 0, 1025)),
    *({"reason": value} for value in NOT_REASONS),
]
MESSAGES: list[dict[str, object]] = [
    {"action": "drain"},
    *({"request": value, "action": "drain"} for value in (*NOT_TEXTS, "", "x" * 65)),
    *({"request": "r", "action": value} for value in (*NOT_TEXTS, "", "exec", "DRAIN", ["drain"], {"drain": 1})),
    *({"request": "r", "action": "scale", "procs": value} for value in (*NOT_COUNTS, None, 0, 1025, [3])),
    *({"request": "r", "action": "recycle", "slot": value} for value in (*NOT_COUNTS, 0, 99, 10**30)),
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_what_has_another_form_is_no_request(change: dict[str, object]) -> None:
    assert read_request(orjson.dumps(GOOD)) is not None
    assert read_request(orjson.dumps({**GOOD, **change})) is None


@pytest.mark.parametrize("raw", [None, b"", b"\xff\xfe", b"{", b"[]", b"5", b"null", b'"x"', b"[" * 4000, b"{}"])
def test_what_is_no_json_object_is_no_request(raw: bytes | None) -> None:
    assert read_request(raw) is None


def test_a_request_is_late_after_a_minute_and_keeps_its_answer_only_if_that_is_its_own() -> None:
    raw = orjson.dumps(GOOD)
    assert not read_waiting(raw, None, 1000 + REQUEST_KEPT_MS).late
    assert read_waiting(raw, None, 1001 + REQUEST_KEPT_MS).late
    accepted = read_waiting(raw, orjson.dumps({**GOOD, "state": "accepted"}), 1000).request
    assert accepted is not None
    assert accepted.state == "accepted"
    foreign = read_waiting(raw, orjson.dumps({**GOOD, "id": ID[:-1] + "1", "state": "accepted"}), 1000).request
    assert foreign is not None
    assert foreign.state == "asked"


# The steward


def table() -> Beats:
    beats = Beats(slots=4, cells=8)
    for slot, state in enumerate((State.READY, State.STARTING, State.READY)):
        beats.cell(slot).assign(slot=slot, role="worker", generation=1)
        beats.cell(slot).state = state
    beats.cell(2).doomed = True
    beats.cell(3).assign(slot=-1, role="steward", generation=1)
    beats.cell(3).state = State.READY
    return beats


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (SupervisorRequest(ID, HERE, "recycle"), ""),
        (SupervisorRequest(ID, HERE, "recycle", 0), ""),
        (SupervisorRequest(ID, HERE, "recycle", 1), "slot 1"),
        (SupervisorRequest(ID, HERE, "recycle", 2), "slot 2"),
        (SupervisorRequest(ID, HERE, "recycle", 3), "slot 3"),
        (SupervisorRequest(ID, HERE, "scale", procs=4), ""),
        (SupervisorRequest(ID, HERE, "scale", procs=5), "4 worker processes is the most"),
        (SupervisorRequest(ID, HERE, "scale"), "to how many"),
        (SupervisorRequest(ID, HERE, "drain"), ""),
    ],
    ids=str,
)
def test_a_fleet_is_asked_only_for_what_it_can_do(request_: SupervisorRequest, reason: str) -> None:
    beats = table()
    assert bool(objection(request_, beats)) == bool(reason)
    assert reason in objection(request_, beats)
    beats.stopping = True
    assert "drains" in objection(request_, beats)


class Done:
    """A call with a result."""

    def __init__(self, result: Any = None) -> None:
        self.result = result

    def run(self) -> Any:
        return self.result

    async def run_async(self) -> Any:
        return self.result


class Desk:
    """Stands for the store and for the seat."""

    def __init__(self, *waiting: Waiting) -> None:
        self.rows = list(waiting)
        self.answers: list[SupervisorRequest] = []
        self.handed: list[tuple[object, ...]] = []
        self.beats = table()

    def answer(self, request: SupervisorRequest) -> Call[None]:
        self.answers.append(request)
        return Done()

    def done(self, supervisor: str, raw: bytes) -> Call[None]:
        assert supervisor == HERE
        self.rows = [row for row in self.rows if row.raw != raw]
        return Done()

    def request(self, request_id: str, action: str, *, slot: int | None, procs: int | None) -> None:
        assert self.answers, "it was handed over before it was answered"
        self.handed.append((request_id, action, slot, procs))


async def deal(*waiting: Waiting) -> Desk:
    desk = Desk(*waiting)
    clerk = Clerk(cast("RequestStore", desk), cast("Seat", desk), HERE)
    for row in waiting:
        await clerk.deal_with(row)
    assert desk.rows == [], "it would be read for ever"
    return desk


async def test_what_can_be_done_is_handed_over_and_answered() -> None:
    desk = await deal(read_waiting(told_request(SupervisorRequest(ID, HERE, "recycle", 0), 1000), None, 1000))
    assert desk.handed == [(ID, "recycle", 0, None)]
    assert [(one.state, one.reason) for one in desk.answers] == [("accepted", "")]


async def test_what_cannot_be_done_or_waited_too_long_is_refused_with_the_reason() -> None:
    desk = await deal(
        read_waiting(told_request(SupervisorRequest(ID, HERE, "recycle", 1), 1000), None, 1000),
        read_waiting(told_request(SupervisorRequest(new_id(), HERE, "drain"), 1000), None, 2000 + REQUEST_KEPT_MS),
    )
    assert desk.handed == []
    assert [one.state for one in desk.answers] == ["refused", "refused"]
    assert "slot 1" in desk.answers[0].reason
    assert "minute" in desk.answers[1].reason


async def test_garbage_and_requests_to_another_boot_are_taken_away_unanswered() -> None:
    other = told_request(SupervisorRequest(ID, "host:5:01", "drain"), 1000)
    desk = await deal(Waiting(b"garbage", None, False), read_waiting(other, None, 1000))
    assert (desk.handed, desk.answers) == ([], [])


async def test_a_successor_hands_over_what_was_accepted_and_not_what_was_refused() -> None:
    raw = told_request(SupervisorRequest(ID, HERE, "recycle", 1), 1000)
    accepted, refused = (orjson.dumps({**GOOD, "slot": 1, "state": state}) for state in ("accepted", "refused"))
    assert (await deal(read_waiting(raw, accepted, 1000))).handed == [(ID, "recycle", 1, None)]
    assert (await deal(read_waiting(raw, refused, 1000))).handed == []


# The master


class NoNursery:
    """Bears nobody."""

    open = True

    def bear(self, order: Order, ends: Ends) -> int:
        raise OSError("nobody is born here")


class Acts:
    """A fleet without children, and what else would be done."""

    def __init__(self, *, allowed: bool = True) -> None:
        config = SupervisorConfig(target="a:b", procs=2)
        beats = Beats(slots=4, cells=8)
        self.fleet = Fleet(
            config, beats, NoNursery(), Notices(), on_birth=lambda child: None, on_end=lambda child: None
        )
        self.rolls: list[str] = []
        self.stops: list[str] = []
        self.compliance = Compliance(self.fleet, allowed=allowed, roll=self.rolls.append, stop=self.stops.append)

    def hear(self, **message: object) -> tuple[int, int, int]:
        self.compliance.hear(message)
        return len(self.fleet.posts), len(self.rolls), len(self.stops)


def test_each_request_is_acted_on_once() -> None:
    acts = Acts()
    assert acts.hear(request="a", action="scale", slot=None, procs=3) == (3, 0, 0)
    assert acts.hear(request="b", action="recycle", slot=None, procs=None) == (3, 1, 0)
    assert acts.hear(request="c", action="drain", slot=None, procs=None) == (3, 1, 1)
    for action in ("scale", "recycle", "drain"):
        for request_id in ("a", "b", "c"):
            assert acts.hear(request=request_id, action=action, slot=None, procs=4) == (3, 1, 1)
    assert "request b" in acts.rolls[0]


@pytest.mark.parametrize("message", MESSAGES, ids=str)
def test_the_master_does_nothing_for_what_is_no_request(message: dict[str, object]) -> None:
    assert Acts().hear(**message) == (2, 0, 0)


def test_one_that_takes_no_requests_or_drains_does_nothing() -> None:
    assert Acts(allowed=False).hear(request="a", action="drain") == (2, 0, 0)
    acts = Acts()
    acts.fleet.stopping = True
    assert acts.hear(request="a", action="drain") == (2, 0, 0)


def test_more_than_there_is_room_for_is_as_many_as_there_is() -> None:
    assert Acts().hear(request="a", action="scale", procs=1024) == (4, 0, 0)
