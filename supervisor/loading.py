"""The app in a process that loads it: its import, and which of its tasks the fleet runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Final

from taskora.app import Taskora
from taskora.errors import ConfigError
from taskora.function_task import AnyTask
from taskora.loading import AppLoadError, load_app

from .config import SupervisorConfig
from .exitcodes import ExitCode
from .seat import Seat

_log: Final = logging.getLogger(__name__)


def live_with_app(seat: Seat, life: Callable[[Taskora, dict[str, AnyTask]], Coroutine[object, object, int]]) -> int:
    """Load the app and live with it; the log says why when it cannot be loaded.

    Args:
        seat: The process's place.
        life: What the process does with the app and those of its tasks that the fleet runs; returns its exit code.
    """
    try:
        app = load_app(seat.config.target)
        tasks = chosen_tasks(app, seat.config)
    except AppLoadError as error:
        _log.error("%s", error, exc_info=error.__cause__, extra={"action": "load"})
        return ExitCode.APP_LOAD_FAILED
    except ConfigError as error:
        _log.error("%s", error, extra={"action": "load"})
        return ExitCode.APP_LOAD_FAILED
    return asyncio.run(life(app, tasks))


def chosen_tasks(app: Taskora, config: SupervisorConfig) -> dict[str, AnyTask]:
    """Return the tasks that this fleet runs.

    Raises:
        ConfigError: A name is unknown, none is left, the app has nothing but contracts of others, or it keeps its jobs
            in a place of each process's own.
    """
    if app.adapter.of_one_process:
        raise ConfigError(
            "adapter: the app keeps its jobs in memory, which every process of a fleet has for itself; give it a "
            "server, such as redis://localhost, or run it in one process with taskora.run()"
        )
    app.check_runnable()
    for option, names in (("tasks", config.tasks), ("exclude", config.exclude)):
        for name in names:
            if name not in app.tasks:
                known = ", ".join(sorted(app.tasks)) or "none"
                raise ConfigError(f"{option}: the app has no task {name!r}; it has: {known}")
    chosen = {
        name: task
        for name, task in app.tasks.items()
        if name not in config.exclude and (not config.tasks or name in config.tasks)
    }
    if not chosen:
        raise ConfigError("tasks: no task is left to run; are the modules that define them imported by the app's?")
    if config.concurrency is not None:
        for task in chosen.values():
            task.options = replace(task.options, concurrency=config.concurrency)
    return chosen
