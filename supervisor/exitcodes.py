"""What the exit codes of `taskora-supervise` and of its children mean.

| code | who | meaning |
|---|---|---|
| 0 | master | everything drained, or gave its jobs back in order |
| 0 | child | it did what it was asked to do |
| 2 | master | the command line could not be understood (click's own code) |
| 3 | both | boot failed: a child ended, or did not become ready, before its first job |
| 4 | both | the app could not be loaded (import error, no such attribute) |
| 5 | master | the configuration is not valid |
| 70 | both | an error of the program itself, with a traceback in the log |
| 75 | master | stopped, but something had to be killed to get there |
| 131 | master | SIGQUIT: everything was killed at once (128 + 3) |

A child that a signal ended has no exit code; logs and reports call that `signal:9`, and an exit code `exit:1`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """The codes above, by name."""

    DONE = 0
    BOOT_FAILED = 3
    APP_LOAD_FAILED = 4
    CONFIG = 5
    INTERNAL = 70
    KILLED = 75
    QUIT = 131


MEANINGS: Final[dict[int, str]] = {
    ExitCode.DONE: "done",
    ExitCode.BOOT_FAILED: "boot failed",
    ExitCode.APP_LOAD_FAILED: "the app could not be loaded",
    ExitCode.CONFIG: "the configuration is not valid",
    ExitCode.INTERNAL: "internal error",
    ExitCode.KILLED: "had to be killed",
    ExitCode.QUIT: "quit",
}
