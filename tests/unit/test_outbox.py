"""What a process remembers of dispatches until it exits."""

import asyncio
import gc
import subprocess
import sys
import weakref

from taskora import Taskora
from taskora.testing import create_test_runner

LOST_LOOP = """
import asyncio
from taskora import Taskora

taskora = Taskora({url!r})
task = taskora.task("t", lambda: None)

async def forget():
    task.dispatch()

loop = asyncio.new_event_loop()
loop.create_task(forget())
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
del loop, taskora, task
"""

FORKED = """
import os, sys
pid = os.fork()
if pid == 0:
    sys.exit()
os.waitpid(pid, 0)
"""


def test_an_application_that_has_sent_all_its_dispatches_is_not_kept_until_the_process_exits() -> None:
    kept: list[weakref.ref[object]] = []

    async def use() -> None:
        app = Taskora("memory://")
        task = app.task("t", lambda: None)
        await task.dispatch()
        task.dispatch()
        await app.close_async()
        kept.extend(map(weakref.ref, (app, app.outbox)))

    asyncio.run(use())
    gc.collect()
    assert [ref() for ref in kept] == [None, None]


def test_a_runner_of_coroutine_tests_is_not_kept_until_the_process_exits() -> None:
    app = Taskora("memory://")
    task = app.task("t", lambda: None)
    kept: list[weakref.ref[object]] = []

    async def use() -> None:
        with create_test_runner(from_app=app) as runner:
            await task.dispatch()
            await runner.process_all_async()
            kept.extend(map(weakref.ref, (runner, app.outbox, app.adapter)))

    asyncio.run(use())
    gc.collect()
    assert [ref() for ref in kept] == [None, None, None]


def test_what_a_loop_left_is_sent_at_exit_although_nobody_holds_its_application() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOST_LOOP.format(url="memory://")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 dispatches were not sent when their event loop ended; sending them now" in done.stderr


def test_what_a_loop_left_is_sent_by_the_process_that_dispatched_it_and_not_by_a_fork_of_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOST_LOOP.format(url="memory://") + FORKED],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("1 dispatches were not sent when their event loop ended; sending them now") == 1
