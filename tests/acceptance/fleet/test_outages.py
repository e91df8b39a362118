"""The server goes away and comes back."""

import threading
import time

import pytest

from acceptance.fleet.fleets import Harbour
from support import wait_until


@pytest.mark.timeout(90)
@pytest.mark.parametrize("store", ["durable"], indirect=True)
def test_workers_outlive_five_seconds_without_a_server(harbour: Harbour) -> None:
    jobs = range(1500)
    harbour.dispatch("carry", jobs, takes=0.1)
    fleet = harbour.start("--procs", "2", "--concurrency", "10")
    harbour.wait_started("carry", 100)
    children = sorted(harbour.children(fleet))
    harbour.store.stop()
    stopped_s = time.monotonic()
    wait_until(lambda: time.monotonic() - stopped_s > 5.0, 6.0)
    harbour.store.start()
    back_s = time.monotonic()
    before = len(harbour.evidence.notes("start", "carry"))
    harbour.wait_started("carry", before + 20)
    assert time.monotonic() - back_s < 3.0
    harbour.wait_completed("carry", len(jobs), timeout=40)
    assert sorted(harbour.children(fleet)) == children
    stats = harbour.stats("carry")
    assert (stats.waiting, stats.active, stats.failed, stats.completed) == (0, 0, 0, len(jobs))
    assert harbour.stop(fleet) == 0
    harbour.evidence.assert_each_completed("carry", jobs)
    # What was running when the server went is settled once it is back, and not run again.
    assert harbour.evidence.repeated("carry") == {}


def test_a_fleet_that_is_told_to_end_while_the_server_is_away_ends(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2", "--drain-timeout", "2s")
    harbour.dispatch("carry", range(4), takes=0.5)
    harbour.wait_started("carry", 4)
    harbour.store.stop()
    fleet.terminate()
    # Not in order: what the last jobs returned could not be written.
    assert fleet.wait(30) == 75
    fleet.assert_nothing_left()


def test_a_server_that_comes_back_during_the_drain_gets_the_outcomes(harbour: Harbour) -> None:
    # Held in memory: the server freezes, as behind a broken network.
    fleet = harbour.start("--procs", "1", "--drain-timeout", "20s")
    harbour.dispatch("carry", range(4), takes=0.5)
    harbour.wait_started("carry", 4)
    harbour.store.pause()
    thaw = threading.Timer(1.5, harbour.store.resume)
    thaw.start()
    fleet.terminate()
    assert fleet.wait(20) == 0
    thaw.join()
    assert harbour.stats("carry").completed == 4


@pytest.mark.parametrize("store", ["redis", "valkey"], indirect=True)
def test_a_fleet_starts_on_a_new_store_without_room_and_works_once_there_is_some(harbour: Harbour) -> None:
    harbour.store.command("CONFIG", "SET", "maxmemory", "1")
    fleet = harbour.start("--procs", "1")
    fleet.wait_for_log("the tasks could not be published, trying on", 60)
    assert "it is out of memory (maxmemory): give it more" in fleet.log()
    harbour.store.command("CONFIG", "SET", "maxmemory", "0")
    fleet.wait_for_log("the tasks are published", 60)
    harbour.dispatch("carry", range(3))
    harbour.wait_completed("carry", 3)
    assert harbour.stop(fleet) == 0
