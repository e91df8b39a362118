"""`taskora flow`: show what controls a task's flow, and what is collected for its batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
import orjson

from taskora.amounts import counted, size
from taskora.rules import FlowControl

from .exits import ExitCode
from .missing import no_task
from .screen import Screen, ago, until
from .table import Column
from .target import Target, json_option, target_options


@click.command("flow")
@click.argument("task")
@click.option("--peek", metavar="KEY", help="Print the first items that are collected under this key.")
@click.option("--flush", metavar="KEY", help="Have what is collected under this key be a batch at once.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many of each kind, or items.")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many of each kind to skip.")
@target_options
@json_option
def command(
    task: str, peek: str | None, flush: str | None, limit: int, offset: int, target: Target, as_json: bool
) -> ExitCode:
    """Show the keys that control the flow of TASK: of concurrency, collected, debounced, throttled and deduplicated.

    Those that producers of other implementations brought into use are left out, but for concurrency keys.
    """
    if peek is not None and flush is not None:
        raise click.UsageError("--peek and --flush exclude each other.")
    screen = Screen(as_json)
    with target.opened() as app:
        inspector = app.inspect()
        if flush is not None:
            _tell_flushed(screen, task, flush, inspector.flush_collect(task, flush))
        elif peek is not None:
            _show_items(screen, inspector.peek_collect(task, peek, limit=limit))
        else:
            found = inspector.flow(task, limit=limit, offset=offset)
            if not any(_of_all_kinds(found)) and task not in (known := inspector.tasks()):
                raise no_task(task, known)
            _show_flow(screen, found)
    return ExitCode.DONE


def _tell_flushed(screen: Screen, task: str, key: str, count: int) -> None:
    if screen.as_json:
        screen.data({"task": task, "key": key, "flushed": count})
    elif count == 0:
        screen.note("nothing is collected under this key")
    else:
        screen.line(f"{counted(count, 'item is', 'items are')} a batch now")


def _show_items(screen: Screen, items: Sequence[object]) -> None:
    if screen.as_json:
        screen.data(items)
        return
    for item in items:
        screen.line(orjson.dumps(item, default=str, option=orjson.OPT_NON_STR_KEYS).decode())


def _show_flow(screen: Screen, flow: FlowControl) -> None:
    if screen.as_json:
        screen.data(flow)
        return
    columns = [Column("kind"), Column("key", shrinks=True), Column("what", shrinks=True), Column("jobs", shrinks=True)]
    screen.table(columns, list(_rows(flow)), "no keys are in use")


def _of_all_kinds(flow: FlowControl) -> Iterator[int]:
    counts = flow.counts
    yield from (counts.limited, counts.buffers, counts.debounced, counts.throttled, counts.deduplicated)


def _rows(flow: FlowControl) -> Iterator[list[object]]:
    for limited in flow.limited:
        what = f"{limited.running} of {limited.limit or '?'} run, {limited.waiting} wait"
        yield ["concurrency", limited.key, what, " ".join(limited.holders)]
    for buffer in flow.buffers:
        bytes_of_it = "" if buffer.size is None else f", {size(buffer.size)}"
        what = f"{buffer.count} items{bytes_of_it}, the first {ago(buffer.oldest_at)}, {until(buffer.due_at)}"
        yield ["collect", buffer.key, what, buffer.batch_id]
    for debounced in flow.debounced:
        yield ["debounce", debounced.key, until(debounced.due_at), debounced.job_id]
    for throttled in flow.throttled:
        yield ["throttle", throttled.key, f"{throttled.count} accepted, ends {until(throttled.until)}", ""]
    for held in flow.deduplicated:
        yield ["deduplicate", held.key, held.state, held.job_id]
