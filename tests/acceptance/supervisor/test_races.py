"""Signals at any moment of the start."""

import random
import signal
import time

from acceptance.supervisor.toy_fleet import StartFleet

ROUNDS = 16
AT_ONCE = 4


def test_a_signal_at_any_moment_of_the_start_ends_everything_in_time(start_fleet: StartFleet) -> None:
    rng = random.Random(7)
    in_order = 0
    for _ in range(ROUNDS):
        fleets = [start_fleet(procs=2, preload=rng.random() < 0.3) for _ in range(AT_ONCE)]
        for fleet in rng.sample(fleets, AT_ONCE):
            if rng.random() < 0.9:
                fleet.program.wait_for_log("supervising")
            time.sleep(rng.uniform(0, 0.03))
            fleet.signal(rng.choice([signal.SIGTERM, signal.SIGINT]))
        for fleet in fleets:
            code = fleet.program.wait(6)
            if "supervising" in fleet.program.log():
                assert code == 0, f"{code}\n{fleet.program.log()}"
                in_order += 1
            # Before that, the interpreter itself ends by the signal in one way or another.
            fleet.program.assert_nothing_left(2.0)
            fleet.program.end_all()
    assert in_order >= 50
