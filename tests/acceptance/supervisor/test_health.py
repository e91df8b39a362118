"""Hung workers, boot failures, preloading and a master that is gone."""

import os
import signal
import time

import pytest

from acceptance.supervisor.toy_fleet import StartFleet, kill


def test_a_worker_that_holds_the_gil_past_what_it_declared_is_dumped_killed_and_replaced(
    start_fleet: StartFleet,
) -> None:
    fleet = start_fleet(procs=2, heartbeat_timeout_s=0.5)
    fleet.wait_ready(2)
    hung = fleet.events("ready", slot=0)[0]["pid"]
    fleet.tell("do-0", "hang 30 0")
    fleet.wait_event("ready", 2, slot=0)
    told = fleet.wait_event("told")
    assert (told["cause"], told["charged"], told["active"]) == ("hung", False, 1)
    assert not fleet.alive(hung)
    assert "in _obey" in fleet.program.log(), "the stacks of the hung worker are missing"
    assert fleet.stop() == 0


def test_silence_inside_the_declared_deadline_is_left_alone(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, heartbeat_timeout_s=0.3)
    (worker,) = fleet.wait_ready(1)
    fleet.tell("do-0", "hang 1.5 10")
    fleet.wait_event("hung-over", pid=worker)
    assert fleet.stop() == 0
    assert len(fleet.events("ready")) == 1


def test_silence_ends_when_the_declared_deadline_does(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, heartbeat_timeout_s=0.3)
    (worker,) = fleet.wait_ready(1)
    fleet.tell("do-0", "hang 30 1")
    began_ns = fleet.wait_event("hangs", pid=worker)["t_ns"]
    assert fleet.wait_event("ready", 2)["t_ns"] - began_ns >= 1e9
    assert fleet.stop() == 0


def test_a_boot_may_take_longer_than_a_heartbeat(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, heartbeat_timeout_s=0.2, files={"boot": "slow 1.5"})
    (worker,) = fleet.wait_ready(1)
    assert fleet.stop() == 0
    assert [event["pid"] for event in fleet.events("born", role="worker")] == [worker]


def test_a_hung_steward_is_replaced(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, heartbeat_timeout_s=0.5)
    fleet.wait_ready(1)
    os.kill(fleet.events("steward-ready")[0]["pid"], signal.SIGSTOP)
    fleet.wait_event("steward-ready", 2)
    assert fleet.stop() == 0


def test_a_master_that_was_frozen_does_not_judge_others_by_its_own_absence(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, heartbeat_timeout_s=1.5)
    fleet.wait_ready(1)
    everybody = [fleet.program.pid, *(process.pid for process in fleet.program.members())]
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    frozen_s = time.monotonic()
    fleet.wait(lambda: time.monotonic() - frozen_s > 2.3, "time stands still")
    for pid in everybody:
        os.kill(pid, signal.SIGCONT)
    assert fleet.stop() == 0
    assert "hung" not in fleet.program.log()


@pytest.mark.parametrize(("boot", "code"), [("exit 3", 3), ("exit 4", 4), ("kill", 3)])
def test_a_fleet_that_never_becomes_ready_stops_and_says_why_once(
    start_fleet: StartFleet, boot: str, code: int
) -> None:
    fleet = start_fleet(procs=2, files={"boot": boot})
    assert fleet.program.wait(8) == code
    assert fleet.program.log().count("became ready") == 1
    fleet.program.assert_nothing_left()


def test_a_fleet_that_hangs_at_boot_stops_with_the_boot_code(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, boot_timeout_s=0.3, files={"boot": "never"})
    assert fleet.program.wait(8) == 3


def test_a_fleet_that_was_ready_once_goes_on_trying(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1)
    (worker,) = fleet.wait_ready(1)
    fleet.tell("boot", "exit 4")
    kill(worker)
    fleet.wait_event("born", 4, role="worker")
    (fleet.folder / "boot").unlink()
    fleet.wait_event("ready", 2)
    assert fleet.stop() == 0


