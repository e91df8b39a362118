"""What an orchestrator learns from `/healthz` and `/readyz` of a real fleet."""

import json
import os
import re
import signal
import socket
import urllib.error
import urllib.request
from typing import Any

from acceptance.fleet.fleets import Harbour
from support import Program

OPTIONS = ("--procs", "2", "--health-port", "0", "--drain-timeout", "10s")


def ask(harbour: Harbour, fleet: Program, path: str) -> tuple[int, dict[str, Any]]:
    """The status and what it says."""
    found = harbour.wait(lambda: re.search(r"listening at (http://\S+) for /healthz", fleet.log()), "a port")
    assert found is not None
    try:
        with urllib.request.urlopen(found[1] + path, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_fleet_is_alive_from_the_start_and_ready_once_all_is(harbour: Harbour) -> None:
    fleet = harbour.start(*OPTIONS, tests_ready=False)
    assert ask(harbour, fleet, "/healthz")[0] == 200
    harbour.wait(lambda: ask(harbour, fleet, "/readyz")[0] == 200, "the fleet should be ready", 30)
    status, body = ask(harbour, fleet, "/readyz")
    assert (status, body["ready"], body["causes"], body["ready_workers"]) == (200, True, [], 2)
    assert harbour.stop(fleet) == 0


def test_a_server_that_goes_costs_readiness_and_not_life(harbour: Harbour) -> None:
    fleet = harbour.start(*OPTIONS)
    harbour.wait(lambda: ask(harbour, fleet, "/readyz")[0] == 200, "the fleet should be ready", 30)
    harbour.store.stop()
    harbour.wait(lambda: ask(harbour, fleet, "/readyz")[0] == 503, "the fleet should not be ready", 30)
    assert ask(harbour, fleet, "/readyz")[1]["causes"] == ["the server does not answer the steward"]
    assert ask(harbour, fleet, "/healthz")[0] == 200
    harbour.store.start()
    harbour.wait(lambda: ask(harbour, fleet, "/readyz")[0] == 200, "the fleet should be ready again", 30)
    assert harbour.stop(fleet) == 0


def test_a_worker_that_is_missing_is_named(harbour: Harbour) -> None:
    fleet = harbour.start(*OPTIONS)
    harbour.wait(lambda: ask(harbour, fleet, "/readyz")[0] == 200, "the fleet should be ready", 30)
    victim = harbour.wait_workers(fleet, 2)[0]
    os.kill(victim.pid, signal.SIGKILL)
    seen: list[str] = []

    def missed() -> bool:
        seen.extend(ask(harbour, fleet, "/readyz")[1]["causes"])
        return any("no ready worker; the one before ended: signal:9" in cause for cause in seen)

    harbour.wait(missed, "the missing worker should be named", 30)
    harbour.wait(lambda: ask(harbour, fleet, "/readyz")[0] == 200, "the fleet should be ready again", 30)
    assert harbour.stop(fleet) == 0


def test_a_fleet_that_drains_is_alive_and_not_ready(harbour: Harbour) -> None:
    fleet = harbour.start(*OPTIONS)
    harbour.dispatch("carry", range(2), takes=3.0)
    harbour.wait_started("carry", 2)
    fleet.terminate()
    harbour.wait(lambda: ask(harbour, fleet, "/readyz")[0] == 503, "a fleet that drains is not ready", 30)
    assert ask(harbour, fleet, "/readyz")[1]["causes"] == ["the supervisor drains"]
    assert ask(harbour, fleet, "/healthz")[0] == 200
    assert fleet.wait(30) == 0


def test_a_port_that_somebody_has_ends_the_supervisor_at_once(harbour: Harbour) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        fleet = harbour.start("--procs", "1", "--health-port", str(port), tests_ready=False)
        assert fleet.wait(30) == 5
    assert "health_port: cannot listen" in fleet.log()
