"""The application that the fleets of these tests run. ``LIMITS`` in the environment is where it stores and notes."""

import asyncio
import json
import os
from pathlib import Path

from support.evidence import Evidence
from taskora import Context, Defaults, Keep, Retention, SchedulerConfig, Stall, Taskora

KEYED = "keyed"
ALONE = "alone"
TAKES_S = 0.03


def make_app(url: str, prefix: str, folder: str) -> Taskora:
    """Two tasks that note when they run: one for jobs with a key, one that is a singleton."""
    app = Taskora(
        url,
        prefix=prefix,
        defaults=Defaults(stall=Stall(interval=0.5, max_count=50)),
        retention=Retention(completed=Keep(None, None), failed=Keep(None, None)),
        scheduler=SchedulerConfig(poll_interval=0.1),
    )
    evidence = Evidence(Path(folder))

    async def run(n: int, ctx: Context) -> int:
        evidence.note("start", ctx.task, n, ctx.id, ctx.attempt)
        await asyncio.sleep(TAKES_S)
        evidence.note("end", ctx.task, n, ctx.id, ctx.attempt)
        return n

    app.task(KEYED, run, concurrency=5, concurrency_limit=3)
    app.task(ALONE, run, concurrency=5, singleton=True)
    return app


if "LIMITS" in os.environ:
    taskora = make_app(**json.loads(os.environ["LIMITS"]))
