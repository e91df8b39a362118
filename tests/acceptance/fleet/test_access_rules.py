"""A fleet under the documentation's access rules, whose password nobody sees."""

import re
from pathlib import Path

import pytest

from acceptance.fleet.fleets import Harbour, kill

PAGE = Path(__file__).resolve().parents[3] / "docs" / "servers.md"


@pytest.mark.parametrize("store", ["redis", "valkey"], indirect=True)
def test_a_fleet_works_under_the_documented_rules_and_shows_no_password(harbour: Harbour) -> None:
    found = re.search(r"ACL SETUSER shop on (.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    rules = found[1].replace("taskora:shop:", "taskora:").replace(">PASSWORD", ">s%cret").split()
    assert harbour.store.command("ACL", "SETUSER", "narrow", "on", *rules).startswith("+OK")
    harbour.set_up(url=f"{harbour.store.url}?username=narrow&password=s%25cret")
    fleet = harbour.start("--procs", "2", "--concurrency", "4")
    shown = [" ".join((process.name(), *process.cmdline())) for process in fleet.members()]
    harbour.dispatch("square", range(40), takes=0.01)
    harbour.dispatch("carry", range(4), takes=0.5)
    harbour.wait_started("carry", 4)
    # Recovered by the steward, which needs more than workers do.
    kill(harbour.wait_workers(fleet, 2)[0].pid)
    harbour.wait_completed("square", 40)
    harbour.wait_completed("carry", 4)
    # Whatever the server refused was for somebody else.
    refused = harbour.store.command("ACL", "LOG")
    assert refused == "*0\r\n"
    assert harbour.stop(fleet) == 0
    for text in (fleet.log(), *shown):
        assert "s%cret" not in text
        assert "s%25cret" not in text
