"""Leaders and stewards that are to die."""

import asyncio
import time
from typing import Any, cast

from faults.app import EVERY_MS, Settings
from faults.stage import VICTIM, Stage, housekeeper, load
from support import forever, wait_until_async
from taskora import Schedule, Taskora, chain, group
from taskora.model import Want
from taskora.schedules.changes import declaration
from taskora.supervisor.beats import Beat, State
from taskora.supervisor.steward import SilenceWatch

GHOST = "elsewhere:1:ghost"  # a worker of which nothing is left but what it held
_HOUR_MS = 3_600_000


def rule(app: Taskora, settings: Settings) -> None:
    """Lead until it dies."""

    async def run() -> None:
        await housekeeper(app, VICTIM).start()
        await forever()

    asyncio.run(run())


def rule_and_resign(app: Taskora, settings: Settings) -> None:
    """Lead for a while, and end."""

    async def run() -> None:
        leader = housekeeper(app, VICTIM)
        await leader.start()
        await wait_until_async(lambda: leader.is_leader)
        await leader.stop()

    asyncio.run(run())


def scheduled(stage: Stage) -> None:
    """A schedule that is due in a while."""
    _declare(stage, int(time.time() * 1000) + _HOUR_MS)


def overdue(stage: Stage) -> None:
    """A schedule that missed some occurrences."""
    now_ms = int(time.time() * 1000)
    _declare(stage, now_ms - now_ms % EVERY_MS - 3 * EVERY_MS)


def _declare(stage: Stage, next_ms: int) -> None:
    schedule = Schedule(every=EVERY_MS / 1000, overlap=True, on_missed="catch-up")
    stage.run_calls(declaration(stage.app.adapter.schedules, "tick", "tick", schedule, None))
    stage.raw.zadd(stage.keys.own("schedules:next"), {"tick": next_ms})


def has_fired(stage: Stage) -> bool:
    """Whether it has caught up."""
    next_ms: float | None = stage.raw.zscore(stage.keys.own("schedules:next"), "tick")
    return next_ms is not None and next_ms > time.time() * 1000 - EVERY_MS / 2


def held(stage: Stage) -> None:
    """Jobs that a worker claimed which is silent or dead."""
    stage.promise("quick", load(1), load(2))
    asyncio.run(_hold(stage.app, 5000))


def vanished(stage: Stage) -> None:
    """Jobs of a worker that vanished, whose locks have run out."""
    stage.promise("quick", load(1), load(2))
    asyncio.run(_hold(stage.app, 1))


async def _hold(app: Taskora, lock_ttl_ms: int) -> None:
    lane = app.adapter.leases.lane(GHOST, ["quick"], lock_ttl_ms, lambda task: ())
    reply = await lane.step([], [Want("quick", 2)])
    assert len(reply.jobs) == 2
    await lane.close()
    await app.close_async()


def outdated(stage: Stage) -> None:
    """Ended jobs and workflows, and a process that ended without a word."""
    quick, square, pass_on = stage.task("quick"), stage.task("square"), stage.task("pass-on")
    for _ in range(3):
        quick.dispatch(load(1), delay=30).cancel("not now")
    flow = cast("Any", chain(square.s(load(1)), pass_on.s()))
    flow.dispatch().cancel("not now")
    stage.raw.zadd(stage.keys.own("workers"), {"elsewhere:2:gone": 1})


def is_trimmed(stage: Stage) -> bool:
    """Whether the registry is right again; what the victim left of the rest may stay."""
    return "elsewhere:2:gone" not in stage.raw.zrange(stage.keys.own("workers"), 0, -1)


def broken(stage: Stage) -> None:
    """A workflow whose root got lost."""
    square, pass_on = stage.task("square"), stage.task("pass-on")
    flow = cast("Any", chain(square.s(load(3)), pass_on.s()))
    stage.ledger.flow(flow.dispatch().workflow_id, "chain", 10)
    base = stage.keys.task("square")
    job = stage.raw.rpop(f"{base}:wait")
    stage.raw.delete(f"{base}:{job}")


def overdue_flow(stage: Stage) -> None:
    """A workflow whose time is over."""
    square = stage.task("square")
    flow: Any = group([square.s(load(key)) for key in range(120)])
    flow.dispatch(ttl=0.001)


def recover(app: Taskora, settings: Settings) -> None:
    """Recover the jobs of a worker that died."""
    _recover(app)


def recover_again(stage: Stage) -> None:
    """Whoever follows the steward is told of the same death."""
    stage.recover(GHOST)


def _recover(app: Taskora) -> None:
    tasks = dict.fromkeys(app.tasks, 0)
    app.adapter.leases.recover(GHOST, tasks, cause="signal:9", charged=True, max_crashes=3).run()


def watch_silent(app: Taskora, settings: Settings) -> None:
    """Keep a silent worker from claiming, and its locks alive."""

    async def run() -> None:
        # Long enough silent that its locks are to be renewed, by a deadline that explains it.
        beat = _beat(time.monotonic_ns() - 2_000_000_000)
        while True:
            await _watch(app).look([beat])

    asyncio.run(run())


def let_go_on(stage: Stage) -> None:
    """It beats again, and its steward's successor lets it go on; then it dies."""

    async def run() -> None:
        await _watch(stage.app).look([_beat(time.monotonic_ns())])
        await stage.app.close_async()

    asyncio.run(run())
    fence = f"{stage.keys.task('quick')}:fence:{GHOST}"
    assert not stage.raw.hexists(fence, "halt")
    stage.recover(GHOST)


def _watch(app: Taskora) -> SilenceWatch:
    return SilenceWatch(app.adapter, list(app.tasks), 5000, 10_000_000_000)


def _beat(beat_ns: int) -> Beat:
    return Beat(
        cell=0, slot=0, role="worker", generation=1, pid=1, start_ticks=0, worker=GHOST, state=State.READY,
        beat_ns=beat_ns, active=2, done=0, failed=0, hang_deadline_ns=beat_ns + 60_000_000_000, doomed=False,
        wants_end=False, started_ns=0,
    )  # fmt: skip


def led(stage: Stage) -> None:
    """A lead that nobody has given up."""
    stage.run_calls(stage.app.adapter.house.lead(GHOST, 60_000))


def follow(app: Taskora, settings: Settings) -> None:
    """Give it up for its owner."""
    app.adapter.house.resign(GHOST).run()


def follow_again(stage: Stage) -> None:
    """So does the steward after that one."""
    stage.run_calls(stage.app.adapter.house.resign(GHOST))
