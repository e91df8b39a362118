"""`taskora doctor`: check the server, its settings, and what is stuck."""

from __future__ import annotations

from collections.abc import Iterator

import click

from taskora import checks
from taskora.app import Taskora
from taskora.checks import Check
from taskora.errors import AdapterError, TaskoraError

from .exits import ExitCode
from .screen import Screen
from .target import Target, json_option, target_options

_PINGS = 200
_LOCKS = 1000


@click.command("doctor")
@target_options
@json_option
def command(target: Target, as_json: bool) -> ExitCode:
    """Check the server, its settings, and what is stuck; each finding with its remedy.

    The exit code is 1 when a check fails, and 0 when there are warnings only.
    """
    screen = Screen(as_json)
    found: list[Check] = []
    with target.opened() as app:
        try:
            app.connect()
            found.append(Check("connection", "ok", app.adapter.describe()))
            found.extend(_examine(app))
        except TaskoraError as error:
            found.append(Check("connection", "fail", " ".join(str(error).split()), "nothing else could be checked"))
    if screen.as_json:
        screen.data(found)
    else:
        _show(found, screen)
    return ExitCode.FAILED if any(check.verdict == "fail" for check in found) else ExitCode.DONE


def _examine(app: Taskora) -> Iterator[Check]:
    vitals, inspector = app.adapter.vitals, app.inspect()
    facts = inspector.server()
    try:
        settings = vitals.settings(checks.SETTINGS).run()
    except AdapterError:  # CONFIG is forbidden on most servers that somebody else runs
        settings = None
    tasks = inspector.tasks()
    yield from checks.check_server(facts)
    yield checks.check_persistence(facts, settings)
    yield from checks.check_hash_limits(settings)
    yield checks.check_latency(vitals.latencies(_PINGS).run())
    slots = vitals.slots(tasks).run() if facts.mode == "cluster" else []
    yield checks.check_slots(facts, dict(zip(tasks, slots, strict=False)))

    workers = inspector.workers()
    yield from checks.check_workers(inspector.stats_by_task(), workers)
    pairs = [(worker.id, task) for worker in workers for task in worker.tasks]
    yield from checks.check_fences(pairs, vitals.fences(pairs).run())
    locks = [vitals.locks(task, _LOCKS).run() for task in tasks]
    yield from checks.check_locks(
        sum(look.looked_at for look in locks),
        [job_id for look in locks for job_id in look.without],
        [job_id for look in locks for job_id in look.endless],
    )


def _show(found: list[Check], screen: Screen) -> None:
    wide = max(len(check.name) for check in found)
    for check in found:
        verdict = screen.paint_state(check.verdict, f"{check.verdict:7}")
        screen.line(f"{verdict}  {check.name:{wide}}  {check.found}")
        if check.remedy:
            screen.line(f"{'':9}{'':{wide}}  -> {check.remedy}")
