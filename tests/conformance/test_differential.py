"""The same program on memory and on a server: after every step, all that is stored and read is the same.

Time moves only where the program moves it, and then by the same on both, so times are compared to the millisecond.
`make differential PROGRAMS=2000 STEPS=80` runs more of them than each test run does; `SEED=…` runs the same ones again.
"""

import asyncio
import os
import random

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from conformance.adapters import NoServer
from conformance.by_hand import moved_by_hand
from conformance.programs import Programs
from support import Cluster, Server

PROGRAMS = int(os.environ.get("TASKORA_PROGRAMS") or 200)
STEPS = int(os.environ.get("TASKORA_STEPS") or 50)
SEED = os.environ.get("TASKORA_SEED") or ("0" if os.environ.get("CI") else None)
SHRINK = os.environ.get("TASKORA_SHRINK") != "0"
PHASES = tuple(phase for phase in Phase if phase is not Phase.explain and (phase is not Phase.shrink or SHRINK))


@pytest.mark.timeout(max(300, PROGRAMS * STEPS // 20))
def test_any_program_does_the_same_in_memory_and_on_a_server(server: Server | Cluster | NoServer) -> None:
    if isinstance(server, NoServer):
        pytest.skip("memory is what the server is compared with")
    if isinstance(server, Cluster):
        pytest.skip("what is stored differs where tasks and workflows lie apart")
    chosen = int(SEED) if SEED else random.SystemRandom().randrange(1 << 32)
    with moved_by_hand(server) as hand, asyncio.Runner() as runner:

        @seed(chosen)
        class Seeded(Programs):
            pass

        Programs.runner, Programs.hand = runner, hand
        try:
            run_state_machine_as_test(
                Seeded,
                settings=settings(
                    max_examples=PROGRAMS, stateful_step_count=STEPS, deadline=None, print_blob=True, phases=PHASES,
                    database=None,
                    report_multiple_bugs=False,
                    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
                ),
            )  # fmt: skip
        except BaseException as error:
            error.add_note(
                f"the same programs again: make differential FLAVOR={server.flavor} SEED={chosen} PROGRAMS={PROGRAMS} "
                f"STEPS={STEPS}"
            )
            raise
