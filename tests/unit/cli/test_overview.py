"""What `taskora top` shows fits its terminal."""

from datetime import UTC, datetime, timedelta

import pytest

from taskora import QueueStats, WorkerRecord
from taskora.cli.overview import Overview, TaskLine, lay_out
from taskora.cli.table import width_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def stats(waiting: int) -> QueueStats:
    return QueueStats(waiting=waiting, active=3, delayed=5, retrying=2, failed=1)


def worker(number: int, *, leader: bool = False) -> WorkerRecord:
    return WorkerRecord(
        id=f"w{number}", role="steward" if leader else "worker", host="a-host-with-a-long-name.example.org",
        pid=4_000_000 + number, tasks=("a",), active=1, done=123_456_789, failed=12, rss=200_000_000,
        started_at=NOW - timedelta(hours=50), seen_at=NOW, version="1", leader=leader, extra={},
    )  # fmt: skip


def overview(tasks: int, workers: int) -> Overview:
    lines = [TaskLine(f"a-task-with-quite-a-long-name-{at}", stats(123_456_789), 1234.5, 0.25) for at in range(tasks)]
    return Overview(NOW, lines, [worker(at, leader=at == 0) for at in range(workers)])


@pytest.mark.parametrize(("tasks", "workers"), [(0, 0), (1, 1), (3, 40), (40, 3), (40, 40)])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 10), (40, 24), (20, 3), (200, 60)])
def test_nothing_is_wider_or_longer_than_the_terminal(tasks: int, workers: int, width: int, height: int) -> None:
    lines = lay_out(overview(tasks, workers), width, height)
    assert len(lines) <= height
    assert max(width_of(line.text) for line in lines) <= width


def test_eighty_columns_are_enough_for_all_figures() -> None:
    text = "\n".join(line.text for line in lay_out(overview(1, 1), 80, 24))
    for figure in ("123M", "1234", "0.25", "190.7 MiB", "4000000", "2.1 d", "steward, leads", "failed/s".upper()):
        assert figure in text


def test_what_retries_is_not_counted_as_delayed_as_well() -> None:
    line = next(line.text for line in lay_out(overview(1, 0), 80, None) if line.text.startswith("a-task"))
    assert line.split()[1:6] == ["123M", "3", "3", "2", "1"]


def test_what_was_cancelled_or_expired_is_told_of_when_there_is_any() -> None:
    (quiet, *_) = lay_out(overview(2, 0), 80, None)
    assert "cancelled" not in quiet.text
    assert "expired" not in quiet.text
    lines = [TaskLine("a", stats(1), 2.0, 0.0, cancelled_per_s=0.5), TaskLine("b", stats(1), 1.0, 0.0, 0.25, 12.0)]
    (told, *_) = lay_out(Overview(NOW, lines, []), 200, None)
    assert "3.00 done/s, 0.75 cancelled/s, 12 expired/s, 0 workers" in told.text


def test_what_is_left_out_is_counted_and_one_table_leaves_its_lines_to_the_other() -> None:
    text = [line.text for line in lay_out(overview(3, 40), 80, 24)]
    assert sum(line.startswith("a-task") for line in text) == 3
    shown = sum(line.startswith("a-host") for line in text)
    assert shown > 10
    assert f"… and {40 - shown} more" in text


def test_an_empty_system_says_so() -> None:
    text = [line.text for line in lay_out(overview(0, 0), 80, 24)]
    assert "no worker has published a task yet" in text
    assert "no workers" in text
