"""What waiting jobs take on the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .dispatching import sender
from .stage import Stage

_A_CALL: Final = 500


def waiting_bytes(stage: Stage) -> Mapping[str, float]:
    """Store jobs with a small payload; bytes that each takes, its places in lists included, the events not."""
    jobs = stage.many(20_000, 100)
    app = stage.app()
    echo = sender(app)
    try:
        echo.dispatch({"i": 0})  # what is there once is there before
        inspector = app.inspect()
        before = inspector.server().used_memory - _events_memory(stage)
        for first in range(0, jobs, _A_CALL):
            echo.dispatch_many([{"i": number} for number in range(first, min(first + _A_CALL, jobs))])
        after = inspector.server().used_memory - _events_memory(stage)
    finally:
        app.close()
    return {"waiting-bytes": (after - before) / jobs}


def _events_memory(stage: Stage) -> int:
    app = stage.app()
    try:
        return sum(facts.memory for facts in app.inspect().keys("echo") if facts.name == "events")
    finally:
        app.close()
