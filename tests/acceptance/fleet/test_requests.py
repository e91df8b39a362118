"""Supervisors that run are asked for something through the server."""

import signal
from collections.abc import Collection, Generator
from typing import Any, cast

import pytest

from acceptance.fleet.fleets import Harbour, kill
from support import Program
from taskora import SupervisorInfo, SupervisorRequest
from taskora.adapters.request_store import told_request
from taskora.ids import new_id

JOBS = range(60)


def listed(harbour: Harbour, fleet: Program, count: int | None = None, without: Collection[int] = ()) -> SupervisorInfo:
    """The supervisor, once it is registered, with so many ready children, these not among them."""

    def find() -> SupervisorInfo | None:
        for one in harbour.app.inspect().supervisors():
            ready = [child for child in one.children if child.state == "ready"]
            settled = count is None or len(ready) == len(one.children) == count == one.procs
            if one.pid == fleet.pid and settled and not set(pids(one)) & set(without):
                return one
        return None

    found = harbour.wait(find, f"the supervisor should be listed with {count} children")
    assert found is not None
    return found


def answer(harbour: Harbour, request_id: str) -> SupervisorRequest:
    found = harbour.app.supervisors.outcome(request_id, timeout="30s")
    assert found is not None
    return found


def accepted(harbour: Harbour, request_id: str) -> None:
    found = answer(harbour, request_id)
    assert (found.state, found.reason) == ("accepted", "")


def send(harbour: Harbour, *commands: tuple[Any, ...]) -> list[Any]:
    """Run commands past the library."""

    def steps(_: object) -> Generator[list[tuple[Any, ...]], list[Any], list[Any]]:
        return (yield list(commands))

    link: Any = cast("Any", harbour.app.adapter)._link
    found: list[Any] = link.run(steps)
    return found


def key_of(harbour: Harbour, supervisor_id: str) -> str:
    return f"{harbour.app.adapter.keys.own('supervisor')}:{supervisor_id}"


def pids(info: SupervisorInfo) -> list[int]:
    return [child.pid for child in info.children]


