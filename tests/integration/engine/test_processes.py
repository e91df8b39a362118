"""Forks, exits and signals: each process uses its own connections, and a worker on its own drains."""

import signal
from pathlib import Path

from integration.engine.kit import Engine, echo_of
from support import Server, Spawn, script, wait_until

FORK = """
import os, sys, threading
from taskora import Taskora

app = Taskora(sys.argv[1], prefix=sys.argv[2])

@app.task("double")
def double(n: int) -> int:
    return n * 2

def check(n: int) -> None:
    handles = [double.dispatch(n + at) for at in range(20)]
    assert [handle.result(10) for handle in handles] == [2 * (n + at) for at in range(20)]

check(0)
children = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            check(100 * number)
            if number == 0:
                inner = os.fork()
                if inner == 0:
                    check(7)
                    app.close()
                    os._exit(0)
                assert os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]) == 0
            app.close()
            status = 0
        finally:
            os._exit(status)
    children.append(pid)
check(1000)
for pid in children:
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
check(2000)
app.close()
assert threading.active_count() == 1, threading.enumerate()
print("all well")
"""

LOOP_FORK = """
import asyncio, os, sys
from taskora import Taskora

app = Taskora(sys.argv[1], prefix=sys.argv[2])
double = app.task("double", lambda n: n)

async def main(n):
    try:
        handles = await double.dispatch_many(range(n, n + 20))
        assert [await handle.result_async(10) for handle in handles] == [2 * at for at in range(n, n + 20)]
    finally:
        await app.close_async()

asyncio.run(main(0))
pid = os.fork()
if pid == 0:
    asyncio.run(main(100))
    os._exit(0)
asyncio.run(main(200))
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
print("all well")
"""

WORKER = """
import sys, time, asyncio
from taskora import Taskora

app = Taskora(sys.argv[1], prefix=sys.argv[2])

@app.task("double", concurrency=10)
async def double(n: int) -> int:
    return n * 2

@app.task("slow")
async def slow(seconds: float) -> str:
    print("slow began", flush=True)
    await asyncio.sleep(seconds)
    return "done"

@app.task("busy")
def busy(seconds: float) -> str:
    print("busy began", flush=True)
    time.sleep(seconds)
    return "done"

app.task("started", lambda: None)
app.run(drain_timeout=float(sys.argv[3]))
print("ended well", flush=True)
"""

UNSENT = """
import asyncio, sys
from taskora import Taskora

app = Taskora(sys.argv[1], prefix=sys.argv[2])
task = app.task("unsent", lambda n: n)

async def main():
    for n in range(5):
        task.dispatch(n)

asyncio.run(main())
app.close()
"""

CLOSED = """
import asyncio, gc, sys, threading
from taskora import Taskora

app = Taskora(sys.argv[1], prefix=sys.argv[2])

@app.task("one", concurrency=5)
async def one(n: int) -> int:
    return n

@app.task("two", concurrency=5)
def two(n: int) -> int:
    return n

async def main():
    await app.start()
    for task in (one, two):
        assert [await h.result_async(10) for h in await task.dispatch_many(range(50))] == list(range(50))
    h = one.dispatch(1)
    assert await asyncio.to_thread(h.result, 5) == 1
    await app.close_async()
    assert asyncio.all_tasks() == {asyncio.current_task()}, asyncio.all_tasks()

asyncio.run(main())
gc.collect()
threads = [thread for thread in threading.enumerate() if thread.name.startswith("taskora")]
for thread in threads:
    thread.join(5)
assert not [thread.name for thread in threads if thread.is_alive()]
print("all well")
"""


def test_a_fork_after_use_is_safe_in_plain_code(engine: Engine, spawn: Spawn, tmp_path: Path) -> None:
    worker = spawn([*script(WORKER, tmp_path, "worker"), engine.url, engine.prefix, "10"])
    program = spawn([*script(FORK, tmp_path, "forks"), engine.url, engine.prefix], {"PYTHONWARNINGS": "error"})
    assert program.wait(40) == 0, program.log()
    assert "all well" in program.log()
    assert "Warning" not in program.log(), program.log()
    worker.terminate()
    assert worker.wait(10) == 0


