"""What pages cost when there are many tasks and jobs. TASKORA_BOARD_JOBS=1000000 takes as many jobs."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from integration.board.listening import Stream, listening
from integration.board.visitor import Visitor, looking_at, visiting
from integration.engine.kit import Engine
from support import Server
from taskora import Taskora
from taskora.board import create_board

TASKS = 200
JOBS = int(os.environ.get("TASKORA_BOARD_JOBS", "100000"))
BATCH = 5000
SECONDS_TO_PAINT = 5.0  # well below 1 on a machine that is idle
COMMANDS_PER_TASK = 15  # of a page that shows all tasks
REPORT = os.environ.get("TASKORA_BOARD_REPORT")

pytestmark = pytest.mark.timeout(600)


@pytest_asyncio.fixture
async def office(engine: Engine) -> AsyncIterator[Taskora]:
    """Many tasks, of which the first has nearly all jobs: half wait, half are completed."""
    app = engine.app()
    for number in range(TASKS):
        app.task(f"office.task{number}", _echo)
    try:
        for number in range(1, TASKS):
            await app.find_task(f"office.task{number}").dispatch(number)
        await _fill(app, engine)
        yield app
    finally:
        await app.close_async()


async def _echo(n: int) -> int:
    return n


async def _fill(app: Taskora, engine: Engine) -> None:
    task = app.find_task("office.task0")
    for first in range(0, JOBS // 2, BATCH):
        await task.dispatch_many(list(range(first, first + BATCH)))
    base, now_ms = engine.key("office.task0", ""), int(time.time() * 1000)
    for first in range(0, JOBS // 2, BATCH):
        pipeline = engine.raw.pipeline(transaction=False)
        for number in range(first, first + BATCH):
            fields = {
                "data": str(number), "result": str(number), "state": "completed", "timestamp": now_ms,
                "processedOn": now_ms, "finishedOn": now_ms + number, "attempt": 1, "_v": 1,
            }  # fmt: skip
            pipeline.hset(f"{base}done{number}", mapping=fields)
            pipeline.zadd(f"{base}completed", {f"done{number}": now_ms + number})
        pipeline.execute()


PAGES = (
    "", "task?name=office.task0", "task?name=office.task0&state=completed",
    f"task?name=office.task0&state=completed&offset={JOBS // 2 - 50}", "dead-letters", "workflows", "schedules",
    "workers", "flow", "migrations", "search", "audit", "job?task=office.task0&id=done7", "api/overview", "api/dlq",
    "metrics", "api/tasks/office.task0/jobs?limit=1000",
)  # fmt: skip
SEARCHING = ("keys", "scan", "sscan", "zscan", "smembers", "monitor")


async def test_every_page_is_there_at_once_and_searches_nothing(office: Taskora, engine: Engine) -> None:
    async with visiting(office) as visitor:
        slow: dict[str, float] = {}
        engine.reset_calls()
        for path in PAGES:
            began = time.monotonic()
            await visitor.get(path)
            took_s = time.monotonic() - began
            _tell(f"{path or 'overview'}: {took_s:.3f} s")
            if took_s > SECONDS_TO_PAINT:
                slow[path] = took_s
        assert not slow
        assert {name: engine.calls(name) for name in SEARCHING if engine.calls(name)} == {}
        assert "50,000" in (await visitor.page()).text or JOBS != 100_000


async def test_what_a_look_at_the_overview_costs_is_bounded(office: Taskora, engine: Engine) -> None:
    async with visiting(office) as visitor:
        await visitor.get()
        before = _commands(engine)
        await asyncio.gather(*(visitor.get() for _ in range(10)))
        spent = _commands(engine) - before
        _tell(f"ten browsers that refresh the overview at once: {spent} commands")
        assert spent < COMMANDS_PER_TASK * TASKS, "browsers do not share what is read"


async def test_an_open_overview_costs_the_server_little(office: Taskora, server: Server, engine: Engine) -> None:
    board = create_board(office)
    process = psutil.Process(server.pid)
    async with looking_at(board.app) as visitor, listening(board.app, "/board/live?watch=*") as stream:
        await _look(visitor, stream)
        before, began, commands = _cpu_s(process), time.monotonic(), _commands(engine)
        rounds = 3
        for number in range(rounds):
            await office.find_task("office.task1").dispatch(number)
            await _look(visitor, stream)
        took_s = time.monotonic() - began
        share = (_cpu_s(process) - before) / took_s
        per_round = (_commands(engine) - commands) / rounds
        _tell(f"an open overview of {TASKS} tasks: {share:.2%} of a core, {per_round:.0f} commands a refresh")
        assert per_round < COMMANDS_PER_TASK * TASKS
        assert share < 0.2, "2% is what is meant, on a machine that does nothing else"


async def _look(visitor: Visitor, stream: Stream) -> None:
    """What the page's script does: looks again when it is told to."""
    await stream.next("changed")
    await visitor.get("", X_Taskora_Part="main")


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _commands(engine: Engine) -> int:
    stats: dict[str, dict[str, int]] = engine.raw.info("commandstats")
    return sum(each["calls"] for each in stats.values())


def _tell(line: str) -> None:
    if REPORT:
        with Path(REPORT).open("a") as report:
            report.write(f"{line}\n")
