"""A child that ends is replaced, and the steward learns whom to recover."""

import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from acceptance.supervisor.toy_fleet import StartFleet, kill

HEAVY = {"asyncio", "redis", "hiredis", "networkx", "orjson", "psutil", "multiprocessing", "concurrent"}


def test_a_killed_worker_is_replaced_within_a_second_and_the_others_keep_running(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=3)
    pids = fleet.wait_ready(3)
    victim = fleet.events("ready", slot=1)[0]["pid"]
    killed_ns = time.monotonic_ns()
    kill(victim)
    reborn = fleet.wait_event("ready", 2, slot=1)
    assert reborn["t_ns"] - killed_ns < 1e9
    assert all(fleet.alive(pid) for pid in pids if pid != victim)
    assert fleet.stop() == 0


def test_the_steward_is_told_after_the_reaping_that_an_unexpected_death_is_charged(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2)
    fleet.wait_ready(2)
    victim = fleet.events("ready", slot=0)[0]["pid"]
    kill(victim)
    told = fleet.wait_event("told", slot=0)
    assert told["dead"].startswith(f"toy:{victim}:")
    assert (told["cause"], told["charged"], told["alive"]) == ("signal:9", True, [])
    fleet.tell("do-1", "exit 1")
    assert fleet.wait_event("told", slot=1)["cause"] == "exit:1"
    assert fleet.stop() == 0
    # A clean end with nothing running leaves nothing to recover.
    assert len(fleet.events("told")) == 2


def test_what_a_dead_steward_did_not_acknowledge_is_told_to_the_next(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, files={"no-ack": "yes"})
    (worker,) = fleet.wait_ready(1)
    kill(worker)
    fleet.wait_event("told")
    steward = fleet.events("steward-ready")[0]["pid"]
    (fleet.folder / "no-ack").unlink()
    kill(steward)
    told = fleet.wait_event("told", 2)
    assert told["dead"].startswith(f"toy:{worker}:")
    assert told["pid"] != steward
    assert fleet.stop() == 0


def test_a_slot_that_keeps_dying_backs_off_and_its_neighbour_does_not_notice(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2, backoff={"base_s": 0.1, "jitter": 0.0})
    neighbour = next(pid for pid in fleet.wait_ready(2) if pid == fleet.events("ready", slot=1)[0]["pid"])
    fleet.tell("do-0", "exit 1")
    for count in range(2, 5):
        fleet.wait_event("ready", count, slot=0)
        fleet.tell("do-0", "exit 1")
    starts = [event["t_ns"] for event in fleet.events("born", slot=0)]
    gaps_s = [(later - earlier) / 1e9 for earlier, later in pairwise(starts)]
    # Nothing the first time, then 0.1 s and 0.2 s.
    assert gaps_s[1] >= 0.1
    assert gaps_s[2] >= 0.2
    assert fleet.alive(neighbour)
    assert fleet.stop() == 0


def test_restarts_and_causes_are_in_the_table_for_the_steward(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2)
    fleet.wait_ready(2)
    fleet.tell("do-1", "exit 7")
    fleet.wait_event("ready", 2, slot=1)
    fleet.tell("do-steward", "beats")
    beats = fleet.wait_event("beats")
    assert beats["records"][:2] == [[0, ""], [1, "exit:7"]]
    assert beats["target"] == 2
    assert {beat["pid"] for beat in beats["beats"]} >= {event["pid"] for event in fleet.events("ready", slot=0)}
    assert fleet.stop() == 0


def test_the_master_loads_neither_asyncio_nor_redis_nor_networkx_nor_the_app(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1)
    fleet.wait_ready(1)
    assert len(list(Path(f"/proc/{fleet.program.pid}/task").iterdir())) == 1
    assert fleet.stop() == 0
    assert not HEAVY & set(fleet.events("master-ends")[0]["modules"])


def test_the_command_imports_nothing_that_the_master_must_not_have() -> None:
    program = "import sys, taskora.supervisor.options; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_strangers_that_a_job_left_behind_are_reaped(start_fleet: StartFleet) -> None:
    # With preload the master is the one whom orphans of its descendants are given to, as PID 1 is.
    fleet = start_fleet(procs=1, preload=True)
    fleet.wait_ready(1)
    fleet.tell("do-0", "leave-stranger")
    stranger = fleet.wait_event("stranger")["pid"]
    fleet.wait(lambda: not Path(f"/proc/{stranger}").exists(), "the stranger stays a zombie")
    assert fleet.stop() == 0


def may_make_namespaces() -> bool:
    probe = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "true"]
    return (
        shutil.which("unshare") is not None and subprocess.run(probe, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not may_make_namespaces(), reason="this user may not make process namespaces")
def test_as_pid_1_the_master_drains_on_term(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, prefix=("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"))
    fleet.wait_ready(1)
    fleet.tell("do-0", "leave-stranger")
    fleet.wait_event("stranger")
    (master,) = psutil.Process(fleet.program.pid).children()
    master.send_signal(signal.SIGTERM)
    assert fleet.program.wait(8) == 0
    assert fleet.events("master-ends")[0]["pid"] == 1
