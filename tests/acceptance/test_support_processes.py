"""The helpers that other tests lean on: programs beside the test."""

from pathlib import Path

import pytest

from support import Spawn, script, wait_until
from support.leaks import left_behind, mark_descendants

FORKS_A_CHILD_THAT_STAYS = """
import os, signal
if os.fork() == 0:
    os.setpgid(0, 0)
    signal.pause()
print("forked", flush=True)
"""


def test_a_program_writes_its_log_and_gives_its_exit_code(spawn: Spawn, tmp_path: Path) -> None:
    program = spawn(script("print('hello'); raise SystemExit(3)", tmp_path))
    assert program.wait() == 3
    assert program.log() == "hello\n"
    program.assert_nothing_left()


def test_a_program_that_ends_early_is_not_waited_for(spawn: Spawn, tmp_path: Path) -> None:
    program = spawn(script("print('bye')", tmp_path))
    with pytest.raises(AssertionError, match="ended without writing 'ready'\nbye"):
        program.wait_for_log("ready")


def test_what_a_program_leaves_behind_is_noticed_and_ended(spawn: Spawn, tmp_path: Path) -> None:
    program = spawn(script(FORKS_A_CHILD_THAT_STAYS, tmp_path))
    assert program.wait() == 0
    with pytest.raises(AssertionError, match="left processes behind"):
        program.assert_nothing_left(timeout=0.05)
    program.end_all()
    program.assert_nothing_left()


def test_an_orphan_is_found_by_its_mark(spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKORA_TEST_RUN", "")  # restored afterwards, so that the session's own mark stays
    mark = mark_descendants()
    program = spawn(script(FORKS_A_CHILD_THAT_STAYS, tmp_path))
    assert program.wait() == 0
    orphans = set(program.members())
    assert orphans
    assert orphans <= set(left_behind(mark))
    program.end_all()
    wait_until(lambda: not orphans & set(left_behind(mark)))
