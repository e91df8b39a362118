"""What the outside sees: systemd, the log, the CPUs, the command line."""

import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from acceptance.supervisor.toy_fleet import StartFleet, kill
from support import Spawn, wait_until


def test_systemd_hears_of_every_turn(start_fleet: StartFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", receiver.getsockname())
        monkeypatch.setenv("WATCHDOG_USEC", "100000")
        fleet = start_fleet(procs=2)
        heard: list[str] = []

        def hear(word: str) -> None:
            def came() -> bool:
                heard.append(receiver.recv(500).decode())
                return heard[-1].startswith(word)

            wait_until(came, 8)

        hear("READY=1\nSTATUS=2/2 ready")
        hear("WATCHDOG=1")
        hear("WATCHDOG=1")
        fleet.wait_ready(2)
        fleet.signal(signal.SIGHUP)
        hear("RELOADING=1\nMONOTONIC_USEC=")
        hear("READY=1")
        fleet.signal(signal.SIGTERM)
        hear("STOPPING=1")
        assert fleet.program.wait(8) == 0


def test_usr1_logs_a_table_and_the_stacks_of_every_process(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=2, preload=True)
    fleet.wait_ready(2)
    fleet.program.wait_for_log("steward (pid")
    fleet.wait(lambda: fleet.program.log().count("is ready") == 3, "not all are ready")
    fleet.signal(signal.SIGUSR1)
    # Two workers, the steward and the zygote.
    fleet.wait(lambda: fleet.program.log().count("most recent call first") == 4, "stacks are missing")
    log = fleet.program.log()
    assert "2/2 ready" in log
    assert "restarts" in log
    assert fleet.stop() == 0


def test_json_logs_are_one_object_a_line_stacks_included(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1, log_format="json", heartbeat_timeout_s=0.5)
    fleet.wait_ready(1)
    fleet.tell("do-0", "hang 30 0")
    fleet.wait_event("ready", 2)
    assert fleet.stop() == 0
    records = [json.loads(line) for line in fleet.program.log().splitlines()]
    assert {record["action"] for record in records} >= {"child.start", "child.ready", "child.condemn", "stacks", "stop"}
    (stacks,) = [record for record in records if record["action"] == "stacks"]
    assert (stacks["slot"], stacks["generation"]) == (0, 1)
    assert "in _obey" in stacks["message"]


def test_a_crash_in_c_leaves_its_stack_in_the_log(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1)
    fleet.wait_ready(1)
    fleet.tell("do-0", "segfault")
    fleet.wait_event("ready", 2)
    assert fleet.wait_event("told")["cause"] == "signal:11"
    assert "Fatal Python error: Segmentation fault" in fleet.program.log()
    assert fleet.stop() == 0


def test_workers_are_pinned_in_turn_when_asked_and_else_not(start_fleet: StartFleet) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    fleet = start_fleet(procs=3, pin_cpus=True)
    fleet.wait_ready(3)
    cpus = {event["slot"]: event["cpus"] for event in fleet.events("ready")}
    assert cpus == {slot: [allowed[slot % len(allowed)]] for slot in range(3)}
    assert fleet.stop() == 0


def test_workers_may_use_every_allowed_cpu_by_default(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1)
    fleet.wait_ready(1)
    assert fleet.events("ready")[0]["cpus"] == sorted(os.sched_getaffinity(0))
    assert fleet.stop() == 0


@pytest.mark.parametrize("preload", [False, True])
def test_the_descriptors_of_a_worker_are_its_own_three(start_fleet: StartFleet, preload: bool) -> None:
    fleet = start_fleet(procs=3, preload=preload)
    pids = fleet.wait_ready(3)
    kinds = {
        pid: sorted(
            str(entry.readlink()).split(":")[0] for entry in Path(f"/proc/{pid}/fd").iterdir() if int(entry.name) > 2
        )
        for pid in pids
    }
    assert kinds == {pid: ["pipe", "pipe", "pipe"] for pid in pids}
    assert fleet.stop() == 0


@pytest.mark.parametrize("preload", [False, True])
def test_the_command_runs_from_a_shell_and_says_what_is_wrong(spawn: Spawn, tmp_path: Path, preload: bool) -> None:
    command = [sys.executable, "-P", "-m", "taskora.supervisor", "no_such_module:app", "--procs", "1"]
    program = spawn([*command, "--preload"] if preload else command)
    assert program.wait(20) == 4
    assert "no worker of no_such_module:app became ready" in program.log()
    program.assert_nothing_left()


@pytest.mark.parametrize("preload", [False, True])
def test_the_master_keeps_no_descriptor_and_no_thread_of_those_that_are_gone(
    start_fleet: StartFleet, preload: bool
) -> None:
    fleet = start_fleet(procs=2, preload=preload)
    fleet.wait_ready(2)
    before = _descriptors(fleet.program.pid)
    for rolls in range(1, 5):
        kill(fleet.events("ready", slot=0)[-1]["pid"])
        fleet.wait_event("ready", 2 * rolls, slot=0)
        fleet.signal(signal.SIGHUP)
        fleet.wait(lambda r=rolls: fleet.program.log().count("rolling restart done") == r, "no roll")  # type: ignore[misc]  # the loop's own value
    fleet.wait(lambda: _descriptors(fleet.program.pid) == before, f"before: {before}")
    assert len(list(Path(f"/proc/{fleet.program.pid}/task").iterdir())) == 1
    assert fleet.stop() == 0


def _descriptors(pid: int) -> list[str]:
    """Their kinds: pipe, socket, pidfd, …"""
    return sorted(str(entry.readlink()).split(":")[0] for entry in Path(f"/proc/{pid}/fd").iterdir())


def test_an_error_of_the_supervisor_itself_has_a_code_of_its_own_and_its_traceback_in_the_log(spawn: Spawn) -> None:
    source = (
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "from taskora.supervisor.command import main; main()"
    )
    program = spawn([sys.executable, "-P", "-c", source, "shop:taskora", "--procs", "1"])
    assert program.wait(20) == 70
    assert "ends by an error of its own" in program.log()
    assert "ForkFromThreadsError: process" in program.log()
    program.assert_nothing_left()


def test_a_signal_behind_the_end_of_the_fleet_does_not_change_its_exit_code(start_fleet: StartFleet) -> None:
    fleet = start_fleet(procs=1)
    fleet.wait_ready(1)
    fleet.signal(signal.SIGTERM)
    fleet.program.wait_for_log("supervisor ends with 0")
    fleet.wait_event("master-ends")
    while fleet.program.running:
        for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGTERM):
            fleet.signal(number)
    assert fleet.program.wait(8) == 0
