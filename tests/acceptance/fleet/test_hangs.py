"""Handlers that do not stop: only their own job pays."""

import time

import pytest

from acceptance.fleet.fleets import Harbour, kill
from taskora import JobFailedError


@pytest.mark.parametrize("task", ["spin", "swallow", "deaf", "nap"])
def test_a_sync_handler_past_its_timeout_is_over_and_harms_no_other(harbour: Harbour, task: str) -> None:
    fleet = harbour.start("--procs", "1", "--max-crashes", "0")
    harbour.dispatch("carry", range(5), takes=2.0)
    harbour.wait_started("carry", 5)
    began_s = time.monotonic()
    (stuck,) = harbour.dispatch(task, [0])
    with pytest.raises(JobFailedError) as caught:
        stuck.result(timeout=10)
    assert time.monotonic() - began_s < 3.0
    assert caught.value.error_type == "TimeoutError"
    harbour.wait_completed("carry", 5)
    # What comes later has a worker too, whatever became of that one.
    harbour.dispatch("carry", range(5, 10), takes=0.01)
    harbour.wait_completed("carry", 10)
    assert harbour.stats("carry").failed == 0
    harbour.evidence.assert_each_ran_once("carry", range(10))
    assert len(harbour.evidence.notes("start", task)) == 1
    assert harbour.stop(fleet) == 0


@pytest.mark.parametrize("takes", [8.0])
def test_a_job_that_holds_the_gil_for_several_locks_keeps_them(harbour: Harbour, takes: float) -> None:
    harbour.set_up(lock_ttl=2, lead_ttl=1, stall_s=0.5)
    fleet = harbour.start("--procs", "1", "--heartbeat-timeout", "2s", "--tasks", "hold,carry")
    # Another fleet sweeps: what has no lock is taken from its worker.
    rival = harbour.start("--procs", "1", "--tasks", "square")
    handle, *_ = harbour.dispatch("hold", [0], takes)
    harbour.wait_started("hold", 1)
    assert handle.result(timeout=takes + 5) == 0
    assert len(harbour.evidence.notes("start", "hold")) == 1
    assert "hung" not in fleet.log()
    assert harbour.stop(fleet) == 0
    assert harbour.stop(rival) == 0


def test_p9_a_job_that_may_take_a_century_is_not_ended_early_and_is_back_as_soon_as_any(harbour: Harbour) -> None:
    harbour.set_up(lock_ttl=2, lead_ttl=1, stall_s=0.5)
    fleet = harbour.start("--procs", "2", "--heartbeat-timeout", "1s", "--tasks", "voyage")
    harbour.wait_workers(fleet, 2)
    # Silent for longer than a heartbeat may be, and than a lock lasts.
    (handle,) = harbour.dispatch("voyage", [0], takes=3.0)
    assert handle.result(timeout=30) == 0
    assert "hung" not in fleet.log()
    (handle,) = harbour.dispatch("voyage", [1], takes=3.0)
    harbour.wait_started("voyage", 2)
    killed_ns = kill(harbour.evidence.notes("start", "voyage")[-1].pid)
    assert handle.result(timeout=30) == 1
    first, killed, again = harbour.evidence.notes("start", "voyage")
    assert [first.key, killed.key, again.key] == ["0", "1", "1"]
    assert again.at_ns - killed_ns < 10e9
    assert harbour.stop(fleet) == 0


@pytest.mark.parametrize("task", ["hog", "hog-within", "hog-around"])
def test_a_job_that_never_lets_the_gil_go_fails_by_its_timeout_with_its_child(harbour: Harbour, task: str) -> None:
    fleet = harbour.start("--procs", "1", "--heartbeat-timeout", "1s", "--max-crashes", "0")
    (hog,) = harbour.dispatch(task, [0])
    with pytest.raises(JobFailedError) as caught:
        hog.result(timeout=12)
    assert caught.value.error_type == "TimeoutError"
    assert len(harbour.evidence.notes("start", task)) == 1
    assert "hung" in fleet.log()
    assert "in keep_the_gil" in fleet.log(), "the stacks of the hung worker are missing"
    assert harbour.stop(fleet) == 0


def test_the_other_jobs_of_a_child_that_hung_run_again_uncharged(harbour: Harbour) -> None:
    fleet = harbour.start(
        "--procs", "1", "--heartbeat-timeout", "1s", "--hang-timeout", "3s", "--max-crashes", "0"
    )  # fmt: skip
    harbour.dispatch("carry", range(3), takes=2.0)
    harbour.wait_started("carry", 3)
    (hog,) = harbour.dispatch("hog", [0])
    with pytest.raises(JobFailedError):
        hog.result(timeout=15)
    harbour.wait_completed("carry", 3, timeout=10)
    assert harbour.stats("carry").failed == 0
    assert harbour.stop(fleet) == 0


def test_a_clean_up_that_never_lets_the_gil_go_harms_no_other_job(harbour: Harbour) -> None:
    fleet = harbour.start(
        "--procs", "1", "--heartbeat-timeout", "1s", "--hang-timeout", "3s", "--max-crashes", "0"
    )  # fmt: skip
    (hog,) = harbour.dispatch("hog-after", [0])
    harbour.wait_started("hog-after", 1)
    harbour.dispatch("carry", range(3), takes=2.0)
    harbour.wait_started("carry", 3)
    assert hog.cancel() == "flagged"
    harbour.wait_completed("carry", 3, timeout=20)
    assert "hung" in fleet.log()
    assert harbour.stats("carry").failed == 0
    assert len(harbour.evidence.notes("clean", "hog-after")) == 1
    harbour.wait(lambda: hog.state() in ("cancelled", "failed"), "it should end, too")
    assert harbour.stop(fleet) == 0
