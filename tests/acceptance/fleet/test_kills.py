"""Children that die or stand still under load."""

import asyncio
import os
import random
import signal
import threading
import time
from itertools import pairwise

import pytest

from acceptance.fleet.fleets import Harbour, alive, kill
from acceptance.fleet.harbour import Settings, make_app
from support import Program
from taskora import JobFailedError, chord
from taskora.model import ClaimReply, Want

EVERY_S = 1.0


def _kill_one_a_second(harbour: Harbour, fleet: Program, task: str, count: int, timeout: float) -> dict[int, int]:
    """Kill a worker each second until so many jobs are completed; their ids with the time of the kill."""
    killed: dict[int, int] = {}
    dice = random.Random(4)
    began_s = last_s = time.monotonic()
    while harbour.stats(task).completed < count:
        now_s = time.monotonic()
        assert now_s - began_s < timeout, f"{harbour.stats(task)}\n{fleet.log()[-4000:]}"
        workers = harbour.workers(fleet)
        if now_s - last_s >= EVERY_S and len(workers) == 3:
            pid = dice.choice(workers).pid
            killed[pid] = kill(pid)
            last_s = now_s
        time.sleep(0.05)
    return killed


@pytest.mark.timeout(90)
@pytest.mark.parametrize(("store", "jobs"), [("redis", 2000), ("valkey", 1000)], indirect=["store"])
def test_a_kill_a_second_loses_no_job_and_repeats_only_what_the_killed_ran(harbour: Harbour, jobs: int) -> None:
    handles = harbour.dispatch("carry", range(jobs), takes=0.1)
    fleet = harbour.start("--procs", "3", "--concurrency", "10", "--max-crashes", "50")
    killed = _kill_one_a_second(harbour, fleet, "carry", jobs, timeout=80)
    assert len(killed) >= 2
    assert harbour.stop(fleet) == 0
    evidence = harbour.evidence
    evidence.assert_each_completed("carry", range(jobs))
    evidence.assert_repeats_only_after("carry", killed)
    # What a killed child held goes to the front: it runs elsewhere at once, not when its lock is over.
    waits_s = [
        (after.start.at_ns - killed[before.start.pid]) / 1e9
        for runs in evidence.repeated("carry").values()
        for before, after in pairwise(runs)
    ]
    assert waits_s, "no kill hit a running job"
    assert max(waits_s) < 1.0
    assert {handle.result(timeout=5) for handle in handles[:50]} == set(range(50))


def test_a_stopped_child_claims_nothing_more_and_goes_on_when_continued(harbour: Harbour) -> None:
    harbour.set_up(lock_ttl=2)
    fleet = harbour.start("--procs", "1", "--concurrency", "5", "--heartbeat-timeout", "20s")
    (worker,) = harbour.wait_workers(fleet, 1)
    harbour.dispatch("carry", range(2), takes=4.0)
    harbour.wait_started("carry", 2)
    os.kill(worker.pid, signal.SIGSTOP)
    stopped_s = time.monotonic()
    # Its next claim waits in the server already, behind BZPOPMIN.
    fence = f"taskora:{{carry}}:fence:{worker.id}"
    harbour.wait(lambda: harbour.store.command("HGET", fence, "halt") == "$4\r\nhalt\r\n", "it should be fenced", 2)
    assert time.monotonic() - stopped_s < 0.8
    harbour.dispatch("carry", range(2, 12), takes=0.01)
    harbour.wait(lambda: time.monotonic() - stopped_s > 3.0, "time stands still")
    assert (harbour.stats("carry").waiting, harbour.stats("carry").active) == (10, 2)
    os.kill(worker.pid, signal.SIGCONT)
    harbour.wait_completed("carry", 12)
    assert harbour.stop(fleet) == 0
    # Longer than a lock lives, and still nobody else had its jobs.
    harbour.evidence.assert_each_ran_once("carry", range(12))


def test_a_child_that_stays_stopped_is_killed_and_its_jobs_run_again_uncharged(harbour: Harbour) -> None:
    harbour.set_up(lock_ttl=2)
    fleet = harbour.start(
        "--procs", "2", "--concurrency", "5", "--heartbeat-timeout", "1s", "--max-crashes", "0"
    )  # fmt: skip
    first, _ = harbour.wait_workers(fleet, 2)
    harbour.dispatch("carry", range(10), takes=1.5)
    harbour.dispatch("spin", range(2))
    harbour.wait_started("carry", 10)
    os.kill(first.pid, signal.SIGSTOP)
    stopped_s = time.monotonic()
    harbour.wait(lambda: not alive(first.pid), "it should be killed", 8)
    # Not when the last of its jobs, which have no timeout, would be taken for hung.
    assert time.monotonic() - stopped_s < 4.0
    harbour.wait_completed("carry", 10)
    assert harbour.stats("carry").failed == 0
    harbour.evidence.assert_repeats_only_after("carry", [first.pid])
    assert len(harbour.evidence.repeated("carry")) == 5
    harbour.wait(lambda: harbour.stats("spin").failed == 2, "a handler that hangs still ends by its timeout")
    assert harbour.stop(fleet) == 0


