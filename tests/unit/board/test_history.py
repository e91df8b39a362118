"""Charts of what was done today."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import taskora.board
from taskora import Throughput
from taskora.board.history import throughput_chart

AT = datetime(2026, 1, 2, 3, tzinfo=UTC)


def test_a_quarter_of_an_hour_tells_of_every_way_in_which_jobs_ended() -> None:
    drawn = throughput_chart([Throughput(AT, 7, 1, 2, 3), Throughput(AT + timedelta(minutes=15), 0, 0, 0, 4)])
    assert "7 completed, 1 failed, 2 cancelled, 3 expired" in drawn
    assert "expired: 4 last, at most 4." in drawn
    style = (Path(taskora.board.__file__).parent / "static/drawing.css").read_text(encoding="utf-8")
    for name in ("completed", "failed", "cancelled", "expired"):
        assert f'class="fill-{name}"' in drawn
        assert f".fill-{name} {{" in style


def test_a_day_in_which_all_was_cancelled_is_not_an_empty_one() -> None:
    assert "No job ended" in throughput_chart([Throughput(AT, 0, 0)])
    assert "2 cancelled" in throughput_chart([Throughput(AT, 0, 0, 2)])
