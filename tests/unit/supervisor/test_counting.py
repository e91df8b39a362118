"""A worker's event loop: by how much it was late, for as long as that is of interest."""

import pytest

from taskora.supervisor.counting import LoopLag
from taskora.supervisor.tallies import Tallies

BEAT_S = 0.1
SAMPLES = 100


def test_the_most_by_which_a_loop_was_late_is_told_for_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr("taskora.supervisor.counting.time.monotonic", lambda: now_s)
    area = Tallies(1).areas[0]
    lag = LoopLag(area, BEAT_S)
    for late_s in (0.0, 0.0, 3.0, 0.5):
        lag.turn()
        now_s += BEAT_S + late_s
    lag.turn()
    assert area.lag_s == pytest.approx(3.0)
    for _ in range(SAMPLES - 1):
        now_s += BEAT_S
        lag.turn()
    assert area.lag_s == pytest.approx(0.5)
    now_s += BEAT_S
    lag.turn()
    assert area.lag_s == pytest.approx(0.0)


def test_where_nobody_asks_nothing_is_measured() -> None:
    lag = LoopLag(None, BEAT_S)
    lag.turn()
    lag.turn()
