"""All tasks and workers at a glance: read in a few round trips, and laid out for a terminal of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from taskora.adapters.vitals_store import Throughput
from taskora.amounts import size, span
from taskora.app import Taskora
from taskora.call import Gathered
from taskora.model import QueueStats, WorkerRecord

from .table import Column, fit, render

_MINUTES: Final = 2
_TASKS: Final = (
    Column("task", shrinks=True), Column("waiting", "right"), Column("active", "right"), Column("delayed", "right"),
    Column("retrying", "right"), Column("failed", "right"), Column("done/s", "right"), Column("failed/s", "right"),
)  # fmt: skip
_WORKERS: Final = (
    Column("host", shrinks=True), Column("pid", "right"), Column("role", shrinks=True), Column("active", "right"),
    Column("done", "right"), Column("failed", "right"), Column("memory", "right"), Column("up", "right"),
)  # fmt: skip
_AROUND: Final = 5  # lines that are neither a task nor a worker: the summary, two headings, two gaps


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task now.

    Attributes:
        task: Its name.
        stats: Its jobs by state.
        completed_per_s: Jobs that completed a second, over this minute and the one before.
        failed_per_s: Jobs that failed for good, the same way.
        cancelled_per_s: Jobs that were cancelled, the same way.
        expired_per_s: Jobs that no worker took in time, the same way.
    """

    task: str
    stats: QueueStats
    completed_per_s: float
    failed_per_s: float
    cancelled_per_s: float = 0.0
    expired_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at one moment.

    Attributes:
        at: When; aware UTC.
        tasks: The busiest first.
        workers: By host and process.
    """

    at: datetime
    tasks: Sequence[TaskLine]
    workers: Sequence[WorkerRecord]


def look(app: Taskora) -> Overview:
    """Read it. The cost grows with the number of tasks and workers, not with that of jobs.

    Raises:
        AdapterError: The server does not answer, or refuses.
    """
    inspector = app.inspect()
    stats = inspector.stats_by_task()
    ended = Gathered([app.adapter.vitals.throughput([task], 1, _MINUTES) for task in stats]).run()
    now = datetime.now(UTC)
    lines = [
        TaskLine(task, counts, *_rates(minutes, now))
        for (task, counts), minutes in zip(stats.items(), ended, strict=True)
    ]
    lines.sort(key=lambda line: (-line.stats.active, -line.stats.waiting, -line.completed_per_s, line.task))
    return Overview(now, lines, sorted(inspector.workers(), key=lambda worker: (worker.host, worker.role, worker.pid)))


def _rates(minutes: Sequence[Throughput], now: datetime) -> tuple[float, float, float, float]:
    # By the server's clock, which may be ahead of this one, or behind.
    least_s, most_s = 60 * (_MINUTES - 1), 60 * _MINUTES
    seconds = min(max((now - minutes[0].at).total_seconds(), least_s), most_s)
    return (
        sum(one.completed for one in minutes) / seconds,
        sum(one.failed for one in minutes) / seconds,
        sum(one.cancelled for one in minutes) / seconds,
        sum(one.expired for one in minutes) / seconds,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the terminal; a heading stands out where there are colours."""

    text: str
    heading: bool = False


def lay_out(overview: Overview, width: int | None, height: int | None) -> list[Line]:
    """Lay it out as lines, none wider than the terminal and no more than it has; None for no limit."""
    tasks, workers = _shares(len(overview.tasks), len(overview.workers), height)
    lines = [
        Line(_summary(overview), heading=True),
        Line(""),
        *_table(_TASKS, [_task(line) for line in overview.tasks], tasks, width, "no worker has published a task yet"),
        Line(""),
        *_table(_WORKERS, [_worker(one, overview.at) for one in overview.workers], workers, width, "no workers"),
    ]
    cut = lines if width is None else [Line(fit(line.text, width), line.heading) for line in lines]
    return cut if height is None else cut[:height]


def _shares(tasks: int, workers: int, height: int | None) -> tuple[int | None, int | None]:
    """How many lines each table gets: what one does not need, the other has."""
    if height is None:
        return None, None
    room = max(2, height - _AROUND)
    half = room // 2
    return max(room - half, room - workers), max(half, room - tasks)


def _table(
    columns: Sequence[Column], rows: Sequence[Sequence[object]], most: int | None, width: int | None, empty: str
) -> list[Line]:
    if not rows:
        return [Line(empty)]
    left_out = 0 if most is None or len(rows) <= most else len(rows) - max(1, most - 1)
    heading, *body = render(columns, rows[: len(rows) - left_out], width)
    more = [Line(f"… and {left_out} more")] if left_out else []
    return [Line(heading, heading=True), *(Line(text) for text in body), *more]


def _summary(overview: Overview) -> str:
    stats = [line.stats for line in overview.tasks]
    # Eighty columns have no room for two more, and mostly there is nothing to tell.
    rarer = {
        "cancelled": sum(line.cancelled_per_s for line in overview.tasks),
        "expired": sum(line.expired_per_s for line in overview.tasks),
    }
    ended = "".join(f"{_rate(per_s)} {name}/s, " for name, per_s in rarer.items() if per_s)
    leads = next((f"leader {one.host}:{one.pid}" for one in overview.workers if one.leader), "no leader")
    return (
        f"{overview.at:%H:%M:%S} UTC  {_short(sum(one.waiting for one in stats))} waiting, "
        f"{_short(sum(one.active for one in stats))} active, "
        f"{_rate(sum(line.completed_per_s for line in overview.tasks))} done/s, {ended}"
        f"{sum(one.role == 'worker' for one in overview.workers)} workers, {leads}"
    )


def _task(line: TaskLine) -> list[object]:
    stats = line.stats
    # As stored, what retries is part of what is delayed.
    counts = (stats.waiting, stats.active, max(0, stats.delayed - stats.retrying), stats.retrying, stats.failed)
    return [line.task, *(_short(count) for count in counts), _rate(line.completed_per_s), _rate(line.failed_per_s)]


def _worker(worker: WorkerRecord, now: datetime) -> list[object]:
    return [
        worker.host, worker.pid, f"{worker.role}, leads" if worker.leader else worker.role, _short(worker.active),
        _short(worker.done), _short(worker.failed), size(worker.rss),
        span(max(0.0, (now - worker.started_at).total_seconds())),
    ]  # fmt: skip


def _short(count: int) -> str:
    """A number in at most six characters."""
    if count < 100_000:
        return str(count)
    return f"{count // 1000}k" if count < 10_000_000 else f"{count // 1_000_000}M"


def _rate(per_s: float) -> str:
    if per_s == 0:
        return "0"
    return f"{per_s:.2f}" if per_s < 10 else _short(round(per_s))
