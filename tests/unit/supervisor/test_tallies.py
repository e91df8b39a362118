"""Counters that outlive the processes that keep them."""

import os

from taskora.supervisor.tallies import BOUNDS_S, OTHERS, OUTCOMES, ROWS, Tallies


def test_what_a_process_counts_outlives_it_and_its_successor_counts_on() -> None:
    tallies = Tallies(2)
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            tallies.areas[1].begin()
            tallies.areas[1].observer("a")("complete", 0.02, 30)
            os.kill(os.getpid(), 9)
        os.waitpid(pid, 0)
    tallies.areas[0].observer("a")("fail", 4000.0, None)
    reading = tallies.totals()["a"]
    assert dict(zip(OUTCOMES, reading.outcomes, strict=True)) == {
        "completed": 2, "failed": 1, "cancelled": 0, "retried": 0, "returned": 0,
    }  # fmt: skip
    assert reading.run.buckets[BOUNDS_S.index(0.025)] == 2
    assert reading.run.buckets[-1] == 1
    assert reading.run.total_ns == 2 * 20_000_000 + 4000 * 10**9
    assert reading.wait.buckets[BOUNDS_S.index(0.05)] == 2
    assert (sum(reading.wait.buckets), reading.wait.total_ns) == (2, 60_000_000)


def test_a_value_at_a_bound_is_in_its_bucket_and_a_clock_that_went_back_takes_nothing_away() -> None:
    area = Tallies(1).areas[0]
    area.observer("a")("complete", 1.0, -5)
    ((_, reading),) = area.readings()
    assert reading.run.buckets[BOUNDS_S.index(1.0)] == 1
    assert (reading.wait.buckets[0], reading.wait.total_ns) == (1, 0)


def test_tasks_beyond_the_rows_are_counted_together() -> None:
    area = Tallies(1).areas[0]
    for number in range(ROWS + 50):
        area.observer(f"task-{number}")("complete", 0.1, 1)
    found = dict(area.readings())
    assert len(found) == ROWS
    assert found[OTHERS].outcomes[0] == 51
    assert sum(reading.outcomes[0] for reading in found.values()) == ROWS + 50


def test_long_names_share_a_row_with_themselves() -> None:
    name = "ü" * 200
    tallies = Tallies(1)
    tallies.areas[0].observer(name)("complete", 0.1, 1)
    successor = Tallies(1).areas[0]
    successor.observer(name)("complete", 0.1, 1)
    successor.observer(name)("complete", 0.1, 1)
    ((_, reading),) = successor.readings()
    assert reading.outcomes[0] == 2


def test_what_was_true_of_a_process_alone_goes_with_it() -> None:
    area = Tallies(1).areas[0]
    area.set_counts("a", [1, 2, 3, 4, 5])
    area.set_leads(True)
    area.set_lag(0.5)
    area.recovered(3)
    area.stalled(4)
    assert list(area.counts()) == [("a", [1, 2, 3, 4, 5])]
    assert (area.leads, area.lag_s) == (True, 0.5)
    area.begin()
    assert list(area.counts()) == []
    assert (area.leads, area.lag_s, area.recovered_jobs, area.stalled_jobs) == (False, 0.0, 3, 4)
