"""The search of the whole keyspace is slow on purpose: in pieces, with a pause behind each."""

import time
from typing import Any

from taskora.housekeeping.mender import Mender
from taskora.housekeeping.pace import Pace

PIECES = 5
PAUSE_S = 0.02


class Piece:
    """One piece of the keyspace, in which nothing is found."""

    def __init__(self, following: int) -> None:
        self._following = following

    async def run_async(self) -> tuple[int, list[str]]:
        return self._following, []


class Keyspace:
    """It notes when which piece of it is read, and how large that is."""

    def __init__(self) -> None:
        self.read: list[tuple[int, int]] = []
        self.at_s: list[float] = []

    def running_workflows(self, cursor: int, count: int) -> Piece:
        self.read.append((cursor, count))
        self.at_s.append(time.monotonic())
        return Piece((cursor + 1) % PIECES)


async def test_a_search_of_the_keyspace_rests_behind_each_piece() -> None:
    keyspace: Any = Keyspace()
    pace = Pace(mend_pause_s=PAUSE_S, mend_keys=7, mend_s=9.0)
    assert await Mender(keyspace, pace).round() == 9.0
    assert keyspace.read == [(cursor, 7) for cursor in range(PIECES)]
    gaps_s = [later - earlier for earlier, later in zip(keyspace.at_s, keyspace.at_s[1:], strict=False)]
    assert min(gaps_s) > 0.9 * PAUSE_S


def test_the_usual_pace_costs_a_server_little() -> None:
    pace = Pace()
    assert pace.mend_keys <= 1000
    assert pace.mend_pause_s >= 0.05
    assert pace.mend_s >= 60
