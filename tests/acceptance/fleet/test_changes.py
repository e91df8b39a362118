"""Fleets that drain, grow and shrink while there is work, and what waits for tomorrow."""

import os
import re
import signal

import pytest

from acceptance.fleet.fleets import Harbour
from support import Program
from taskora import Job
from taskora.supervisor.memory import resident_bytes

DELAYED = int(os.environ.get("TASKORA_DELAYED_JOBS", "20000"))
A_BATCH = 5000


def test_in_a_drain_of_several_leases_no_job_is_run_a_second_time(harbour: Harbour) -> None:
    harbour.set_up(lock_ttl=1, lead_ttl=1, stall_s=0.3)
    fleet = harbour.start("--procs", "1", "--concurrency", "4", "--drain-timeout", "60s")
    # Another fleet sweeps, and would run what is taken from the first.
    rival = harbour.start("--procs", "1", "--tasks", "square")
    harbour.dispatch("carry", range(4), takes=5.0)
    harbour.dispatch("lift", range(4), takes=5.0)
    harbour.wait_started("carry", 4)
    harbour.wait_started("lift", 4)
    fleet.terminate()
    fleet.wait_for_log("draining")
    third = harbour.start("--procs", "1", "--tasks", "carry,lift")
    assert fleet.wait(20) == 0
    for task in ("carry", "lift"):
        harbour.evidence.assert_each_ran_once(task, range(4))
    assert harbour.stop(rival) == 0
    assert harbour.stop(third) == 0


def test_growing_and_shrinking_under_load_interrupts_no_job(harbour: Harbour) -> None:
    jobs = range(400)
    fleet = harbour.start("--procs", "2", "--concurrency", "3")
    harbour.dispatch("carry", jobs, takes=0.1)
    harbour.wait_started("carry", 1)
    for turn in range(1, 4):
        fleet.send_signal(signal.SIGTTIN)
        harbour.wait(lambda t=turn: _workers(fleet, "is ready") >= 2 + t, "one more should get ready")  # type: ignore[misc]  # the loop's own value
        fleet.send_signal(signal.SIGTTOU)
        harbour.wait(lambda t=turn: _workers(fleet, "ended: scale") >= t, "one should have drained")  # type: ignore[misc]  # the loop's own value
    assert harbour.stats("carry").completed < len(jobs), "it was not under load"
    harbour.wait_completed("carry", len(jobs))
    assert "is to give" not in fleet.log()
    assert harbour.stop(fleet) == 0
    harbour.evidence.assert_each_ran_once("carry", jobs)


def _workers(fleet: Program, what: str) -> int:
    return len(re.findall(rf"slot \d+ \(pid \d+, generation \d+\) {what}", fleet.log()))


@pytest.mark.timeout(60 + DELAYED // 2000)
def test_jobs_for_tomorrow_cost_a_worker_no_memory(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1")
    (worker,) = harbour.wait_workers(fleet, 1)
    harbour.dispatch("carry", range(500))
    harbour.wait_completed("carry", 500)
    before = resident_bytes(worker.pid)
    assert before is not None
    for first in range(0, DELAYED, A_BATCH):
        count = min(A_BATCH, DELAYED - first)
        list(
            harbour.task("carry").dispatch_many(
                [Job({"key": first + n, "takes": 0.0}, delay="1d") for n in range(count)]
            )
        )
    assert harbour.stats("carry").delayed == DELAYED
    harbour.dispatch("carry", range(500))
    harbour.wait_completed("carry", 1000)
    after = resident_bytes(worker.pid)
    assert after is not None
    print(f"{DELAYED} delayed jobs: {(after - before) / 1024:+.0f} KiB in the worker")
    # If it held them, this were 20 MB.
    assert after - before < 2_000_000
    assert harbour.stop(fleet) == 0


def test_a_worker_that_is_too_big_ends_its_jobs_first_and_says_why(harbour: Harbour) -> None:
    # Every worker is: the limit is below what an idle one needs, so that they go one after the other, for ever.
    fleet = harbour.start("--procs", "2", "--concurrency", "4", "--max-rss", "10MB", tests_ready=False)
    harbour.wait(lambda: _workers(fleet, "is ready") >= 1, "one should get ready")
    harbour.dispatch("carry", range(8), takes=1.0)
    harbour.wait(lambda: _workers(fleet, "ended: recycle:memory") >= 1, "one should be recycled", 20)
    harbour.wait_completed("carry", 8)
    assert "is to give" not in fleet.log()
    lasting: set[str] = set()
    for line in fleet.log().splitlines():
        if "drains (recycle:memory)" in line:
            lasting.add(line.split(" (pid ")[1])
            assert len(lasting) == 1, "two at once"
        if "ended: recycle:memory" in line:
            lasting.clear()
    assert harbour.stop(fleet) == 0
    harbour.evidence.assert_each_ran_once("carry", range(8))