def test_a_job_that_kills_its_process_is_set_aside_and_harms_no_other(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2", "--concurrency", "5", "--max-crashes", "1")
    (poison,) = harbour.dispatch("poison", [0])
    harbour.dispatch("carry", range(100), takes=0.1)
    with pytest.raises(JobFailedError) as caught:
        poison.result(timeout=20)
    assert caught.value.error_type == "StalledError"
    assert "died 2 times" in str(caught.value)
    assert "signal:9" in str(caught.value)
    assert poison.state() == "failed"
    harbour.wait_completed("carry", 100)
    assert harbour.stats("carry").failed == 0
    pids = [note.pid for note in harbour.evidence.notes("start", "poison")]
    assert len(pids) == 2
    harbour.evidence.assert_repeats_only_after("carry", pids)
    assert harbour.stop(fleet) == 0


@pytest.mark.parametrize("store", ["redis", "cluster"], indirect=True)
def test_a_job_that_kills_its_process_takes_none_that_were_claimed_with_it_along(harbour: Harbour) -> None:
    # All are there before a worker is, and come back to the front together each time.
    (poison,) = harbour.dispatch("poison", [0])
    harbour.dispatch("carry", range(5), takes=0.5)
    fleet = harbour.start("--procs", "1", "--concurrency", "5", "--max-crashes", "2", tests_ready=False)
    harbour.wait_completed("carry", 5)
    assert poison.state() == "failed"
    assert harbour.stats("carry").failed == 0
    assert len(harbour.evidence.notes("start", "poison")) == 3
    assert harbour.stop(fleet) == 0


def test_a_chord_outlives_a_kill_in_the_middle(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2", "--concurrency", "10")
    first, _ = harbour.wait_workers(fleet, 2)
    square, total = harbour.square, harbour.total
    handle = chord([square.s({"key": n, "takes": 0.05}) for n in range(200)], total.s()).dispatch()
    harbour.wait(lambda: len(harbour.evidence.notes("end", "square")) >= 60, "the header should run")
    kill(first.pid)
    assert handle.result(timeout=20) == sum(n * n for n in range(200))
    assert len(harbour.evidence.notes("end", "total")) == 1
    harbour.evidence.assert_repeats_only_after("square", [first.pid])
    assert harbour.stop(fleet) == 0


def test_a_steward_that_died_beside_its_worker_is_replaced_and_its_successor_recovers(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2", "--concurrency", "5")
    first, second = harbour.wait_workers(fleet, 2)
    steward = harbour.steward(fleet)
    harbour.dispatch("carry", range(10), takes=1.0)
    harbour.wait_started("carry", 10)
    kill(steward.pid)
    killed_ns = kill(first.pid)
    harbour.wait_completed("carry", 10)
    harbour.evidence.assert_repeats_only_after("carry", [first.pid])
    again_ns = [runs[-1].start.at_ns for runs in harbour.evidence.repeated("carry").values()]
    assert len(again_ns) == 5
    assert max(again_ns) - killed_ns < 4e9
    assert alive(second.pid)
    assert harbour.stop(fleet) == 0


def test_a_steward_that_died_while_a_worker_was_silent_leaves_no_fence_behind(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1", "--heartbeat-timeout", "20s")
    (worker,) = harbour.wait_workers(fleet, 1)
    steward = harbour.steward(fleet)
    os.kill(worker.pid, signal.SIGSTOP)
    fence = f"taskora:{{carry}}:fence:{worker.id}"
    harbour.wait(lambda: harbour.store.command("HGET", fence, "halt") == "$4\r\nhalt\r\n", "it should be fenced")
    kill(steward.pid)
    harbour.wait(lambda: not alive(steward.pid), "the steward should be dead")
    os.kill(worker.pid, signal.SIGCONT)
    harbour.dispatch("carry", range(5))
    harbour.wait_completed("carry", 5)
    assert harbour.stop(fleet) == 0


async def _claim_as(worker: str, settings: Settings) -> ClaimReply:
    """Send the claim that a process of this identity may have had on its way."""
    app = make_app(settings)
    lane = app.adapter.leases.lane(worker, ["carry"], 30_000, lambda task: ())
    try:
        return await lane.step((), [Want("carry", 5, "fail")])
    finally:
        await lane.close()
        await app.close_async()


def test_a_claim_that_a_dead_worker_had_sent_claims_nothing_after_its_recovery(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1")
    (worker,) = harbour.wait_workers(fleet, 1)
    harbour.dispatch("carry", [0], takes=0.5)
    harbour.wait_started("carry", 1)
    kill(worker.pid)
    fleet.wait_for_log("are back in their queues")
    assert harbour.stop(fleet) == 0
    harbour.dispatch("carry", range(1, 5))
    reply = asyncio.run(_claim_as(worker.id, harbour.settings))
    assert (reply.jobs, reply.fenced) == ([], "dead")
    assert harbour.stats("carry").active == 0
    other = asyncio.run(_claim_as("somebody:1:else", harbour.settings))
    assert other.jobs


def test_a_kill_beside_a_dispatch_to_a_busy_server_leaves_no_job_behind(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1", "--max-crashes", "0")
    for round_ in range(3):
        harbour.wait(lambda: harbour.workers(fleet), "there should be a worker")
        (worker,) = harbour.workers(fleet)
        # While the server stands still, a job comes in, the worker dies and its steward asks for the recovery.
        harbour.store.pause()
        sender = threading.Thread(target=harbour.dispatch, args=("carry", [round_]))
        sender.start()
        kill(worker.pid)
        fleet.wait_for_log(f"(pid {worker.pid}, generation 1) ended")
        harbour.store.resume()
        sender.join()
        harbour.wait_completed("carry", round_ + 1, timeout=8)
    harbour.evidence.assert_each_ran_once("carry", range(3))
    assert harbour.stop(fleet) == 0
