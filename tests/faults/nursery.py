"""Forks processes that are to die: everything is imported once, so that each costs some milliseconds.

The nursery reads a line for each on its standard input, and answers with a line when it is dead.
"""

import asyncio
import faulthandler
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self, cast

from faults.app import Settings
from faults.circumstances import Life
from faults.scenes import SCENES, enact
from support.processes import ending_with_us

TESTS = Path(__file__).resolve().parents[1]
_LONGEST_S = 20  # a victim that was not hit by then never will be
_TELLING_S = 2  # how long before its end such a one tells what it is about


@dataclass(frozen=True, slots=True)
class Death:
    """How a victim ended.

    Attributes:
        code: As of ``subprocess``: negative for a signal.
    """

    life: Life
    code: int


class Nursery:
    """The harness's end of it."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        path = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*ending_with_us(), sys.executable, "-P", "-m", "faults.nursery"],
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(_LONGEST_S + 10)
        process.stdout.close()

    def kill(self, scene: str, settings: Settings, fault: str) -> Death:
        """Have a process act out a scene and die of the fault."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([scene, settings.url, settings.folder, fault]) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, f"the nursery ended:\n{self.log()}"
        pid, code, born_ns, seen_ns, gone_ns = cast("list[int]", json.loads(answer))
        return Death(Life(pid, "victim", "worker", born_ns, seen_ns, gone_ns), code)

    def log(self) -> str:
        """What the victims wrote, the last of it."""
        return self._log.read_text(errors="replace")[-4000:]

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process


def _serve() -> None:
    for line in sys.stdin:
        scene, url, folder, fault = cast("list[str]", json.loads(line))
        born_ns = time.monotonic_ns()
        pid = os.fork()
        if pid == 0:
            _die_in(scene, Settings(url, folder), fault)
        _, status = os.waitpid(pid, 0)
        gone_ns = time.monotonic_ns()
        print(json.dumps([pid, os.waitstatus_to_exitcode(status), born_ns, gone_ns, gone_ns]), flush=True)


def _die_in(scene: str, settings: Settings, fault: str) -> None:
    os.dup2(2, 1)
    _end_with_an_account()
    os.environ["TASKORA_FAULT"] = fault
    code = 1
    try:
        enact(SCENES[scene], settings)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 - whatever it is, the harness is told
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        if code == 0 and ":after" in fault:  # what it did last was the call, or followed it on another connection
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(code)


def _end_with_an_account() -> None:
    """Have a victim that is never hit tell where its threads and its tasks stand, and end."""

    def tell(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_TELLING_S)
        with suppress(RuntimeError):  # no loop runs
            for task in asyncio.all_tasks():
                task.print_stack(file=sys.stderr)
        sys.stderr.flush()

    signal.signal(signal.SIGALRM, tell)
    signal.alarm(_LONGEST_S - _TELLING_S)
    # From a thread of its own: also where the interpreter no longer runs our handler.
    faulthandler.dump_traceback_later(_LONGEST_S - _TELLING_S, file=sys.stderr)


if __name__ == "__main__":
    _serve()