def test_a_fork_between_two_loops_is_safe(engine: Engine, spawn: Spawn, tmp_path: Path) -> None:
    worker = spawn([*script(WORKER, tmp_path, "worker"), engine.url, engine.prefix, "10"])
    program = spawn([*script(LOOP_FORK, tmp_path, "forks"), engine.url, engine.prefix], {"PYTHONWARNINGS": "error"})
    assert program.wait(40) == 0, program.log()
    assert "Warning" not in program.log(), program.log()
    worker.terminate()
    assert worker.wait(10) == 0


def test_a_program_that_ends_right_after_its_dispatches_has_stored_them(
    engine: Engine, spawn: Spawn, tmp_path: Path
) -> None:
    program = spawn([*script(UNSENT, tmp_path, "unsent"), engine.url, engine.prefix], {"PYTHONWARNINGS": "error"})
    assert program.wait(20) == 0, program.log()
    assert engine.raw.llen(engine.key("unsent", "wait")) == 5
    assert "Traceback" not in program.log()


def test_closing_leaves_no_connection_thread_or_warning(
    server: Server, engine: Engine, spawn: Spawn, tmp_path: Path
) -> None:
    engine.raw.ping()
    argv = script(CLOSED, tmp_path, "closed")
    program = spawn([argv[0], "-X", "dev", argv[1], engine.url, engine.prefix], {"PYTHONWARNINGS": "error"})
    assert program.wait(30) == 0, program.log()
    assert "all well" in program.log()
    assert "Warning" not in program.log(), program.log()
    assert server.client_count() == 1


def test_sigterm_drains_a_worker_and_it_ends_with_0(engine: Engine, spawn: Spawn, tmp_path: Path) -> None:
    app = engine.app()
    slow, busy = echo_of(app, "slow"), echo_of(app, "busy")
    worker = spawn([*script(WORKER, tmp_path, "worker"), engine.url, engine.prefix, "10"])
    handles = [slow.dispatch(0.3), slow.dispatch(0.3), busy.dispatch(0.3)]
    worker.wait_for_log("slow began")
    worker.wait_for_log("busy began")
    worker.terminate()
    assert worker.wait(10) == 0
    assert "ended well" in worker.log()
    assert [str(handle.state()) for handle in handles] == ["completed", "waiting", "completed"]


def test_a_second_signal_gives_back_at_once(engine: Engine, spawn: Spawn, tmp_path: Path) -> None:
    app = engine.app()
    slow, busy = echo_of(app, "slow"), echo_of(app, "busy")
    worker = spawn([*script(WORKER, tmp_path, "worker"), engine.url, engine.prefix, "60"])
    handles = [slow.dispatch(60), busy.dispatch(60)]
    worker.wait_for_log("slow began")
    worker.wait_for_log("busy began")
    worker.send_signal(signal.SIGINT)
    wait_until(lambda: engine.raw.keys("*:fence:*"))
    assert worker.running
    worker.terminate()
    assert worker.wait(10) == 0, worker.log()
    assert [str(handle.state()) for handle in handles] == ["waiting", "waiting"]
    assert [handle.info().attempt for handle in handles] == [1, 1]


def test_the_drain_deadline_gives_back_what_still_runs(engine: Engine, spawn: Spawn, tmp_path: Path) -> None:
    slow = echo_of(engine.app(), "slow")
    worker = spawn([*script(WORKER, tmp_path, "worker"), engine.url, engine.prefix, "0.2"])
    handle = slow.dispatch(60)
    worker.wait_for_log("slow began")
    worker.terminate()
    assert worker.wait(10) == 0, worker.log()
    assert str(handle.state()) == "waiting"


def test_a_worker_without_a_server_says_so_and_fails(spawn: Spawn, tmp_path: Path) -> None:
    worker = spawn([*script(WORKER, tmp_path, "worker"), "redis://127.0.0.1:1", "x", "1"])
    assert worker.wait(20) == 1
    assert "is the server running?" in worker.log()
