"""The fleet in words: one line for systemd, a table for SIGUSR1."""

from __future__ import annotations

import time
from typing import Final

from .children import Child
from .fleet import Fleet
from .memory import resident_bytes
from .retirement import NS

_HEADINGS: Final = (
    "slot",
    "pid",
    "gen",
    "state",
    "age_s",
    "beat_ms",
    "active",
    "done",
    "failed",
    "memory_mb",
    "restarts",
    "last",
)


def line(fleet: Fleet) -> str:
    """For example `3/4 ready, 12 jobs running`."""
    active = sum(child.beat.active for child in fleet.workers())
    what = "draining" if fleet.stopping else f"{fleet.ready_count()}/{len(fleet.posts)} ready"
    return f"{what}, {active} jobs running"


def table(fleet: Fleet) -> str:
    """Every process, a row each; empty posts too."""
    rows: list[tuple[str, ...]] = [_HEADINGS, *(_row(fleet, child) for child in fleet.children())]
    for post in fleet.posts.values():
        if post.wants_child:
            wait_s = max(0.0, (post.restart_at_ns - time.monotonic_ns()) / NS)
            rows.append((str(post.slot), "-", "-", f"waits {wait_s:.1f} s", *("-",) * 6, *_history(fleet, post.slot)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(fleet: Fleet, child: Child) -> tuple[str, ...]:
    now_ns = time.monotonic_ns()
    beat = child.beat
    used = resident_bytes(child.process.pid)
    return (
        str(child.order.slot) if child.order.role == "worker" else "steward",
        str(child.process.pid),
        str(child.order.generation),
        state(child),
        str((now_ns - child.started_ns) // NS),
        str((now_ns - beat.beat_ns) // 1_000_000),
        str(beat.active),
        str(beat.done),
        str(beat.failed),
        "-" if used is None else str(used // 1_000_000),
        *_history(fleet, child.order.slot),
    )


def state(child: Child) -> str:
    """starting, ready, draining, stuck, or doomed."""
    if child.sentence is not None:
        return f"doomed ({child.sentence.cause})"
    if child.retirement is not None:
        return f"draining ({child.retirement.reason})"
    return child.beat.state.name.lower()


def _history(fleet: Fleet, slot: int) -> tuple[str, str]:
    if slot < 0:
        return ("-", "-")
    record = fleet.beats.record(slot)
    return (str(record.restarts), record.last_cause or "-")
