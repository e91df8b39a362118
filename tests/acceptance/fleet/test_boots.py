"""Fleets that cannot start say why, once, and with which code."""

import os
import sys
from pathlib import Path

import pytest

from acceptance.fleet.fleets import TESTS
from support import Program, Spawn, free_port

APP = """
from taskora import Taskora
taskora = Taskora({url!r})
"""
TASK = """
@taskora.task
def greet_task(name: str) -> str:
    return "hello " + name
"""
CONTRACT = """
from taskora import define_task
taskora.register(define_task("greet", input=str, output=str))
"""


def _supervise(spawn: Spawn, *options: str, target: str = "shop:taskora") -> Program:
    path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
    return spawn([sys.executable, "-P", "-m", "taskora.supervisor", "--procs", "2", *options, target],
                 env={"PYTHONPATH": path})  # fmt: skip


@pytest.mark.parametrize("options", [(), ("--preload",)])
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_module_here", "no_such_module_here"),
        ("raise RuntimeError('the shop is closed')", "the shop is closed"),
        ("other = 1", "has no 'taskora'"),
        ("taskora = 1", "not a Taskora"),
        (APP.format(url="unix:///nowhere"), "no task is left to run"),
        (APP.format(url="unix:///nowhere") + CONTRACT, "only registered contracts ('greet') and has no handler to run"),
        (APP.format(url="memory://") + TASK, "the app keeps its jobs in memory"),
    ],
    ids=["module", "error", "attribute", "type", "no tasks", "contracts", "memory"],
)
def test_an_app_that_cannot_be_used_ends_the_fleet_with_code_4(
    spawn: Spawn, tmp_path: Path, source: str, words: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "shop.py").write_text(source)
    fleet = _supervise(spawn, *options)
    assert fleet.wait(10) == 4, fleet.log()
    assert words in fleet.log()
    assert fleet.log().count("became ready") == 1, fleet.log()
    fleet.assert_nothing_left()


def test_an_unknown_module_is_named_with_the_folder_that_was_searched(spawn: Spawn, tmp_path: Path) -> None:
    fleet = _supervise(spawn, target="shup:taskora")
    assert fleet.wait(10) == 4
    assert "no module 'shup'" in fleet.log()
    assert str(tmp_path) in fleet.log()


def test_an_unknown_task_is_named_with_those_that_there_are(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP.format(url="unix:///nowhere") + TASK)
    fleet = _supervise(spawn, "--tasks", "greed")
    assert fleet.wait(10) == 4
    assert "the app has no task 'greed'; it has: greet" in fleet.log()


def test_a_server_that_is_not_there_ends_the_fleet_with_code_3(spawn: Spawn, tmp_path: Path) -> None:
    address = f"redis://127.0.0.1:{free_port()}"
    (tmp_path / "shop.py").write_text(APP.format(url=address) + TASK)
    fleet = _supervise(spawn)
    assert fleet.wait(20) == 3
    # It is found out once, within the patience of the first calls; nobody is started again to find it out anew.
    assert "generation 2" not in fleet.log()
    assert "is the server running?" in fleet.log()
    assert address.removeprefix("redis://") in fleet.log()
    fleet.assert_nothing_left()
