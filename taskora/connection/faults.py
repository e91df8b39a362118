"""Kills this process at a script boundary, on request of a test.

``TASKORA_FAULT=kill@SCRIPT:POINT[:N]`` in the environment: at the N-th (default first) call of the script on one
connection, ``before`` it is sent, when it is ``applied`` but its reply was not seen, or ``after`` its reply was
handled, which is when the next request is about to be sent, on whichever connection: this one may not be used any more.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

from taskora.connection.request import Request, ScriptCall
from taskora.errors import ConfigError

_SIGKILL = 9


@dataclass(slots=True)
class _Passed:
    """Whether a process is past the call that it is to die of, on whichever of its connections that was made."""

    passed: bool = False


@dataclass(slots=True)
class Fault:
    """An armed fault, as one connection sees it.

    ``before`` and ``applied`` are called around each exchange, ``closed`` when the connection is given up.
    """

    script: str
    point: str
    left: int
    process: _Passed
    due: bool = False

    def before(self, request: Request) -> None:
        """The request is about to be sent."""
        if self.process.passed:
            _die()
        if self._is_the_one(request):
            if self.point == "before":
                _die()
            self.due = True

    def applied(self) -> None:
        """The replies have arrived."""
        if self.due:
            if self.point == "applied":
                _die()
            self.closed()

    def closed(self) -> None:
        """Nothing more is to come of what was sent."""
        self.process.passed |= self.due
        self.due = False

    def _is_the_one(self, request: Request) -> bool:
        if any(isinstance(item, ScriptCall) and item.script.name == self.script for item in request):
            self.left -= 1
            return self.left == 0
        return False


def armed() -> Fault | None:
    """Read the fault that the environment asks for.

    Raises:
        ConfigError: It asks for something that does not exist.
    """
    text = os.environ.get("TASKORA_FAULT")
    if not text:
        return None
    action, _, where = text.partition("@")
    script, point, count = (*where.split(":"), "1")[:3] if where.count(":") in (1, 2) else ("", "", "")
    if action != "kill" or point not in ("before", "applied", "after") or not count.isdecimal():
        raise ConfigError(f"TASKORA_FAULT: expected kill@SCRIPT:before|applied|after[:N], got {text!r}")
    return Fault(script, point, int(count), _shared_by(os.getpid()))


@cache  # one for all connections of a process, and another for its forks
def _shared_by(_pid: int) -> _Passed:
    return _Passed()


def _die() -> None:
    os.kill(os.getpid(), _SIGKILL)
