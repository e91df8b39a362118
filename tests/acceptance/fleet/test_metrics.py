"""What Prometheus reads of a real fleet, while processes die."""

import os
import re
import signal
import socket
import urllib.request

from acceptance.fleet.fleets import Harbour
from support import Program

OPTIONS = ("--procs", "2", "--concurrency", "4", "--metrics-port", "0", "--drain-timeout", "10s")


def read(harbour: Harbour, fleet: Program) -> dict[str, float]:
    """Each line's value, by all that is before it."""
    found = harbour.wait(lambda: re.search(r"listening at (http://\S+) for /metrics", fleet.log()), "a port")
    assert found is not None
    with urllib.request.urlopen(f"{found[1]}/metrics", timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {series: float(value) for series, _, value in pairs}


def test_totals_are_those_of_all_processes_and_outlive_them(harbour: Harbour) -> None:
    fleet = harbour.start(*OPTIONS)
    completed = 'taskora_jobs_total{task="carry",outcome="completed"}'
    harbour.dispatch("carry", range(100))
    harbour.wait(lambda: read(harbour, fleet)[completed] == 100, "each job should be counted once", 30)
    for victim in harbour.wait_workers(fleet, 2):
        os.kill(victim.pid, signal.SIGKILL)
    exits = 'taskora_child_exits_total{role="worker",cause="signal:9"}'
    harbour.wait(lambda: read(harbour, fleet).get(exits) == 2, "both ends should be counted", 30)
    assert read(harbour, fleet)[completed] == 100
    harbour.dispatch("carry", range(100, 150))
    harbour.wait(lambda: read(harbour, fleet)[completed] == 150, "their successors should count on", 30)
    found = read(harbour, fleet)
    assert found['taskora_job_run_seconds_count{task="carry"}'] >= 150
    assert found['taskora_job_wait_seconds_count{task="carry"}'] >= 150
    assert harbour.stop(fleet) == 0


def test_the_queue_the_leader_and_recovered_jobs_are_seen(harbour: Harbour) -> None:
    fleet = harbour.start(*OPTIONS)
    harbour.dispatch("carry", range(12), takes=600.0)
    harbour.wait_started("carry", 8)
    active, waiting = (f'taskora_queue_jobs{{task="carry",state="{state}"}}' for state in ("active", "waiting"))

    def counted() -> bool:
        found = read(harbour, fleet)
        return (found.get(active), found.get(waiting)) == (8, 4)

    harbour.wait(counted, "eight should run and four wait", 30)
    found = read(harbour, fleet)
    assert found["taskora_server_up"] == 1
    assert 0 < found["taskora_server_round_trip_seconds"] < 5
    assert found['taskora_worker_active_jobs{slot="0"}'] == 4
    harbour.wait(lambda: read(harbour, fleet)["taskora_leader"] == 1, "it should lead", 30)
    os.kill(harbour.wait_workers(fleet, 2)[0].pid, signal.SIGKILL)
    harbour.wait(lambda: read(harbour, fleet)["taskora_jobs_recovered_total"] == 4, "four should be recovered", 30)
    fleet.terminate()
    fleet.terminate()
    assert fleet.wait(30) in (0, 75)


def test_p32_a_worker_whose_event_loop_was_held_up_says_by_how_much(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "1", "--metrics-port", "0", "--tasks", "hold")
    harbour.dispatch("hold", [0], takes=2.5)
    harbour.wait_completed("hold", 1)
    lag = 'taskora_worker_loop_lag_seconds{slot="0"}'
    harbour.wait(lambda: read(harbour, fleet)[lag] > 2, "the loop was late by more than two seconds", 5)
    assert harbour.stop(fleet) == 0


def test_one_port_may_serve_both(harbour: Harbour) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    fleet = harbour.start("--procs", "1", "--health-port", port, "--metrics-port", port)
    for path in ("/healthz", "/metrics"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            assert answer.status == 200
    assert harbour.stop(fleet) == 0
