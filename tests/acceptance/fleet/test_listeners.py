"""Listeners of an application that a fleet runs: every worker is told of everything, by whichever it was done."""

from collections import Counter

from acceptance.fleet.fleets import Harbour

TARGET = "acceptance.fleet.lookout:taskora"


def heard(harbour: Harbour, event: str) -> Counter[tuple[int, str, int]]:
    """How often each process was told of each attempt of each job."""
    return Counter((note.pid, note.job_id, note.attempt) for note in harbour.evidence.notes(f"heard-{event}"))


def test_each_worker_is_told_once_of_what_any_of_them_did(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2", target=TARGET)
    workers = [record.pid for record in harbour.wait_workers(fleet, 2)]
    carried = [job.id for job in harbour.dispatch("carry", range(40), takes=0.05)]
    refused = [job.id for job in harbour.dispatch("refuse", range(3))]
    expected = {
        "completed": Counter((pid, job, 1) for pid in workers for job in carried),
        "retry": Counter((pid, job, 1) for pid in workers for job in refused),
        "failed": Counter((pid, job, 2) for pid in workers for job in refused),
        "ready": Counter((pid, "-", 0) for pid in workers),
    }
    for event, all_of_it in expected.items():
        harbour.wait(lambda e=event, a=all_of_it: heard(harbour, e) >= a, f"all should be told of {event}")  # type: ignore[misc]
    assert len({note.pid for note in harbour.evidence.notes("start", "carry")}) == 2, "both had some to do"
    assert harbour.stop(fleet) == 0
    for event, all_of_it in expected.items():
        assert heard(harbour, event) == all_of_it, f"{event}: not more than once, and in no other process"
    assert heard(harbour, "closing") == Counter((pid, "-", 0) for pid in workers)


def test_a_worker_is_told_of_all_that_it_did_itself_from_its_first_job_to_its_last(harbour: Harbour) -> None:
    # Some wait before anybody listens, the last still run when the fleet is told to stop.
    harbour.dispatch("carry", range(30), takes=0.01)
    fleet = harbour.start("--procs", "2", target=TARGET)
    harbour.wait_completed("carry", 30)
    harbour.dispatch("carry", range(30, 40), takes=0.5)
    harbour.wait_started("carry", 40)
    assert harbour.stop(fleet) == 0
    harbour.evidence.assert_each_ran_once("carry", range(40))
    done = {(note.pid, note.job_id, 1) for note in harbour.evidence.notes("end", "carry")}
    told = heard(harbour, "completed")
    assert done - told.keys() == set()
    assert max(told.values()) == 1
