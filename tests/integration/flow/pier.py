"""The program of a worker that collects: started by a test with a server's URL, a prefix and the evidence's file."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from support.evidence import Evidence
from taskora import Collect, CollectFunctionTask, Context, Defaults, Keep, Retention, SchedulerConfig, Stall, Taskora

KEYS = 5


def key_of(item: int) -> str:
    """Say which of five buffers an item goes to."""
    return f"pier-{item % KEYS}"


def make_app(url: str, prefix: str, evidence: Evidence) -> tuple[Taskora, CollectFunctionTask[int, int, ..., Any]]:
    """Make the application; all processes and the test have the same."""
    app = Taskora(
        url,
        prefix=prefix,
        defaults=Defaults(lock_ttl=1, stall=Stall(interval=0.3, max_count=20), concurrency=4),
        retention=Retention(completed=Keep(None, None)),
        scheduler=SchedulerConfig(poll_interval=0.1, lock_ttl=1),
    )

    @app.task("load", collect=Collect(key_of, "40ms", max_size=40, max_wait="300ms"))
    async def load(items: list[int], ctx: Context) -> int:
        evidence.note("start", "load", ctx.id, ctx.id, ctx.attempt)
        for item in items:
            evidence.note("item", "load", item, ctx.id, ctx.attempt)
        await asyncio.sleep(0.03)
        evidence.note("end", "load", ctx.id, ctx.id, ctx.attempt)
        return len(items)

    return app, load


if __name__ == "__main__":
    make_app(sys.argv[1], sys.argv[2], Evidence(Path(sys.argv[3])))[0].run(drain_timeout=5)
