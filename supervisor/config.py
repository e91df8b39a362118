"""Everything that the supervisor can be told, checked once."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from typing import Final, Literal

from taskora.errors import ConfigError

from .backoff import BackoffPolicy

LogFormat = Literal["text", "json"]

MAX_PROCS: Final = 1024
_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_TARGET: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorConfig:
    """The supervisor's settings. Times are seconds, sizes bytes.

    Attributes:
        target: where the app is, as `module:attr`; imported in the children only.
        procs: worker processes, 1 to 1024.
        concurrency: jobs at once in each worker; None leaves it to the tasks.
        drain_timeout_s: how long running jobs may finish when a worker is to end; 0 gives them back at once.
            Default 30.
        heartbeat_timeout_s: silence after which a worker with no declared deadline is hung. Default 10.
        hang_timeout_s: how long a job without a timeout of its own may keep its worker silent. Default 300.
        boot_timeout_s: how long a child may take to become ready. Default 60.
        max_crashes: how often the process of a job may die before the job goes to the dead letters; 0 for the first
            time. Deaths that the supervisor brought about are not counted. Default 3.
        max_jobs: recycle a worker after so many jobs, give or take a tenth; None never.
        max_rss_bytes: recycle a worker that needs more memory (PSS), give or take a tenth; None never.
        pin_cpus: bind each worker to one CPU of the allowed set. Off by default: a worker has threads of its own (sync
            handlers), and the kernel spreads those better than a fixed choice, except on a machine without company.
        preload: import the app once, in a process that forks the workers.
        tasks: only these tasks; empty for all.
        exclude: not these tasks.
        reload: a rolling restart whenever a Python file below the working directory changes.
        remote_control: do what is asked for through the server: recycle workers, scale, drain. On by default.
        log_format: `text` or `json`.
        log_level: `debug`, `info`, `warning`, `error` or `critical`.
        health_port: answer `/healthz` and `/readyz` at this port; 0 for any that is free; None not at all.
        health_host: the address for it. Default 127.0.0.1.
        metrics_port: answer `/metrics` at this port, which may be that of the health; None not at all.
        metrics_host: the address for it. Default 127.0.0.1.
        interrupt_grace_s: from "give your jobs back" to SIGKILL. Default 2.
        evidence_s: from the request for stacks to SIGKILL. Default 0.5.
        steward_timeout_s: how long the steward may take to recover, and to end, once all else has ended. Default 5.
        backoff: how restarts are spaced.
    """

    target: str
    procs: int = 1
    concurrency: int | None = None
    drain_timeout_s: float = 30.0
    heartbeat_timeout_s: float = 10.0
    hang_timeout_s: float = 300.0
    boot_timeout_s: float = 60.0
    max_crashes: int = 3
    max_jobs: int | None = None
    max_rss_bytes: int | None = None
    pin_cpus: bool = False
    preload: bool = False
    tasks: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    reload: bool = False
    remote_control: bool = True
    log_format: LogFormat = "text"
    log_level: str = "info"
    health_port: int | None = None
    health_host: str = "127.0.0.1"
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    interrupt_grace_s: float = 2.0
    evidence_s: float = 0.5
    steward_timeout_s: float = 5.0
    backoff: BackoffPolicy = field(default_factory=BackoffPolicy)

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: the message names the field first.
        """
        _require(
            _TARGET.fullmatch(self.target) is not None,
            f"target: {self.target!r} is not of the form module:attr, for example app:taskora",
        )
        _require(1 <= self.procs <= MAX_PROCS, f"procs: {self.procs} is not between 1 and {MAX_PROCS}")
        for name in ("concurrency", "max_jobs", "max_rss_bytes"):
            value: int | None = getattr(self, name)
            _require(value is None or value >= 1, f"{name}: {value} is less than 1; leave it out for no limit")
        _require(self.max_crashes >= 0, f"max_crashes: {self.max_crashes} is below 0")
        _check_place("health", self.health_host, self.health_port)
        _check_place("metrics", self.metrics_host, self.metrics_port)
        self._check_times()
        self._check_names()

    @property
    def is_observed(self) -> bool:
        """Whether somebody may ask how the fleet does."""
        return self.health_port is not None or self.metrics_port is not None

    def _check_times(self) -> None:
        for name in ("heartbeat_timeout_s", "hang_timeout_s", "boot_timeout_s"):
            _require(getattr(self, name) > 0, f"{name}: {getattr(self, name)} is not above 0 seconds")
        for name in ("drain_timeout_s", "interrupt_grace_s", "evidence_s", "steward_timeout_s"):
            _require(getattr(self, name) >= 0, f"{name}: {getattr(self, name)} is below 0 seconds")

    def _check_names(self) -> None:
        both = sorted(set(self.tasks) & set(self.exclude))
        _require(not both, f"exclude: {', '.join(both)} is both in tasks and in exclude; name it in one of them")
        _require(self.log_format in ("text", "json"), f"log_format: {self.log_format!r} is neither text nor json")
        _require(self.log_level in _LEVELS, f"log_level: {self.log_level!r} is none of {', '.join(_LEVELS)}")


def _check_place(what: str, host: str, port: int | None) -> None:
    _require(port is None or 0 <= port <= 65_535, f"{what}_port: {port} is no port; give 0 to 65535")
    try:
        # A name would have to be looked up, for which the supervisor does not wait.
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except (OSError, ValueError):
        raise ConfigError(f"{what}_host: {host!r} is no IP address; 0.0.0.0 stands for all of this host") from None


def _require(valid: bool, message: str) -> None:
    if not valid:
        raise ConfigError(message)
