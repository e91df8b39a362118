"""What the records of processes tell of supervisors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from taskora.fleets import ChildInfo, read_supervisors
from taskora.model import WorkerRecord

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def record(name: str, role: str, **extra: object) -> WorkerRecord:
    return WorkerRecord(name, role, "host", 7, ("mail",), 1, 5, 2, 4096, NOW, NOW, "1.0", role == "steward", extra)


def slot(number: int, worker: str, **more: object) -> dict[str, object]:
    return {
        "slot": number, "pid": 100 + number, "generation": 3, "state": "ready", "worker": worker,
        "active": 1, "restarts": 4, "lastCause": "signal:9", **more,
    }  # fmt: skip


def test_a_supervisor_has_its_children_with_what_they_say_themselves() -> None:
    records = [
        record("w0", "worker"),
        record("s", "steward", supervisor=50, slots=[slot(1, ""), slot(0, "w0")]),
        record("alone", "worker"),
    ]
    (found,) = read_supervisors(records)
    assert (found.id, found.host, found.pid, found.leader, found.steward_pid) == ("s", "host", 50, True, 7)
    assert found.children == (
        ChildInfo(0, 100, 3, "ready", "w0", 1, 4, "signal:9", 4096, NOW, 5, 2, ("mail",)),
        ChildInfo(1, 101, 3, "ready", "", 1, 4, "signal:9"),
    )


@pytest.mark.parametrize(("told", "read"), [(4, 4), (0, 0), (None, None), ("4", None), (True, None), (-1, None)])
def test_how_many_children_a_supervisor_is_to_have_is_read_where_its_record_tells(
    told: object, read: int | None
) -> None:
    assert read_supervisors([record("s", "steward", procs=told)])[0].procs == read
    assert read_supervisors([record("s", "steward")])[0].procs is None


@pytest.mark.parametrize("stored", [None, "x", 3, {}, [None], ["x"], [[]], [{}], [{"slot": True, "pid": 1}],
                                    [{"slot": -1, "pid": 1}], [{"slot": 0, "pid": "1"}]])  # fmt: skip
def test_children_that_cannot_be_read_are_left_out(stored: object) -> None:
    (found,) = read_supervisors([record("s", "steward", supervisor="no number", slots=stored)])
    assert (found.pid, found.children) == (0, ())


def test_what_cannot_be_read_of_a_child_costs_that_alone() -> None:
    broken = slot(0, "w", generation=[], state=None, active="many", restarts=-1, lastCause=3)
    (found,) = read_supervisors([record("s", "steward", slots=[broken])])
    assert found.children == (ChildInfo(0, 100, 0, "", "w", 0, 0, ""),)


@pytest.mark.parametrize(
    ("told", "read"), [(12.5, 12.5), (0, 0.0), (None, None), ("5", None), (True, None), (-1, None), (1e300, None)]
)
def test_what_a_child_takes_of_the_machine_is_read_where_it_is_told(told: object, read: float | None) -> None:
    (found,) = read_supervisors([record("s", "steward", slots=[slot(0, "", cpu=told, pss=4096)])])
    assert (found.children[0].cpu, found.children[0].pss) == (read, 4096)


def test_of_a_steward_and_its_successor_the_latter_counts() -> None:
    told = {"id": "host:5:00", "remoteControl": True}
    old, new = record("old", "steward", procs=1, **told), record("new", "steward", procs=2, **told)
    later = replace(new, started_at=NOW + timedelta(seconds=1))
    for records in ([old, later], [later, old]):
        (found,) = read_supervisors(records)
        assert (found.id, found.procs, found.remote_control) == ("host:5:00", 2, True)


def test_one_without_an_id_of_its_own_takes_no_requests() -> None:
    assert not read_supervisors([record("s", "steward", remoteControl=True)])[0].remote_control
    assert not read_supervisors([record("s", "steward", id="host:5:00", remoteControl="yes")])[0].remote_control
