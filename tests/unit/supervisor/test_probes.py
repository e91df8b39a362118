"""A claim loop that stands still is found by the table alone."""

import time
from types import SimpleNamespace
from typing import Any

from taskora.supervisor.beats import Beats, BeatSlot, State
from taskora.supervisor.probes import Probes

NS = 1_000_000_000


def probes(cell: BeatSlot, *, hung: bool = False) -> Probes:
    child = SimpleNamespace(beat=cell, ready_ns=1, sentence=None, name="slot 0")
    fleet: Any = SimpleNamespace(children=lambda: [child])

    def is_hung(_child: object, _now_ns: int) -> bool:
        return hung

    health: Any = SimpleNamespace(is_hung=is_hung)
    return Probes(fleet, health)


def ready_cell() -> BeatSlot:
    cell = Beats(slots=1, cells=1).cell(0)
    cell.assign(slot=0, role="worker", generation=1)
    cell.born(1, 1)
    cell.state = State.READY
    return cell


def test_a_worker_that_beats_and_does_not_claim_is_not_alive() -> None:
    cell = ready_cell()
    cell.pulse.claim_ns = cell.beat_ns - 31 * NS
    assert probes(cell).causes_against_life() == ["slot 0 has not asked for jobs for 31 s"]


def test_a_worker_that_drains_or_has_not_begun_need_not_claim() -> None:
    cell = ready_cell()
    assert probes(cell).causes_against_life() == []
    cell.pulse.claim_ns = cell.beat_ns - 31 * NS
    cell.state = State.DRAINING
    assert probes(cell).causes_against_life() == []


def test_a_worker_that_is_silent_for_no_reason_is_not_alive_and_one_with_a_reason_is() -> None:
    cell = ready_cell()
    cell.pulse.claim_ns = time.monotonic_ns() - 100 * NS
    cell.beat()
    cell.pulse.claim_ns = cell.beat_ns
    assert probes(cell).causes_against_life() == []
    assert probes(cell, hung=True).causes_against_life() == ["slot 0 has not answered for 0 s"]


def test_what_a_process_says_of_itself_goes_with_it() -> None:
    cell = ready_cell()
    cell.pulse.claim_ns = 5
    cell.pulse.server_answered(7)
    cell.assign(slot=0, role="worker", generation=2)
    assert (cell.pulse.claim_ns, cell.pulse.answered_ns, cell.pulse.round_trip_ns) == (0, 0, 0)
