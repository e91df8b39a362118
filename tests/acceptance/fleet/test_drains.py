"""Ends that somebody asked for, and the one that leaves nobody to ask."""

import os
import re
import signal
import threading
import time

import pytest

from acceptance.fleet.fleets import Harbour, alive, kill
from taskora import State


def _drained(harbour: Harbour, waiting: int) -> None:
    stats = harbour.stats("carry")
    assert (stats.waiting, stats.active, stats.failed) == (waiting, 0, 0)


@pytest.mark.parametrize("store", ["redis", "valkey"], indirect=True)
def test_term_lets_running_jobs_end_and_leaves_the_waiting_ones_alone(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2", "--concurrency", "10")
    harbour.dispatch("carry", range(20), takes=2.0)
    harbour.wait_started("carry", 20)
    harbour.dispatch("carry", range(20, 1020))
    assert harbour.stop(fleet) == 0
    harbour.evidence.assert_each_ran_once("carry", range(20))
    _drained(harbour, waiting=1000)
    # And none of them is spoilt: another fleet runs them all.
    second = harbour.start("--procs", "2", "--concurrency", "20")
    harbour.wait_completed("carry", 1020)
    assert harbour.stop(second) == 0
    harbour.evidence.assert_each_ran_once("carry", range(1020))


def test_a_signal_to_every_process_at_once_as_systemd_sends_it_is_still_a_drain(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2", "--concurrency", "5")
    harbour.dispatch("carry", range(10), takes=1.5)
    harbour.wait_started("carry", 10)
    os.killpg(fleet.pid, signal.SIGTERM)
    fleet.wait_for_log("draining")
    # Signals that come together merge: the children get theirs apart.
    for pid in harbour.children(fleet):
        os.kill(pid, signal.SIGTERM)
    assert fleet.wait(10) == 0
    fleet.assert_nothing_left()
    harbour.evidence.assert_each_ran_once("carry", range(10))


@pytest.mark.parametrize("how", ["timeout", "second signal"])
def test_what_does_not_end_in_time_goes_back_to_the_front_uncharged(harbour: Harbour, how: str) -> None:
    drain = "500ms" if how == "timeout" else "30s"
    fleet = harbour.start("--procs", "2", "--concurrency", "5", "--drain-timeout", drain)
    first = harbour.dispatch("carry", range(10), takes=30.0)
    harbour.wait_started("carry", 10)
    harbour.dispatch("carry", range(10, 30))
    fleet.terminate()
    if how == "second signal":
        fleet.wait_for_log("draining")
        fleet.terminate()
    assert fleet.wait(6) == 0
    fleet.assert_nothing_left()
    _drained(harbour, waiting=30)
    waiting = harbour.app.adapter.jobs.jobs("carry", State.WAITING, 0, 30).run()
    assert {job.id for job in waiting[:10]} == {handle.id for handle in first}
    assert [job.attempt for job in waiting] == [1] * 30


def test_nobody_outlives_the_master_for_long_and_another_fleet_runs_the_jobs(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2", "--concurrency", "5", "--max-crashes", "0")
    harbour.dispatch("carry", range(8), takes=20.0)
    harbour.wait_started("carry", 8)
    harbour.dispatch("hold", [0], takes=20.0)
    harbour.wait_started("hold", 1)
    children = harbour.children(fleet)
    fleet.kill()
    killed_s = time.monotonic()
    harbour.wait(lambda: not any(map(alive, children)), "children outlive the master", 8)
    assert time.monotonic() - killed_s < 5.0
    stats, held = harbour.stats("carry"), harbour.stats("hold")
    assert (stats.waiting, stats.active, stats.failed) == (8, 0, 0)
    assert (held.waiting, held.active, held.failed) == (1, 0, 0)
    waiting = harbour.app.adapter.jobs.jobs("carry", State.WAITING, 0, 30).run()
    assert [job.attempt for job in waiting] == [1] * 8
    second = harbour.start("--procs", "2", "--concurrency", "5")
    harbour.wait_started("carry", 16)
    harbour.wait_started("hold", 2)
    assert second.running


def test_a_worker_that_drains_already_still_ends_when_the_master_does(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1", "--drain-timeout", "60s")
    harbour.dispatch("carry", [0], takes=60.0)
    harbour.wait_started("carry", 1)
    children = harbour.children(fleet)
    fleet.terminate()
    fleet.wait_for_log("drains (stop)")
    fleet.kill()
    # Without the steward, too: it may be gone by then.
    kill(harbour.steward(fleet).pid)
    harbour.wait(lambda: not any(map(alive, children)), "children outlive the master", 8)
    _drained(harbour, waiting=1)


def test_workers_that_died_with_the_master_are_recovered_by_the_steward(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2", "--concurrency", "5")
    workers = harbour.wait_workers(fleet, 2)
    harbour.dispatch("carry", range(10), takes=20.0)
    harbour.wait_started("carry", 10)
    # The master cannot report them any more.
    fleet.send_signal(signal.SIGSTOP)
    for worker in workers:
        kill(worker.pid)
    fleet.kill()
    harbour.wait(lambda: harbour.stats("carry").waiting == 10, "the jobs should be back", 8)
    fleet.assert_nothing_left()


def test_a_rolling_restart_loses_nothing_and_keeps_all_but_one_ready(harbour: Harbour) -> None:
    jobs = range(400)
    fleet = harbour.start("--procs", "3", "--concurrency", "4")
    harbour.dispatch("carry", jobs, takes=0.1)
    harbour.wait_started("carry", 1)
    lowest, done = [3], threading.Event()
    watch = threading.Thread(target=_watch_capacity, args=(harbour, lowest, done))
    watch.start()
    try:
        fleet.send_signal(signal.SIGHUP)
        fleet.wait_for_log("rolling restart done", 25)
    finally:
        done.set()
        watch.join()
    harbour.wait_completed("carry", len(jobs))
    assert len(set(re.findall(r"slot \d \(pid \d+, generation 2\) is ready", fleet.log()))) == 3
    assert lowest[0] >= 2
    assert harbour.stop(fleet) == 0
    harbour.evidence.assert_each_ran_once("carry", jobs)


def _watch_capacity(harbour: Harbour, lowest: list[int], done: threading.Event) -> None:
    """Ready workers are those that were ready and have not been told to drain."""
    program = harbour.programs[0]
    while not done.wait(0.02):
        log = program.log()
        ready = set(re.findall(r"slot \d+ \(pid (\d+), generation \d+\) is ready", log))
        leaving = set(re.findall(r"slot \d+ \(pid (\d+), generation \d+\) drains", log))
        lowest[0] = min(lowest[0], len(ready - leaving))


def test_recycling_under_load_loses_nothing(harbour: Harbour) -> None:
    jobs = range(600)
    harbour.dispatch("carry", jobs, takes=0.02)
    fleet = harbour.start("--procs", "2", "--concurrency", "4", "--max-jobs", "60")
    harbour.wait_completed("carry", len(jobs))
    assert harbour.stop(fleet) == 0
    assert len({note.pid for note in harbour.evidence.notes("end", "carry")}) >= 4
    harbour.evidence.assert_each_ran_once("carry", jobs)


@pytest.mark.parametrize("moment", ["supervising", "steward (pid", "is ready", "leading"])
def test_term_at_any_moment_of_the_start_ends_the_fleet_in_order(harbour: Harbour, moment: str) -> None:
    fleet = harbour.start("--procs", "2", tests_ready=False)
    fleet.wait_for_log(moment)
    began_s = time.monotonic()
    assert harbour.stop(fleet) == 0
    assert time.monotonic() - began_s < 4.0
    assert harbour.app.adapter.house.workers().run() == []


def test_term_ends_a_fleet_whose_server_does_not_answer_yet(harbour: Harbour) -> None:
    harbour.store.pause()
    fleet = harbour.start("--procs", "2", tests_ready=False)
    harbour.wait(lambda: len(harbour.evidence.notes("loaded")) == 3, "all should try to connect")
    began_s = time.monotonic()
    fleet.terminate()
    assert fleet.wait(10) == 0
    assert time.monotonic() - began_s < 5.0
    assert "is to be killed" not in fleet.log()
    fleet.assert_nothing_left()
    harbour.store.resume()
