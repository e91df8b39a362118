"""The pytest plugin, and what it costs those who do not test."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from taskora.testing import TestRunner


def test_the_plugin_is_found_by_pytest() -> None:
    assert [each.value for each in entry_points(group="pytest11", name="taskora")] == ["taskora.testing.plugin"]


def test_each_test_has_a_runner_of_its_own(taskora_runner: TestRunner, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue("taskora_runner") is taskora_runner
    assert taskora_runner.jobs == []
    assert "memory" in repr(taskora_runner)


def test_importing_the_runner_does_not_import_pytest() -> None:
    program = "import sys, taskora.testing; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "False"


def test_nothing_is_left_open_by_a_runner_that_was_cleared_or_disposed_of() -> None:
    program = """
import gc
from taskora.testing import create_test_runner
for end in ("clear", "dispose"):
    runner = create_test_runner()
    @runner.app.task("t")
    def t(data: int) -> int:
        return data
    assert runner.execute(t, 1).result == 1
    runner.dispatch(t, 2, delay="1d")
    getattr(runner, end)()
    del runner, t
    gc.collect()
"""
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-X", "dev", "-c", program], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")
