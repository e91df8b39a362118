"""What the exit codes of `taskora` mean.

| code | meaning |
|---|---|
| 0 | done |
| 1 | what was asked for failed: a job or workflow that did not complete, a failed check of the doctor |
| 2 | the command line could not be understood |
| 3 | there is no such job, workflow, schedule, task or supervisor |
| 4 | the application could not be loaded |
| 5 | an option or setting is wrong |
| 69 | the server cannot be reached, or refuses |
| 124 | the timeout of a wait ran out |
| 130 | interrupted by Ctrl-C |
"""

from __future__ import annotations

from enum import IntEnum

from taskora.errors import (
    AdapterError,
    ConfigError,
    JobNotFoundError,
    ScheduleNotFoundError,
    SupervisorNotFoundError,
    TaskoraError,
    TimeoutError,
)
from taskora.loading import AppLoadError


class ExitCode(IntEnum):
    """The codes above, by name."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    APP_LOAD_FAILED = 4
    CONFIG = 5
    UNAVAILABLE = 69
    TIMED_OUT = 124
    INTERRUPTED = 130


_CODES: tuple[tuple[type[TaskoraError], ExitCode], ...] = (
    (AppLoadError, ExitCode.APP_LOAD_FAILED),
    (ConfigError, ExitCode.CONFIG),
    (JobNotFoundError, ExitCode.NOT_FOUND),
    (ScheduleNotFoundError, ExitCode.NOT_FOUND),
    (SupervisorNotFoundError, ExitCode.NOT_FOUND),
    (AdapterError, ExitCode.UNAVAILABLE),
    (TimeoutError, ExitCode.TIMED_OUT),
)


def code_of(error: TaskoraError) -> ExitCode:
    """Return the code for an error that ends a command."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.FAILED)