def test_a_fleet_is_scaled_up_and_down_and_told_no_more_than_it_can_have(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1")
    supervisor = listed(harbour, fleet, 1)
    assert supervisor.remote_control
    ask = harbour.app.supervisors
    accepted(harbour, ask.scale(supervisor.id, 2))
    assert listed(harbour, fleet, 2).id == supervisor.id
    harbour.dispatch("carry", range(8), takes=0.5)
    harbour.wait_started("carry", 8)
    accepted(harbour, ask.scale(supervisor.id, 1))
    listed(harbour, fleet, 1)
    refused = answer(harbour, ask.scale(supervisor.id, 65))
    assert (refused.state, "64 worker processes" in refused.reason) == ("refused", True)
    harbour.wait_completed("carry", 8)
    assert harbour.stop(fleet) == 0
    harbour.evidence.assert_each_ran_once("carry", range(8))


@pytest.mark.parametrize("store", ["redis", "cluster"], indirect=True)
def test_workers_are_recycled_one_and_all_while_jobs_run_and_none_is_lost(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2", "--concurrency", "4")
    first = listed(harbour, fleet, 2)
    harbour.dispatch("carry", JOBS, takes=0.4)
    harbour.wait_started("carry", 4)
    accepted(harbour, harbour.app.supervisors.recycle(first.id, 0))
    harbour.wait(lambda: "ended: recycle:request" in fleet.log(), "one should have been recycled")
    second = listed(harbour, fleet, 2, without=pids(first)[:1])
    assert pids(second)[1] == pids(first)[1]
    accepted(harbour, harbour.app.supervisors.recycle(first.id))
    fleet.wait_for_log("rolling restart done", 60)
    third = listed(harbour, fleet, 2, without=pids(second))
    assert third.id == first.id
    assert third.steward_pid != first.steward_pid
    harbour.wait_completed("carry", len(JOBS), 60)
    assert "is to give" not in fleet.log()
    assert harbour.stop(fleet) == 0
    harbour.evidence.assert_each_ran_once("carry", JOBS)


def test_a_supervisor_that_is_drained_ends_its_jobs_and_then_itself(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1")
    supervisor = listed(harbour, fleet, 1)
    harbour.dispatch("carry", range(5), takes=1.0)
    harbour.wait_started("carry", 5)
    asked = harbour.app.supervisors.drain(supervisor.id)
    accepted(harbour, asked)
    assert fleet.wait(30) == 0
    fleet.assert_nothing_left()
    assert "is to give" not in fleet.log()
    harbour.evidence.assert_each_ran_once("carry", range(5))
    accepted(harbour, asked)


def test_garbage_and_requests_to_a_former_boot_harm_nothing(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1")
    supervisor = listed(harbour, fleet, 1)
    name, _, nonce = supervisor.id.rpartition(":")
    former = f"{name}:{'0' * len(nonce)}"
    drain = told_request(SupervisorRequest(new_id(), former, "drain"), 4_000_000_000_000)
    key = key_of(harbour, supervisor.id)
    rubbish: list[bytes] = [b"", b"\xff", b"{}", b"[" * 5000, b'{"action":"drain"}', b"x" * 100_000]
    send(harbour, ("RPUSH", key_of(harbour, former), drain), ("RPUSH", key, *rubbish, drain))
    accepted(harbour, harbour.app.supervisors.scale(supervisor.id, 2))
    listed(harbour, fleet, 2)
    harbour.wait(lambda: send(harbour, ("EXISTS", key)) == [0], "all should be taken away")
    assert send(harbour, ("LLEN", key_of(harbour, former))) == [1]

    # What is no list is left alone until it is gone, and then all goes on.
    send(harbour, ("SET", key, "x"))
    harbour.dispatch("carry", range(3))
    harbour.wait_completed("carry", 3)
    send(harbour, ("DEL", key))
    accepted(harbour, harbour.app.supervisors.scale(supervisor.id, 1))
    listed(harbour, fleet, 1)
    assert "draining" not in fleet.log()
    assert harbour.stop(fleet) == 0


def test_one_that_is_not_to_be_controlled_says_so_and_does_nothing(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1", "--no-remote-control")
    supervisor = listed(harbour, fleet, 1)
    assert not supervisor.remote_control
    with pytest.raises(ValueError, match="no-remote-control"):
        harbour.app.supervisors.drain(supervisor.id)
    forced = SupervisorRequest(new_id(), supervisor.id, "drain")
    harbour.app.adapter.requests.ask(forced).run()
    harbour.dispatch("carry", range(1), takes=2.0)
    harbour.wait_completed("carry", 1)
    found = harbour.app.supervisors.outcome(forced.id)
    assert found is not None
    assert found.state == "asked"
    assert "draining" not in fleet.log()
    assert harbour.stop(fleet) == 0


def test_a_request_is_acted_on_once_though_its_steward_dies_in_between(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1")
    supervisor = listed(harbour, fleet, 1)
    fleet_steward = supervisor.steward_pid
    asked = harbour.app.supervisors.recycle(supervisor.id, 0)
    accepted(harbour, asked)
    harbour.wait(lambda: fleet.log().count("ended: recycle:request") == 1, "it should be recycled")
    # As if the steward had died before it took the request away: its successor finds it there, and accepted.
    found = answer(harbour, asked)
    send(harbour, ("RPUSH", key_of(harbour, supervisor.id), told_request(found)))
    kill(fleet_steward)
    key = key_of(harbour, supervisor.id)
    harbour.wait(lambda: send(harbour, ("EXISTS", key)) == [0], "the successor should take it away")
    accepted(harbour, harbour.app.supervisors.scale(listed(harbour, fleet).id, 2))
    after = listed(harbour, fleet, 2)
    assert after.steward_pid != fleet_steward
    assert after.id == supervisor.id
    assert fleet.log().count("drains (recycle:request)") == 1
    fleet.send_signal(signal.SIGTERM)
    assert fleet.wait(30) == 0
