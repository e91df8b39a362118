"""The server's clock is set forward or back by six hours: nothing runs twice, no schedule fires in a storm, and what is
due by the clock is due by the new one."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.adapter.kit import TASK, Kit
from integration.engine.kit import Engine, working
from support import Server, find_binary, wait_until, wait_until_async
from taskora import Context, Defaults, ExpiredError, SchedulerConfig, Stall, Taskora
from taskora.model import Held

PATIENCE_S = 30.0
LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed: apt-get install libfaketime")
HOURS_S = 6 * 3600


class Clock:
    """The clock of one server; its monotonic clock goes on, as that of a host does whose time is set."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_text("+0")

    def set_off(self, seconds: int) -> None:
        whole = self._path.with_suffix(".new")
        whole.write_text(f"{seconds:+d}")
        whole.replace(self._path)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


@pytest.fixture
def odd_server(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    # Debian's redis-server hangs at its start with this library: its allocator asks for the time too early.
    if find_binary("valkey") is None:
        pytest.skip("valkey-server is not installed")
    with monkeypatch.context() as around:
        around.setitem(os.environ, "LD_PRELOAD", str(LIBRARY))
        around.setitem(os.environ, "FAKETIME_TIMESTAMP_FILE", str(tmp_path / "clock"))
        around.setitem(os.environ, "FAKETIME_NO_CACHE", "1")
        around.setitem(os.environ, "FAKETIME_DONT_FAKE_MONOTONIC", "1")
        server = Server("valkey").start()
    with server:
        yield server


@pytest.fixture
def engine(odd_server: Server, prefix: str) -> Iterator[Engine]:
    engine = Engine(odd_server.url, prefix)
    yield engine
    engine.close()


@pytest.fixture
def turn(engine: Engine, clock: Clock) -> Callable[[int], None]:
    """Sets the clock, and returns when the server shows it."""

    def to(seconds: int) -> None:
        before = int(engine.raw.time()[0])
        clock.set_off(seconds)
        wait_until(lambda: abs(int(engine.raw.time()[0]) - before) > HOURS_S / 2, PATIENCE_S)

    return to


def own(engine: Engine, name: str) -> str:
    return f"taskora:{engine.prefix}:{name}"


@pytest.mark.parametrize("jump_s", [HOURS_S, -HOURS_S], ids=["forward", "back"])
async def test_running_jobs_are_kept_and_new_ones_run(engine: Engine, turn: Callable[[int], None], jump_s: int) -> None:
    app = engine.app(scheduler=SchedulerConfig(poll_interval="50ms", lock_ttl="1s"), defaults=Defaults(lock_ttl=1))
    gate, runs = asyncio.Event(), list[str]()

    @app.task("held", concurrency=20, stall=Stall(interval="1500ms"))
    async def held(n: int, ctx: Context) -> int:
        runs.append(ctx.id)
        await gate.wait()
        return n

    @app.task("quick", stall=Stall(interval="1500ms"))
    async def quick(n: int) -> int:
        return n

    async with working(app):
        handles = await held.dispatch_many(range(10))
        await wait_until_async(lambda: len(runs) == 10, PATIENCE_S)
        # Marked by a sweep: without a lock the next one would take them.
        await wait_until_async(lambda: engine.raw.scard(engine.key("held", "stalled")) == 10, PATIENCE_S)
        turn(jump_s)
        assert await quick.dispatch(1).result_async(PATIENCE_S) == 1
        assert await quick.dispatch(2, delay=0.1).result_async(PATIENCE_S) == 2
        swept = engine.raw.get(engine.key("held", "swept"))
        await wait_until_async(lambda: engine.raw.get(engine.key("held", "swept")) != swept, PATIENCE_S)
        gate.set()
        assert [await handle.result_async(PATIENCE_S) for handle in handles] == list(range(10))
    assert len(runs) == 10
    assert len(set(runs)) == 10


async def test_locks_that_ran_out_by_a_leap_of_the_clock_may_be_renewed_before_a_sweep_takes_their_jobs(
    engine: Engine, turn: Callable[[int], None]
) -> None:
    kit = Kit(engine.url, engine.prefix)
    try:
        lane = kit.lane()
        await kit.add_many(3)
        jobs = await kit.claim(lane, 3)
        house, grace_ms = kit.adapter.house, 1
        assert await house.sweep(TASK, 1, grace_ms).run_async() == 0
        turn(HOURS_S)
        assert await house.sweep(TASK, 1, grace_ms).run_async() == 0
        held = [Held(job.task, job.job_id, job.token, job.processed_ms) for job in jobs[:2]]
        assert await kit.adapter.leases.extend(held, 30_000).run_async() == [1, 1]
        await wait_until_async(lambda: _sweep(kit, grace_ms), PATIENCE_S, "the third has no worker")
        assert kit.waiting() == [jobs[2].job_id]
        assert len(kit.active()) == 2
    finally:
        await kit.close()
        kit.raw.close()


async def _sweep(kit: Kit, grace_ms: int) -> bool:
    return await kit.adapter.house.sweep(TASK, 1, grace_ms).run_async() == 1


@pytest.mark.parametrize("on_missed", ["skip", "catch-up-limit:3"])
async def test_a_schedule_makes_up_for_what_its_policy_says_when_the_clock_is_set_forward(
    engine: Engine, turn: Callable[[int], None], on_missed: str
) -> None:
    app = engine.app(scheduler=SchedulerConfig(poll_interval="50ms", lock_ttl="1s"))
    runs = list[str]()

    @app.task("tick", concurrency=50)
    async def tick(ctx: Context) -> None:
        runs.append(ctx.id)

    app.schedule("hourly", task="tick", every="1h", overlap=True, on_missed=on_missed)
    async with working(app):
        await wait_until_async(lambda: engine.raw.zscore(own(engine, "schedules:next"), "hourly"), PATIENCE_S)
        assert not runs
        turn(HOURS_S)
        expected = 1 if on_missed == "skip" else 3
        await wait_until_async(lambda: len(runs) >= expected, PATIENCE_S)
        now_ms = int(engine.raw.time()[0]) * 1000
        await wait_until_async(lambda: engine.raw.zscore(own(engine, "schedules:next"), "hourly") > now_ms, PATIENCE_S)
        assert await _settled(app, "tick") == expected
    assert len(runs) == len(set(runs)) == expected


async def test_an_occurrence_is_not_repeated_when_the_clock_is_set_back(
    engine: Engine, turn: Callable[[int], None]
) -> None:
    app = engine.app(scheduler=SchedulerConfig(poll_interval="50ms", lock_ttl="1s"))
    runs = list[str]()

    @app.task("tick", concurrency=50)
    async def tick(ctx: Context) -> None:
        runs.append(ctx.id)

    app.schedule("often", task="tick", every="100ms", overlap=True)
    async with working(app):
        await wait_until_async(lambda: len(runs) >= 3, PATIENCE_S)
        turn(-HOURS_S)
        next_ms = engine.raw.zscore(own(engine, "schedules:next"), "often")
        await _settled(app, "tick")
        assert next_ms - int(engine.raw.time()[0]) * 1000 > HOURS_S * 500, "it waits for the time that it had reached"
        # Whoever will not wait declares it anew, or resumes it: it is counted from now.
        await app.schedules.pause_async("often")
        await app.schedules.resume_async("often")
        assert engine.raw.zscore(own(engine, "schedules:next"), "often") < int(engine.raw.time()[0]) * 1000 + 60_000
    assert len(runs) == len(set(runs))


async def test_what_is_delayed_or_expires_goes_by_the_new_time(engine: Engine, turn: Callable[[int], None]) -> None:
    app = engine.app(scheduler=SchedulerConfig(poll_interval="50ms", lock_ttl="1s"))

    @app.task("echo")
    async def echo(n: int) -> int:
        return n

    later = await echo.dispatch(1, delay="5h")
    much_later = await echo.dispatch(2, delay="7h")
    mortal = await echo.dispatch(3, delay="5h", ttl=5.5 * 3600)
    turn(HOURS_S)
    async with working(app):
        assert await later.result_async(PATIENCE_S) == 1
        with pytest.raises(ExpiredError):
            await mortal.result_async(PATIENCE_S)
        assert await much_later.state_async() == "delayed"


async def _settled(app: Taskora, task: str) -> int:
    """How many jobs of a task completed, once none is on its way."""

    async def idle() -> bool:
        stats = await app.inspect().stats_async(task)
        return not (stats.waiting or stats.active)

    await wait_until_async(idle, PATIENCE_S)
    return (await app.inspect().stats_async(task)).completed
