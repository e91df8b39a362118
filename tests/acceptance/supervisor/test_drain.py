"""How a fleet comes down."""

import os
import signal
import time

import pytest

from acceptance.supervisor.toy_fleet import StartFleet


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_running_jobs_finish_within_the_drain_timeout_and_the_steward_ends_last(
    start_fleet: StartFleet, number: signal.Signals
) -> None:
    fleet = start_fleet(procs=2)
    fleet.wait_ready(2)
    fleet.tell("do-0", "job 0.5")
    fleet.wait(lambda: not (fleet.folder / "do-0").exists(), "the job did not start")
    fleet.signal(number)
    assert fleet.program.wait(8) == 0
    fleet.program.assert_nothing_left()
    assert not fleet.events("gave-back")
    assert not fleet.events("told")
    drained = fleet.events("drained")
    assert len(drained) == 2
    assert fleet.events("steward-ends")[0]["t_ns"] > max(event["t_ns"] for event in drained)


def test_at_the_drain_timeout_running_jobs_are_given_back_and_that_is_a_clean_end(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, drain_timeout_s=0.3)
    fleet.wait_ready(1)
    fleet.tell("do-0", "job 30")
    fleet.wait(lambda: not (fleet.folder / "do-0").exists(), "the job did not start")
    assert fleet.stop() == 0
    assert fleet.events("gave-back")


def test_a_second_signal_has_the_jobs_given_back_at_once(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2, drain_timeout_s=30.0)
    fleet.wait_ready(2)
    fleet.tell("do-0", "job 30")
    fleet.wait(lambda: not (fleet.folder / "do-0").exists(), "the job did not start")
    began_s = time.monotonic()
    fleet.signal(signal.SIGTERM)
    fleet.wait_event("drained", slot=1)
    assert not fleet.events("gave-back")
    fleet.signal(signal.SIGINT)
    assert fleet.program.wait(5) == 0
    assert time.monotonic() - began_s < 3
    assert fleet.events("gave-back")


def test_a_signal_to_the_whole_group_as_systemd_sends_it_is_one_drain_and_not_two(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2)
    fleet.wait_ready(2)
    fleet.tell("do-0", "job 0.5")
    fleet.wait(lambda: not (fleet.folder / "do-0").exists(), "the job did not start")
    os.killpg(fleet.program.pid, signal.SIGTERM)
    assert fleet.program.wait(8) == 0
    assert not fleet.events("gave-back")
    assert len(fleet.events("steward-ready")) == 1
    assert fleet.events("steward-ends")[0]["t_ns"] > max(event["t_ns"] for event in fleet.events("drained"))


def test_two_signals_that_merge_on_the_way_to_a_child_still_interrupt_it(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, drain_timeout_s=30.0, interrupt_grace_s=3.0)
    (worker,) = fleet.wait_ready(1)
    fleet.tell("do-0", "job 30")
    fleet.wait(lambda: not (fleet.folder / "do-0").exists(), "the job did not start")
    # While it is stopped, both SIGTERMs become one.
    os.kill(worker, signal.SIGSTOP)
    fleet.signal(signal.SIGTERM)
    fleet.program.wait_for_log("SIGTERM: draining")
    fleet.signal(signal.SIGTERM)
    fleet.program.wait_for_log("is to give its")
    os.kill(worker, signal.SIGCONT)
    assert fleet.program.wait(8) == 0
    assert fleet.events("gave-back")


def test_what_does_not_end_is_killed_recovered_uncharged_and_the_code_says_so(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2, drain_timeout_s=0.2)
    fleet.wait_ready(2)
    fleet.tell("do-0", "deaf-job 60")
    fleet.wait(lambda: not (fleet.folder / "do-0").exists(), "the job did not start")
    assert fleet.stop() == 75
    (told,) = fleet.events("told")
    assert (told["cause"], told["charged"], told["active"], told["alive"]) == ("drain-timeout", False, 1, [])
    assert fleet.events("steward-ends")[0]["t_ns"] > told["t_ns"]
    assert "stacks:" in fleet.program.log()


def test_the_end_does_not_wait_for_ever_for_a_steward_that_recovers_nothing(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, drain_timeout_s=0.1, steward_timeout_s=0.3, files={"no-ack": "yes"})
    fleet.wait_ready(1)
    fleet.tell("do-0", "deaf-job 60")
    fleet.wait(lambda: not (fleet.folder / "do-0").exists(), "the job did not start")
    assert fleet.stop() == 75
    assert "not recovered in time" in fleet.program.log()


def test_quit_kills_everything_at_once(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2)
    fleet.wait_ready(2)
    fleet.tell("do-0", "job 60")
    fleet.signal(signal.SIGQUIT)
    assert fleet.program.wait(3) == 131
    fleet.program.assert_nothing_left()
    assert not fleet.events("drained")


def test_a_worker_that_still_boots_does_not_hold_up_the_end(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2, drain_timeout_s=30.0, files={"boot": "never"})
    fleet.wait_event("born", 2, role="worker")
    fleet.wait_event("steward-ready")
    assert fleet.stop(4) == 0
