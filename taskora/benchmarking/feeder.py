"""Sends jobs from a process of its own: `python -m taskora.benchmarking.feeder`, with a stage's environment."""

from __future__ import annotations

import argparse
import time
from typing import Final

from .dispatching import sender
from .stage import app_from_environment

GAP_S: Final = 0.005
_LOAD_STEP_S: Final = 0.002


def main() -> None:
    """Send what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, help="Send so many single jobs, each with the time, some ms apart.")
    parser.add_argument("--load", type=float, help="Send so many jobs a second until this process is ended.")
    options = parser.parse_args()
    if options.ticks:
        send_ticks(options.ticks)
    else:
        send_load(options.load)


def send_ticks(count: int) -> None:
    """Send single jobs whose payload is the time at which they are dispatched."""
    app = app_from_environment()

    @app.task("tick")
    def tick(_: object) -> None:
        return

    for _ in range(count):
        tick.dispatch(time.perf_counter())
        time.sleep(GAP_S)
    app.close()


def send_load(rate: float) -> None:
    """Send jobs at an even rate, a few in each call, for ever."""
    echo = sender(app_from_environment())
    sent, start_s = 0, time.perf_counter()
    while True:
        due = int((time.perf_counter() - start_s) * rate)
        if due > sent:
            echo.dispatch_many([{"i": number} for number in range(sent, due)])
            sent = due
        time.sleep(_LOAD_STEP_S)


if __name__ == "__main__":
    main()
