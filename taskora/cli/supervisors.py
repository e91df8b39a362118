"""`taskora supervisors`: list supervisors with their children, and ask one that runs for something."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import click

from taskora.adapters.audit_store import AuditEntry
from taskora.adapters.request_store import MOST_PROCS
from taskora.amounts import size
from taskora.app import Taskora
from taskora.duration import read_duration, to_seconds
from taskora.fleets import ChildInfo, SupervisorInfo
from taskora.supervising import Supervisors

from .exits import ExitCode
from .screen import Screen, ago
from .table import Column
from .target import Target, json_option, target_options

_ANSWER_WITHIN: Final = click.option(
    "--timeout", default="10s", show_default=True, metavar="TIME", help="How long to wait for the answer."
)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a supervisor is asked for, and how many of its workers that touches."""

    action: str
    supervisor_id: str
    touched: Callable[[SupervisorInfo], int]
    ask: Callable[[Supervisors], str]


@click.group("supervisors")
def command() -> None:
    """List supervisors with their children; ask one to recycle workers, to scale or to drain.

    Their ids are in the list. One answers within about a second; one that was started with --no-remote-control refuses.
    What was asked for is noted: taskora audit.
    """


@command.command("list")
@target_options
@json_option
def list_(target: Target, as_json: bool) -> ExitCode:
    """List the supervisors that are there, each with its worker processes.

    One that was killed disappears within 15 seconds.
    """
    screen = Screen(as_json)
    with target.opened() as app:
        found = app.inspect().supervisors()
    if screen.as_json:
        screen.data(found)
        return ExitCode.DONE
    columns = [
        Column("supervisor"), Column("host", shrinks=True), Column("slot", "right"), Column("pid", "right"),
        Column("generation", "right"), Column("state"), Column("active", "right"), Column("done", "right"),
        Column("failed", "right"), Column("memory", "right"), Column("cpu", "right"), Column("started", "right"),
        Column("restarts", "right"), Column("last end", shrinks=True),
    ]  # fmt: skip
    rows = [row for supervisor in found for row in _rows(supervisor)]
    screen.table(columns, rows, "no supervisors; start one with: taskora-supervise MODULE:ATTR")
    return ExitCode.DONE


@command.command("recycle")
@click.argument("supervisor_id")
@click.option("--slot", type=click.IntRange(0, 10_000), metavar="N", help="Only the worker in this slot.")
@_ANSWER_WITHIN
@target_options
@json_option
def recycle(supervisor_id: str, slot: int | None, timeout: str, target: Target, as_json: bool) -> ExitCode:
    """Replace the workers of a supervisor by new processes, with the code as it is now.

    One after another, each new one ready before the old one drains, as by SIGHUP. Running jobs may go on for the
    supervisor's --drain-timeout. One alone (--slot) drains while its replacement starts.
    """

    def touched(found: SupervisorInfo) -> int:
        return len(found.children) if slot is None else 1

    wish = _Wish("recycle", supervisor_id, touched, lambda there: there.recycle(supervisor_id, slot))
    return _carry_out(wish, timeout, target, as_json)


@command.command("scale")
@click.argument("supervisor_id")
@click.argument("procs", type=click.IntRange(1, MOST_PROCS))
@_ANSWER_WITHIN
@target_options
@json_option
def scale(supervisor_id: str, procs: int, timeout: str, target: Target, as_json: bool) -> ExitCode:
    """Give a supervisor so many worker processes until it ends. Those that leave drain, idle ones first."""

    def touched(found: SupervisorInfo) -> int:
        return abs(procs - (len(found.children) if found.procs is None else found.procs))

    wish = _Wish("scale", supervisor_id, touched, lambda there: there.scale(supervisor_id, procs))
    return _carry_out(wish, timeout, target, as_json)


@command.command("drain")
@click.argument("supervisor_id")
@_ANSWER_WITHIN
@target_options
@json_option
def drain(supervisor_id: str, timeout: str, target: Target, as_json: bool) -> ExitCode:
    """End a whole supervisor as SIGTERM does: its workers claim no more, end their jobs, and all is gone.

    Whatever started it, such as systemd or Kubernetes, may start it again.
    """

    def touched(found: SupervisorInfo) -> int:
        return len(found.children)

    wish = _Wish("drain", supervisor_id, touched, lambda there: there.drain(supervisor_id))
    return _carry_out(wish, timeout, target, as_json)


def _carry_out(wish: _Wish, timeout: str, target: Target, as_json: bool) -> ExitCode:
    """Ask, note it, and say what the supervisor made of it."""
    screen, action, supervisor_id = Screen(as_json), wish.action, wish.supervisor_id
    timeout_s = to_seconds(read_duration(timeout), "timeout")
    with target.opened() as app:
        there = next((one for one in app.inspect().supervisors() if one.id == supervisor_id), None)
        asked = wish.ask(app.supervisors)
        found = app.supervisors.outcome(asked, timeout=timeout_s)
        state, reason = ("gone", "") if found is None else (found.state, found.reason)
        _note(app, action, supervisor_id, 0 if there is None else wish.touched(there), state, reason)
    if screen.as_json:
        screen.data(found)
    elif state == "accepted":
        screen.line(f"{action}: accepted by {supervisor_id}")
    else:
        screen.note(f"{action}: refused by {supervisor_id}: {reason}" if state == "refused" else f"{action}: no answer")
    return {"accepted": ExitCode.DONE, "refused": ExitCode.FAILED}.get(state, ExitCode.TIMED_OUT)


def _note(app: Taskora, action: str, supervisor_id: str, count: int, state: str, reason: str) -> None:
    try:
        who = getpass.getuser()
    except (OSError, KeyError):
        # A process id that no user of this host has, as in a container.
        who = "?"
    entry = AuditEntry(
        who, "command line", f"supervisor.{action}", {"id": supervisor_id},
        "failed" if state == "refused" else "done", 0 if state == "refused" else count, reason or state,
    )  # fmt: skip
    app.adapter.audit.write(entry).run()


def _rows(supervisor: SupervisorInfo) -> Iterator[list[object]]:
    name = f"{supervisor.id}{'' if supervisor.remote_control else ' (takes no requests)'}"
    if not supervisor.children:
        yield [name, supervisor.host, *[None] * 12]
    for child in supervisor.children:
        yield [
            name, supervisor.host, child.slot, child.pid, child.generation, child.state, child.active, child.done,
            child.failed, _memory(child), None if child.cpu is None else f"{child.cpu:.1f}%",
            None if child.started_at is None else ago(child.started_at), child.restarts, child.last_cause,
        ]  # fmt: skip


def _memory(child: ChildInfo) -> str | None:
    taken = child.rss if child.pss is None else child.pss
    return None if taken is None else size(taken)
