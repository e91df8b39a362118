"""What the steward tells of the workers."""

import os
import time

import pytest

from taskora.supervisor.beats import Beats, State
from taskora.supervisor.process import cpu_ticks
from taskora.supervisor.roster import Roster

HEARTBEAT_NS = 10_000_000_000


def table(workers: int) -> Beats:
    beats = Beats(slots=workers, cells=workers)
    for slot in range(workers):
        cell = beats.cell(slot)
        cell.assign(slot=slot, role="worker", generation=1)
        cell.born(1000 + slot, 1)
        cell.state = State.READY
    return beats


def test_a_worker_that_is_silent_without_a_reason_or_doomed_is_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = [1_000_000_000_000]
    monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns[0])
    beats = table(5)
    now_ns[0] += 2 * HEARTBEAT_NS
    for slot in (0, 4):
        beats.cell(slot).beat()
    beats.cell(2).hang_deadline_ns = now_ns[0] + HEARTBEAT_NS
    beats.cell(3).state = State.STARTING
    beats.cell(4).doomed = True
    roster = Roster(beats, HEARTBEAT_NS, lambda pid: None, lambda pid: None)
    states = [child["state"] for child in roster.describe(beats.beats())]
    assert states == ["ready", "hung", "ready", "starting", "hung"]


def test_memory_is_read_of_a_few_at_a_time_and_of_all_in_turn() -> None:
    beats, looked = table(40), list[int]()

    def memory(pid: int) -> int:
        looked.append(pid)
        return pid

    roster = Roster(beats, HEARTBEAT_NS, memory, lambda pid: None)
    for _ in range(3):
        before = len(looked)
        roster.describe(beats.beats())
        assert len(looked) - before <= 16
    told = roster.describe(beats.beats())
    assert set(looked) == set(range(1000, 1040))
    assert all(child["pss"] == child["pid"] for child in told)


def test_the_share_of_a_core_is_told_from_the_second_look_on() -> None:
    beats, ticks = table(1), iter([100, 100, None, 90])
    roster = Roster(beats, HEARTBEAT_NS, lambda pid: 1, lambda pid: next(ticks))
    shares = [roster.describe(beats.beats())[0]["cpu"] for _ in range(4)]
    assert shares == [None, 0.0, None, 0.0]


def test_the_time_that_this_process_took_grows() -> None:
    assert cpu_ticks(2**22 + 1) is None
    first = cpu_ticks(os.getpid())
    assert first is not None
    until_s = time.process_time() + 0.05
    while time.process_time() < until_s:
        pass
    later = cpu_ticks(os.getpid())
    assert later is not None
    assert later > first


def test_an_empty_fleet_has_no_workers() -> None:
    assert Roster(Beats(slots=1, cells=1), HEARTBEAT_NS).describe([]) == []


def test_one_that_has_not_told_its_process_yet_is_not_measured() -> None:
    beats = Beats(slots=1, cells=1)
    beats.cell(0).assign(slot=0, role="worker", generation=1)
    (told,) = Roster(beats, HEARTBEAT_NS).describe(beats.beats())
    assert (told["pid"], told["pss"], told["cpu"]) == (0, None, None)
