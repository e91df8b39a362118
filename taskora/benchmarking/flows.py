"""How fast workflows advance."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from taskora.workflows import Bound, chord

from .stage import Stage
from .tally import Tally, settle

_CONCURRENCY: Final = 100
_LINKS: Final = 10
_HEADER: Final = 100


def chains(stage: Stage) -> Mapping[str, float]:
    """Run chains of ten steps, all at once; jobs a second."""
    return {"chain-10": asyncio.run(_chains(stage))}


def chords(stage: Stage) -> Mapping[str, float]:
    """Run chords of a hundred and their callbacks, all at once; jobs a second."""
    return {"chord-100": asyncio.run(_chords(stage))}


async def _chains(stage: Stage) -> float:
    count = stage.many(300)
    jobs = count * _LINKS
    app = stage.app()
    tally = Tally(jobs)

    @app.task("step", concurrency=_CONCURRENCY)
    async def step(value: int) -> int:
        tally.add()
        return value + 1

    try:
        flow: Bound[int] = step.s(0)
        for _ in range(_LINKS - 1):
            flow = flow | step.s()
        handles = [flow.dispatch() for _ in range(count)]
        for handle in handles:
            await handle
        await app.start()
        await tally.reached()
        ended_s = await settle(app, "step", jobs)
    finally:
        await app.close_async()
    return jobs / (ended_s - tally.first_s)


async def _chords(stage: Stage) -> float:
    count = stage.many(30)
    jobs = count * (_HEADER + 1)
    app = stage.app()
    tally = Tally(jobs)

    @app.task("part", concurrency=_CONCURRENCY)
    async def part(value: int) -> int:
        tally.add()
        return value

    @app.task("whole", concurrency=_CONCURRENCY)
    async def whole(values: list[int]) -> int:
        tally.add()
        return sum(values)

    try:
        handles = [chord([part.s(value) for value in range(_HEADER)], whole.s()).dispatch() for _ in range(count)]
        for handle in handles:
            await handle
        await app.start()
        await tally.reached()
        await settle(app, "part", count * _HEADER)
        ended_s = await settle(app, "whole", count)
    finally:
        await app.close_async()
    return jobs / (ended_s - tally.first_s)
