"""The leader among several supervisors, what is scheduled, and who is registered."""

import os
import signal
import time
from collections import Counter
from itertools import pairwise
from typing import cast

import pytest

from acceptance.fleet.fleets import Harbour, kill
from support import Program

LEAD_TTL_S = 3.0


def _with_leader_first(harbour: Harbour, fleets: list[Program]) -> list[Program]:
    for fleet in fleets:
        fleet.wait_for_log("is ready")
    return sorted(fleets, key=lambda fleet: "INFO taskora.housekeeping" not in fleet.log())


def _occurrences(harbour: Harbour) -> list[int]:
    """When the schedule fired, ms; every job of it ran once."""
    keys = Counter(note.job_id for note in harbour.evidence.notes("start", "tick"))
    assert set(keys.values()) <= {1}
    return sorted(note.at_ns // 1_000_000 for note in harbour.evidence.notes("start", "tick"))


@pytest.mark.parametrize("store", ["redis", "cluster"], indirect=True)
def test_a_leader_that_is_killed_with_its_fleet_costs_a_schedule_no_more_than_its_lease(harbour: Harbour) -> None:
    harbour.set_up(every_s=1, lead_ttl=LEAD_TTL_S)
    first, second = _with_leader_first(harbour, [harbour.start("--procs", "1"), harbour.start("--procs", "1")])
    harbour.wait_started("tick", 3)
    doomed = [*harbour.children(first), first.pid]
    for pid in reversed(doomed):
        kill(pid)
    killed_ms = time.monotonic_ns() // 1_000_000
    before = len(harbour.evidence.notes("start", "tick"))
    harbour.wait_started("tick", before + 4, timeout=15)
    times_ms = _occurrences(harbour)
    gap_ms = min(at for at in times_ms if at > killed_ms + 20) - max(at for at in times_ms if at <= killed_ms + 20)
    # A period and the rest of the lease, a poll and what a busy machine adds.
    assert gap_ms < (1 + LEAD_TTL_S) * 1000 + 700
    later_ms = [at for at in times_ms if at > killed_ms + 20]
    assert all(b - a > 500 for a, b in pairwise(later_ms[1:])), "fired twice for one occurrence"
    assert harbour.stop(second) == 0


def test_after_an_orderly_end_of_the_leader_another_takes_over_at_once(harbour: Harbour) -> None:
    harbour.set_up(every_s=1, lead_ttl=30)
    first, second = _with_leader_first(harbour, [harbour.start("--procs", "1"), harbour.start("--procs", "1")])
    harbour.wait_started("tick", 2)
    assert harbour.stop(first) == 0
    before = len(harbour.evidence.notes("start", "tick"))
    harbour.wait_started("tick", before + 2, timeout=3)
    times_ms = _occurrences(harbour)
    assert max(b - a for a, b in pairwise(times_ms)) < 2500
    assert harbour.stop(second) == 0


def test_the_lead_of_a_steward_that_was_killed_passes_to_its_successor_at_once(harbour: Harbour) -> None:
    harbour.set_up(every_s=0.5, lead_ttl=600)
    fleet = harbour.start("--procs", "1")
    fleet.wait_for_log("leading")
    steward = harbour.steward(fleet)
    kill(steward.pid)
    harbour.wait(lambda: fleet.log().count("INFO taskora.housekeeping") == 2, "its successor should lead", 20)
    assert steward.id not in {record.id for record in harbour.app.adapter.house.workers().run()}
    before = len(harbour.evidence.notes("start", "tick"))
    harbour.wait_started("tick", before + 2)
    _occurrences(harbour)
    assert harbour.stop(fleet) == 0


def test_the_registry_shows_the_slots_and_forgets_the_dead(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2")
    first, second = harbour.wait_workers(fleet, 2)
    steward = harbour.steward(fleet)
    assert steward.extra["supervisor"] == fleet.pid

    def leads() -> bool:
        return harbour.steward(fleet).leader

    harbour.wait(leads, "the steward should lead", 8)
    assert "carry" in first.tasks
    assert sorted(str(record.extra["slot"]) for record in (first, second)) == ["0", "1"]
    slots = cast("list[dict[str, object]]", steward.extra["slots"])
    assert sorted(str(slot["slot"]) for slot in slots) == ["0", "1"]
    kill(first.pid)
    harbour.wait(lambda: first.id not in {r.id for r in harbour.app.adapter.house.workers().run()}, "it is dead", 3)
    harbour.wait_workers(fleet, 2)
    assert harbour.stop(fleet) == 0
    assert harbour.app.adapter.house.workers().run() == []


def _commands(harbour: Harbour, seconds: float) -> int:
    """How many commands the server runs in that time."""

    def total() -> int:
        lines = harbour.store.command("INFO", "commandstats").split("\r\n")
        return sum(int(line.split("calls=")[1].split(",")[0]) for line in lines if line.startswith("cmdstat_"))

    harbour.store.command("CONFIG", "RESETSTAT")
    began_s = time.monotonic()
    harbour.wait(lambda: time.monotonic() - began_s >= seconds, "time stands still")
    return total()


def test_a_job_delayed_by_an_hour_costs_an_idle_fleet_nothing(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2")
    harbour.wait_workers(fleet, 2)
    without = _commands(harbour, 3.0)
    harbour.task("carry").dispatch({"key": 0, "takes": 0}, delay="1h")
    harbour.wait(lambda: harbour.stats("carry").delayed == 1, "it should be delayed")
    with_one = _commands(harbour, 3.0)
    # What varies is how many rounds of blocking and of housekeeping fall into the time.
    assert with_one < without * 1.3 + 100, (without, with_one)
    assert harbour.stop(fleet) == 0


def test_a_stopped_steward_is_replaced_and_the_work_goes_on(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1", "--heartbeat-timeout", "1s")
    steward = harbour.steward(fleet)
    os.kill(steward.pid, signal.SIGSTOP)
    harbour.dispatch("carry", range(20), takes=0.01)
    harbour.wait_completed("carry", 20)
    harbour.wait(lambda: harbour.steward(fleet).pid != steward.pid, "it should be replaced", 10)
    assert harbour.stop(fleet) == 0
