"""Processes that die around a script: before it is sent, after it ran and before its reply was seen, or after that."""

import os
import sys
from pathlib import Path

import pytest

from acceptance.fleet.fleets import TESTS, Harbour, kill
from support import Spawn
from taskora import chain, group

POINTS = ("before", "applied", "after")

PRODUCER = """
from acceptance.fleet.harbour import taskora
from taskora import chain, group
import sys
carry, square, total = (taskora.tasks[name] for name in ("carry", "square", "total"))
if sys.argv[1] == "enqueue":
    carry.dispatch_many([{"key": n, "takes": 0.0} for n in range(20)])
else:
    chain(group([square.s({"key": n, "takes": 0.0}) for n in range(int(sys.argv[1]))]), total.s()).dispatch()
"""


def _order_fault(harbour: Harbour, role: str, fault: str) -> None:
    (harbour.folder / f"fault-{role}").write_text(fault)


def _was_taken(harbour: Harbour, role: str) -> bool:
    return bool(list(harbour.folder.glob(f"taken-{role}-*")))


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("call", [2, 5])
def test_a_worker_that_dies_around_a_step_loses_nothing(harbour: Harbour, point: str, call: int) -> None:
    jobs = range(60)
    harbour.dispatch("carry", jobs, takes=0.02)
    _order_fault(harbour, "worker", f"kill@step:{point}:{call}")
    # Alone, so that it comes to its fifth step; its replacement does the rest.
    fleet = harbour.start("--procs", "1", "--concurrency", "5", tests_ready=False)
    harbour.wait_completed("carry", len(jobs))
    assert _was_taken(harbour, "worker")
    assert "signal:9" in fleet.log()
    harbour.evidence.assert_each_completed("carry", jobs)
    assert harbour.stop(fleet) == 0
    stats = harbour.stats("carry")
    assert (stats.waiting, stats.active, stats.failed) == (0, 0, 0)


@pytest.mark.parametrize("point", POINTS)
def test_a_job_that_has_not_begun_pays_for_no_death(harbour: Harbour, point: str) -> None:
    (handle,) = harbour.dispatch("carry", [0])
    # The call that claims it is the first: its reply never arrives, or is the last thing that the worker reads.
    _order_fault(harbour, "worker", f"kill@step:{point}:1")
    fleet = harbour.start("--procs", "1", "--max-crashes", "0", tests_ready=False)
    harbour.wait(lambda: handle.state() in ("completed", "failed"), "it should run, or fail with its worker")
    assert "signal:9" in fleet.log()
    assert handle.state() == "completed"
    assert harbour.stop(fleet) == 0


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_dies_around_a_renewal_loses_nothing(harbour: Harbour, point: str) -> None:
    harbour.set_up(lock_ttl=1)
    harbour.dispatch("carry", range(4), takes=1.2)
    _order_fault(harbour, "worker", f"kill@extend:{point}")
    fleet = harbour.start("--procs", "1", "--concurrency", "5", tests_ready=False)
    harbour.wait_completed("carry", 4)
    fleet.wait_for_log("signal:9")
    harbour.evidence.assert_each_completed("carry", range(4))
    assert harbour.stop(fleet) == 0


@pytest.mark.parametrize("point", POINTS)
def test_a_steward_that_dies_around_a_recovery_leaves_it_to_its_successor(harbour: Harbour, point: str) -> None:
    _order_fault(harbour, "steward", f"kill@recover:{point}")
    fleet = harbour.start("--procs", "2", "--concurrency", "5")
    harbour.dispatch("carry", range(10), takes=0.5)
    harbour.wait_started("carry", 10)
    steward = harbour.steward(fleet)
    worker = harbour.wait_workers(fleet, 2)[0]
    kill(worker.pid)
    harbour.wait_completed("carry", 10)
    harbour.wait(lambda: harbour.steward(fleet).pid != steward.pid, "the steward should have died")
    harbour.evidence.assert_repeats_only_after("carry", [worker.pid])
    assert harbour.stop(fleet) == 0


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_dies_while_a_wide_workflow_is_continued_does_not_leave_it_stuck(
    harbour: Harbour, point: str
) -> None:
    _order_fault(harbour, "worker", f"kill@continue_workflow:{point}")
    fleet = harbour.start("--procs", "1", "--concurrency", "50", tests_ready=False)
    square, total = harbour.square, harbour.total
    first = square.s({"key": 1, "takes": 0.0})
    header = group([square.s({"key": n, "takes": 0.0}) for n in range(1200)])
    handle = chain(first, header, total.s()).dispatch()
    assert handle.result(timeout=30) == sum(n * n for n in range(1200))
    assert "signal:9" in fleet.log()
    assert len(harbour.evidence.notes("end", "total")) == 1
    assert harbour.stop(fleet) == 0


def _produce(harbour: Harbour, spawn: Spawn, what: str, fault: str) -> None:
    path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
    script = Path(harbour.folder) / "producer.py"
    script.write_text(PRODUCER)
    program = spawn(
        [sys.executable, "-P", str(script), what],
        env={"PYTHONPATH": path, "TASKORA_FAULT": fault, **harbour.settings.environ()},
    )
    assert program.wait(10) == -9, program.log()


@pytest.mark.parametrize("point", ["before", "applied"])
def test_a_producer_that_dies_around_an_enqueue_stores_all_of_a_batch_or_nothing(
    harbour: Harbour, spawn: Spawn, point: str
) -> None:
    _produce(harbour, spawn, "enqueue", f"kill@enqueue:{point}")
    stored = 20 if point == "applied" else 0
    assert harbour.stats("carry").waiting == stored
    fleet = harbour.start("--procs", "1")
    harbour.wait_completed("carry", stored)
    assert harbour.stop(fleet) == 0
    harbour.evidence.assert_each_ran_once("carry", range(stored))


@pytest.mark.parametrize(
    ("fault", "runs"),
    [
        ("store_workflow:before", False),
        ("store_workflow:applied", True),  # it travels with what starts the workflow
        ("start_workflow:before", False),
        ("start_workflow:applied", True),
        ("continue_workflow:before", True),
        ("continue_workflow:applied", True),
    ],
)
def test_a_producer_that_dies_around_a_dispatch_leaves_a_whole_workflow_or_none(
    harbour: Harbour, spawn: Spawn, fault: str, runs: bool
) -> None:
    _produce(harbour, spawn, "600", f"kill@{fault}")
    fleet = harbour.start("--procs", "1", "--concurrency", "50")
    if runs:
        # The producer owed the rest of the roots; the leader does what was owed for some seconds.
        harbour.wait_completed("total", 1, timeout=40)
        harbour.evidence.assert_each_ran_once("square", range(600))
    assert harbour.stop(fleet) == 0
    if not runs:
        assert harbour.evidence.notes("start") == []
