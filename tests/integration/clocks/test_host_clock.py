"""The clock of a worker's host is set, or its process is frozen and thawed: the server's time rules."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.engine.kit import Engine, echo_of
from support import Spawn, script, wait_until
from taskora import Taskora

PATIENCE_S = 40.0
WORKER = """
import logging, os, sys, time

import redis

from taskora import Context, SchedulerConfig, Stall, Taskora

logging.basicConfig(level="INFO", format="%(message)s")
url, prefix, off = sys.argv[1:]
real_time, real_ns = time.time, time.time_ns

def set_clock(seconds: float) -> None:
    time.time = lambda: real_time() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)

app = Taskora(url, prefix=prefix, scheduler=SchedulerConfig(poll_interval="50ms", lock_ttl="700ms"))
raw = redis.Redis.from_url(url)

@app.task("echo", concurrency=5, stall=Stall(interval="300ms"))
async def echo(n: int) -> int:
    if n == 0:
        set_clock(float(off))
    return n

@app.task("tick", concurrency=20)
def tick(ctx: Context) -> None:
    raw.rpush(f"ran:{prefix}", ctx.id)

app.schedule("often", task="tick", every="100ms", overlap=True, on_missed="catch-up")
app.run(drain_timeout=5)
"""


@pytest.mark.parametrize("off_s", [6 * 3600, -6 * 3600], ids=["forward", "back"])
def test_setting_a_hosts_clock_changes_nothing(
    engine: Engine, app: Taskora, spawn: Spawn, tmp_path: Path, off_s: int
) -> None:
    echo = echo_of(app, "echo")
    worker = spawn([*script(WORKER, tmp_path), engine.url, engine.prefix, str(off_s)])
    assert echo.dispatch(0).result(PATIENCE_S) == 0  # from here on its clock is wrong
    ran = f"ran:{engine.prefix}"
    before = engine.raw.llen(ran)
    assert echo.dispatch(1, delay=0.2).result(PATIENCE_S) == 1
    assert echo.dispatch(2, ttl="20s").result(PATIENCE_S) == 2
    far = echo.dispatch(3, delay="5h")
    wait_until(lambda: engine.raw.llen(ran) >= before + 5, PATIENCE_S, "the schedule stands still")
    assert far.state() == "delayed"
    fires = engine.raw.lrange(ran, 0, -1)
    assert len(fires) == len(set(fires))
    # Each 100 ms, by the server's time: neither a storm nor a pause.
    began_ms = min(int(job_id.replace("-", "")[:12], 16) for job_id in fires)
    now_ms = int(engine.raw.time()[0]) * 1000
    assert len(fires) <= (now_ms + 1000 - began_ms) / 100 + 2
    assert app.inspect().workers()
    worker.terminate()
    assert worker.wait(PATIENCE_S) == 0


def test_a_leader_that_was_frozen_past_its_lease_fires_nothing_again_when_it_is_thawed(
    engine: Engine, app: Taskora, spawn: Spawn, tmp_path: Path
) -> None:
    echo_of(app, "echo")
    ran, lock = f"ran:{engine.prefix}", f"taskora:{engine.prefix}:schedules:lock"
    command = [*script(WORKER, tmp_path), engine.url, engine.prefix, "0"]

    def ran_more(than: int) -> Callable[[], bool]:
        return lambda: engine.raw.llen(ran) >= than + 5

    frozen = spawn(command)
    wait_until(ran_more(0), PATIENCE_S)
    leader = engine.raw.get(lock)
    frozen.send_signal(signal.SIGSTOP)
    successor = spawn(command)
    wait_until(lambda: engine.raw.get(lock) not in (None, leader), PATIENCE_S, "nobody took the lead")
    wait_until(ran_more(engine.raw.llen(ran)), PATIENCE_S, "the successor does not fire")
    frozen.send_signal(signal.SIGCONT)
    frozen.wait_for_log("no longer leading", PATIENCE_S)
    wait_until(ran_more(engine.raw.llen(ran)), PATIENCE_S)
    fires = engine.raw.lrange(ran, 0, -1)
    assert len(fires) == len(set(fires)), "an occurrence ran twice"
    assert engine.raw.get(lock) != leader
    for program in (frozen, successor):
        program.terminate()
        assert program.wait(PATIENCE_S) == 0
