"""Any signals, in any order, at any moment of a fleet's life: it ends in time, in order, and loses no job.

`make signal-races COUNT=1000` is the long form; a seed that a failure names repeats its plans.
"""

import os
import random
import re
import signal
import time
from dataclasses import dataclass

import pytest

from acceptance.fleet.fleets import Harbour
from support import Program

COUNT = int(os.environ.get("TASKORA_SIGNAL_RACES", "12"))
SEED = int(os.environ.get("TASKORA_SEED") or 16)
AT_ONCE = 4
JOBS = 20
DRAIN_S = 4.0
# Past the drain timeout a worker has two seconds to give its jobs back; the rest is what a busy machine adds.
LIMIT_S = DRAIN_S + 2.0 + 2.0
ENDINGS = (signal.SIGTERM, signal.SIGINT)
OTHERS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2, signal.SIGWINCH)


@dataclass(slots=True)
class Race:
    """One fleet, what it is sent and when.

    Attributes:
        program: The supervisor.
        plan: Signals with the pause before each, seconds; the last one ends the fleet, if none did before.
        at_s: When the next one is due, CLOCK_MONOTONIC.
        told_s: When it was first told to end; 0 for not yet.
    """

    program: Program
    plan: list[tuple[float, signal.Signals]]
    at_s: float = 0.0
    told_s: float = 0.0

    def step(self) -> bool:
        """Send what is due; False once nothing is left to send."""
        # Before its handlers are there, a signal ends or stops an interpreter that supervises nobody yet.
        if "supervising" not in self.program.log():
            self.at_s = time.monotonic() + self.plan[0][0]
            return self.program.running
        while self.plan and time.monotonic() >= self.at_s:
            _, number = self.plan.pop(0)
            if self.program.running:
                self.program.send_signal(number)
            if number in ENDINGS and not self.told_s:
                self.told_s = time.monotonic()
            if self.plan:
                self.at_s += self.plan[0][0]
        return bool(self.plan)

    def wait(self, seed: str) -> float:
        """Wait for its end; how long that took from the first signal to end, seconds."""
        code = self.program.wait(max(0.1, self.told_s + LIMIT_S - time.monotonic()))
        took_s = time.monotonic() - self.told_s
        log = self.program.log()
        killed = re.findall(r"\(pid (\d+), generation \d+\) is to be killed: drain-timeout", log)
        # Who never was ready had nothing to finish.
        expected = 75 if any(re.search(rf"\(pid {pid}, generation \d+\) is ready", log) for pid in killed) else 0
        assert code == expected, f"{seed}: exit code {code}, not {expected}\n{log}"
        self.program.assert_nothing_left(2.0)
        return took_s


def _plan(dice: random.Random) -> list[tuple[float, signal.Signals]]:
    """Up to four other signals around one to three that end: over boot, work, roll and drain."""
    longest_s = dice.choice([0.02, 0.2, 1.0])
    others = [dice.choice(OTHERS) for _ in range(dice.randint(0, 4))]
    endings = [dice.choice(ENDINGS) for _ in range(dice.choice([1, 1, 2, 3]))]
    mixed = [*others, *endings]
    dice.shuffle(mixed)
    return [(dice.uniform(0, longest_s), number) for number in mixed]


@pytest.mark.timeout(60 + 6 * COUNT)
def test_any_signals_at_any_moment_end_a_fleet_in_time_in_order_and_without_a_loss(harbour: Harbour) -> None:
    dice = random.Random(SEED)
    took_s: list[float] = []
    keys = 0
    while len(took_s) < COUNT:
        seed = f"seed {SEED}, race {len(took_s)}"
        harbour.dispatch("carry", range(keys, keys + JOBS), takes=0.1)
        keys += JOBS
        options = ["--procs", "2", "--concurrency", "4", "--drain-timeout", f"{DRAIN_S}s", "--max-crashes", "0"]
        races: list[Race] = []
        for _ in range(min(AT_ONCE, COUNT - len(took_s))):
            preload = ["--preload"] if dice.random() < 0.3 else []
            races.append(Race(harbour.start(*options, *preload, tests_ready=False), _plan(dice)))
        while sum(race.step() for race in races):
            time.sleep(0.002)
        took_s += [race.wait(seed) for race in races]
        assert harbour.stats("carry").failed == 0, f"{seed}: a job was charged for a signal"
        harbour.programs.clear()
    took_s.sort()
    print(f"{COUNT} races: median {took_s[COUNT // 2]:.2f} s, longest {took_s[-1]:.2f} s from the signal to the end")
    assert harbour.app.adapter.house.workers().run() == []
    assert harbour.stats("carry").active == 0
    last = harbour.start("--procs", "2", "--concurrency", "20")
    harbour.wait_completed("carry", keys, timeout=60)
    assert harbour.stop(last) == 0
    harbour.evidence.assert_each_completed("carry", range(keys))
