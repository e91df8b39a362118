"""A process that dies around a script costs nothing that was confirmed, whichever script it is and whoever calls it.

The victim dies before the call is sent, when it is applied and its reply unread, and after the reply; what a supervisor
or a service manager would start in its place does the rest, and the storm's checker looks at what is left. The deaths
of whole fleets are in tests/acceptance/fleet/test_faults.py.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.app import Settings
from faults.nursery import Nursery
from faults.scenes import SCENES, cases
from faults.stage import Stage
from support import Flavor, Server
from taskora.lua import names

POINTS = ("before", "applied", "after")
FLAVOR: Flavor = "valkey" if os.environ.get("TASKORA_BOUNDARIES") == "valkey" else "redis"


@pytest.fixture(scope="module")
def boundary_server() -> Iterator[Server]:
    with Server(FLAVOR) as server:
        yield server


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery") / "log") as nursery:
        yield nursery


@pytest.mark.parametrize(("scene", "script"), cases())
@pytest.mark.parametrize("point", POINTS)
def test_a_process_that_dies_around_a_script_loses_nothing(
    boundary_server: Server, nursery: Nursery, tmp_path: Path, scene: str, script: str, point: str
) -> None:
    boundary_server.flush()
    name, _, count = script.partition(":")
    settings = Settings(boundary_server.url, str(tmp_path))
    stage = Stage(settings)
    try:
        SCENES[scene].prepare(stage)
        death = nursery.kill(scene, settings, f"kill@{name}:{point}:{count or 1}")
        assert death.code == -9, f"{scene} never came to {script}: {death.code}\n{nursery.log()}"
        SCENES[scene].succeed(stage)
        stage.replace_victim(death.life.pid, SCENES[scene].done)
        assert not stage.check([death.life])
    finally:
        stage.close()


def test_every_script_is_in_a_scene() -> None:
    played = {script.partition(":")[0] for _, script in cases()}
    assert played == set(names())
