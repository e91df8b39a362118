"""The command line of the supervisor: its options, and what it runs."""

from __future__ import annotations

import logging
import sys
from typing import Final

import click

from taskora.duration import read_duration, to_seconds
from taskora.errors import ConfigError

from . import logs
from .config import LogFormat, SupervisorConfig
from .cpus import allowed_cpus, auto_procs, cpu_quota
from .exitcodes import ExitCode
from .master import supervise
from .seat import Seat
from .sizes import to_bytes

_log: Final = logging.getLogger(__name__)
_EPILOG: Final = """\b
Signals:
  TERM, INT   drain and end; a second one: running jobs go back to the queue now
  QUIT        kill everything now
  HUP         rolling restart, each new worker ready before the old one drains
  TTIN, TTOU  one worker more, one fewer
  USR1        status and the stacks of all processes to the log
\b
Exit codes:
  0 drained   2 usage   3 no worker became ready   4 the app did not load
  5 configuration   70 internal error   75 something had to be killed   131 QUIT
"""


@click.command(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("target", metavar="MODULE:ATTR")
@click.option(
    "--procs",
    default="auto",
    show_default=True,
    metavar="N|auto",
    help="Worker processes. auto: the CPUs that affinity and cgroup quota leave to this process.",
)
@click.option("--concurrency", type=int, metavar="N", help="Jobs at once in each worker.  [default: as the tasks say]")
@click.option(
    "--drain-timeout",
    default="30s",
    show_default=True,
    metavar="TIME",
    help="How long running jobs may finish when a worker is to end; then they go back to the queue, uncharged.",
)
@click.option(
    "--heartbeat-timeout",
    default="10s",
    show_default=True,
    metavar="TIME",
    help="A worker that is silent for so long, outside every running job's deadline, is killed and replaced.",
)
@click.option(
    "--hang-timeout",
    default="5m",
    show_default=True,
    metavar="TIME",
    help="How long a job without a timeout of its own may keep its worker silent.",
)
@click.option(
    "--boot-timeout",
    default="60s",
    show_default=True,
    metavar="TIME",
    help="How long a process may take to load the app and become ready.",
)
@click.option(
    "--max-crashes",
    type=int,
    default=3,
    show_default=True,
    metavar="N",
    help="A job whose process died more than N times goes to the dead letters.",
)
@click.option("--max-jobs", type=int, metavar="N", help="Replace a worker after N jobs, give or take a tenth.")
@click.option(
    "--max-rss",
    metavar="SIZE",
    help="Replace a worker that needs more memory, give or take a tenth, e.g. 512MB. Shared pages count by share.",
)
@click.option("--pin-cpus/--no-pin-cpus", default=False, show_default=True, help="Bind each worker to one CPU.")
@click.option("--preload", is_flag=True, help="Import the app once and fork the workers from there: less memory.")
@click.option("--tasks", default="", metavar="A,B", help="Only these tasks.")
@click.option("--exclude", default="", metavar="A,B", help="Not these tasks.")
@click.option("--reload", is_flag=True, help="Rolling restart when a Python file below this folder changes.")
@click.option(
    "--remote-control/--no-remote-control",
    default=True,
    show_default=True,
    help="Recycle workers, scale and drain when somebody asks for it through the server: the board, or taskora.",
)
@click.option("--health-port", type=int, metavar="PORT", help="Answer GET /healthz and /readyz at this port.")
@click.option("--health-host", default="127.0.0.1", show_default=True, metavar="IP", help="With --health-port: where.")
@click.option("--metrics-port", type=int, metavar="PORT", help="Answer GET /metrics, for Prometheus, at this port.")
@click.option(
    "--metrics-host", default="127.0.0.1", show_default=True, metavar="IP", help="With --metrics-port: where."
)
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error", "critical"]),
    default="info",
    show_default=True,
)
def command(
    target: str,
    procs: str,
    concurrency: int | None,
    drain_timeout: str,
    heartbeat_timeout: str,
    hang_timeout: str,
    boot_timeout: str,
    max_crashes: int,
    max_jobs: int | None,
    max_rss: str | None,
    *,
    pin_cpus: bool,
    preload: bool,
    tasks: str,
    exclude: str,
    reload: bool,
    remote_control: bool,
    health_port: int | None,
    health_host: str,
    metrics_port: int | None,
    metrics_host: str,
    log_format: LogFormat,
    log_level: str,
) -> None:
    """Run the workers of the app at MODULE:ATTR, for example app:taskora.

    The app is imported in the child processes only, with the working directory on the import path. Times are seconds,
    or 250ms, 30s, 5m, 2h.
    """
    try:
        config = SupervisorConfig(
            target=target,
            procs=_procs(procs),
            concurrency=concurrency,
            drain_timeout_s=_time(drain_timeout, "drain_timeout"),
            heartbeat_timeout_s=_time(heartbeat_timeout, "heartbeat_timeout"),
            hang_timeout_s=_time(hang_timeout, "hang_timeout"),
            boot_timeout_s=_time(boot_timeout, "boot_timeout"),
            max_crashes=max_crashes,
            max_jobs=max_jobs,
            max_rss_bytes=None if max_rss is None else to_bytes(max_rss, "max_rss"),
            pin_cpus=pin_cpus,
            preload=preload,
            tasks=_names(tasks),
            exclude=_names(exclude),
            reload=reload,
            remote_control=remote_control,
            health_port=health_port,
            health_host=health_host,
            metrics_port=metrics_port,
            metrics_host=metrics_host,
            log_format=log_format,
            log_level=log_level,
        )
    except ConfigError as error:
        click.echo(f"taskora-supervise: {error}", err=True)
        sys.exit(ExitCode.CONFIG)
    logs.configure(config.log_format, config.log_level)
    try:
        code = supervise(config, worker_main=_worker, steward_main=_steward, preload=_preload)
    except ConfigError as error:
        # Found when it was tried: a port that somebody has.
        _log.critical("%s", error, extra={"action": "master.config"})
        code = ExitCode.CONFIG
    except Exception:  # noqa: BLE001 -- logged, with its traceback
        # The children drain: their line to this process ends.
        _log.exception("the supervisor ends by an error of its own", extra={"action": "master.error"})
        code = ExitCode.INTERNAL
    sys.exit(code)


def _worker(seat: Seat) -> int:
    # Imported after the fork: the master stays small, and a child's import error is that child's.
    from .child import worker_main

    return worker_main(seat)


def _steward(seat: Seat) -> int:
    from .steward import steward_main

    return steward_main(seat)


def _preload(config: SupervisorConfig) -> None:
    from .child import preload

    preload(config)


def _procs(text: str) -> int:
    if text == "auto":
        return auto_procs(len(allowed_cpus()), cpu_quota())
    if not text.isdigit():
        raise ConfigError(f"procs: {text!r} is neither a number nor auto")
    return int(text)


def _time(text: str, field: str) -> float:
    return to_seconds(read_duration(text), field)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