def test_no_child_outlives_the_master_for_long(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=3)
    fleet.wait_ready(3)
    fleet.tell("do-0", "job 60")
    fleet.tell("do-1", "hang 60 60")
    fleet.wait_event("hangs")
    hung = fleet.events("ready", slot=1)[0]["pid"]
    fleet.program.kill()
    fleet.program.wait(5)
    fleet.program.assert_nothing_left(5.0)
    assert fleet.events("orphaned")
    assert hung in fleet.events("ended-siblings")[0]["killed"]


def test_no_child_outlives_master_and_zygote_for_long(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2, preload=True)
    fleet.wait_ready(2)
    fleet.program.kill()
    fleet.program.wait(5)
    fleet.program.assert_nothing_left(5.0)
    assert len(fleet.events("orphaned")) == 2


def test_with_preload_the_app_is_loaded_once_and_the_workers_have_it(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=3, preload=True)
    fleet.wait_ready(3)
    assert [event["loaded"] for event in fleet.events("born")] == [["first"]] * 3
    assert len(fleet.events("preload")) == 1
    assert len({event["luck"] for event in fleet.events("born")}) == 3, "workers share a random state"
    assert all(event["frozen"] > 1000 for event in fleet.events("born")), "the collector will unshare the app's pages"
    victim = fleet.events("ready", slot=2)[0]["pid"]
    kill(victim)
    fleet.wait_event("ready", 2, slot=2)
    assert fleet.wait_event("told")["cause"] == "signal:9"
    assert fleet.stop() == 0


def test_with_preload_hup_loads_the_app_anew(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2, preload=True)
    fleet.wait_ready(2)
    fleet.tell("preload", "second")
    fleet.signal(signal.SIGHUP)
    fleet.wait_event("ready", 2, generation=2)
    fleet.program.wait_for_log("rolling restart done")
    assert [event["loaded"] for event in fleet.events("born", generation=2)] == [["second"]] * 2
    former = fleet.events("preload")[0]["pid"]
    fleet.wait(lambda: not fleet.alive(former), "the former zygote stays")
    assert fleet.stop() == 0


def test_with_preload_a_failed_reload_leaves_the_old_fleet_and_its_zygote(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2, preload=True)
    pids = fleet.wait_ready(2)
    fleet.tell("preload", "fail")
    fleet.signal(signal.SIGHUP)
    fleet.program.wait_for_log("the app did not load")
    assert all(fleet.alive(pid) for pid in pids)
    kill(pids[0])
    reborn = fleet.wait_event("ready", 3)
    assert fleet.events("born", pid=reborn["pid"])[0]["loaded"] == ["first"]
    assert fleet.stop() == 0


def test_with_preload_workers_that_fail_on_the_new_code_bring_the_old_zygote_back(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, preload=True)
    (worker,) = fleet.wait_ready(1)
    fleet.tell("preload", "second")
    fleet.tell("boot", "exit 3")
    fleet.signal(signal.SIGHUP)
    fleet.program.wait_for_log("rolling restart failed")
    (fleet.folder / "boot").unlink()
    assert fleet.alive(worker)
    kill(worker)
    reborn = fleet.wait_event("ready", 2)
    assert fleet.events("born", pid=reborn["pid"])[0]["loaded"] == ["first"]
    assert fleet.stop() == 0


def test_with_preload_a_dead_zygote_is_replaced_and_the_workers_live_on(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, preload=True)
    (worker,) = fleet.wait_ready(1)
    kill(fleet.events("preload")[0]["pid"])
    fleet.wait_event("preload", 2)
    assert fleet.alive(worker)
    kill(worker)
    fleet.wait_event("ready", 2)
    assert fleet.stop() == 0


@pytest.mark.parametrize(("preload", "words"), [("fail", "could not be loaded"), ("thread", "threads and cannot fork")])
def test_with_preload_an_app_that_fails_or_starts_threads_stops_the_fleet(
    start_fleet: StartFleet, preload: str, words: str
) -> None:
    fleet = start_fleet(procs=1, preload=True, files={"preload": preload})
    assert fleet.program.wait(8) == 4
    assert words in fleet.program.log()


def test_a_master_with_a_second_thread_refuses_to_fork(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, thread_before=True)
    assert fleet.program.wait(8) == 70
    assert "has 2 threads and cannot fork" in fleet.program.log()
