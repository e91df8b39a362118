"""A part of the worker that ends by an error of ours ends the process: nothing waits for it unseen."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import Server, Spawn, script
from taskora import JobFailedError, Taskora

APP = """
import asyncio, os, sys

from taskora import Taskora
from taskora.worker.settling import Settling
from taskora.worker.slots import Slots

app = Taskora(os.environ["URL"], prefix="broken")

def fail(*args):
    raise ZeroDivisionError("a bug of ours")

@app.task("break")
async def break_one(part: str) -> None:
    if os.path.exists("broken"):
        return  # it is no job's fault, and runs again
    open("broken", "x").close()
    if part == "claim":
        Slots.reserve = fail
    elif part == "settle":
        Slots.exchange = fail
    else:
        Settling.add = fail

@app.task("double")
async def double(n: int) -> int:
    return n * 2

add = Settling.add

def spoiled(self, outcome) -> None:
    if outcome.job.task == "spoil":
        fail()
    add(self, outcome)

@app.task("spoil")
async def spoil(n: int) -> int:
    Settling.add = spoiled
    return n

@app.task("hold")
async def hold(n: int) -> int:
    for _ in range(50):
        await asyncio.sleep(0.01)
    return n

@app.task("ruin")
async def ruin(n: int) -> int:
    if not os.path.exists("ruined"):
        open("ruined", "x").close()
        Slots.exchange = fail
    return n

if __name__ == "__main__":
    app.run(drain_timeout=1)
"""


PARTS = {"claim": "taskora-claim", "settle": "taskora-settle", "report": ""}


@pytest.fixture
def producer(url: str) -> Iterator[Taskora]:
    app = Taskora(url, prefix="broken")
    for name in ("break", "double", "spoil", "hold", "ruin"):
        app.task(name, lambda value: value)
    yield app
    app.close()


def dispatch(app: Taskora, task: str, value: Any) -> Any:
    return app.tasks[task].dispatch(value)


@pytest.mark.parametrize(("part", "told"), PARTS.items())
def test_a_process_that_works_alone_ends_with_an_error(
    server: Server, url: str, producer: Taskora, spawn: Spawn, tmp_path: Path, part: str, told: str
) -> None:
    worker = spawn(script(APP, tmp_path, "app"), env={"URL": url})
    assert dispatch(producer, "double", 1).result(30) == 2
    dispatch(producer, "break", part)
    assert worker.wait(60) == 1
    assert f"{told} ended by an error of ours" in worker.log()
    assert "ZeroDivisionError: a bug of ours" in worker.log()
    assert "the worker could not go on, and the process ends" in worker.log()


@pytest.mark.parametrize(("part", "told"), PARTS.items())
def test_a_fleet_replaces_the_process(
    server: Server, url: str, producer: Taskora, spawn: Spawn, tmp_path: Path, part: str, told: str
) -> None:
    argv = script(APP, tmp_path, "app")
    supervise = str(Path(argv[0]).with_name("taskora-supervise"))
    path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    fleet = spawn([supervise, "--procs", "1", "--drain-timeout", "1s", "app:app"], env={"URL": url, "PYTHONPATH": path})
    assert dispatch(producer, "double", 1).result(60) == 2
    dispatch(producer, "break", part)
    fleet.wait_for_log(f"{told} ended by an error of ours", 60)
    assert [dispatch(producer, "double", n).result(60) for n in range(3)] == [0, 2, 4]
    fleet.terminate()
    assert fleet.wait(60) == 0


def test_a_job_on_whose_outcome_a_process_breaks_each_time_fails_and_those_beside_it_do_not_pay(
    server: Server, url: str, producer: Taskora, spawn: Spawn, tmp_path: Path
) -> None:
    argv = script(APP, tmp_path, "app")
    supervise = str(Path(argv[0]).with_name("taskora-supervise"))
    path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    beside = [dispatch(producer, "hold", n) for n in range(4)]
    faulty = dispatch(producer, "spoil", 1)
    # Longer than any patience: the drain does not wait for a job of which nothing runs any more.
    options = ["--procs", "1", "--drain-timeout", "600s", "--max-crashes", "1"]
    fleet = spawn([supervise, *options, "app:app"], env={"URL": url, "PYTHONPATH": path})
    with pytest.raises(JobFailedError, match="exit:70"):
        faulty.result(60)
    assert [handle.result(60) for handle in beside] == [0, 1, 2, 3]
    assert charged(producer, "hold", beside) == 0
    fleet.terminate()
    assert fleet.wait(60) == 0


def test_no_job_pays_when_the_writing_of_outcomes_breaks(
    server: Server, url: str, producer: Taskora, spawn: Spawn, tmp_path: Path
) -> None:
    argv = script(APP, tmp_path, "app")
    supervise = str(Path(argv[0]).with_name("taskora-supervise"))
    path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    beside = [dispatch(producer, "hold", n) for n in range(4)]
    ruin = [dispatch(producer, "ruin", n) for n in range(2)]
    options = ["--procs", "1", "--drain-timeout", "600s", "--max-crashes", "0"]
    fleet = spawn([supervise, *options, "app:app"], env={"URL": url, "PYTHONPATH": path})
    fleet.wait_for_log("taskora-settle ended by an error of ours", 60)
    assert [handle.result(60) for handle in (*ruin, *beside)] == [0, 1, 0, 1, 2, 3]
    fleet.wait_for_log("exit:70", 60)
    assert dispatch(producer, "double", 1).result(60) == 2
    assert charged(producer, "hold", beside) + charged(producer, "ruin", ruin) == 0
    fleet.terminate()
    assert fleet.wait(60) == 0


def charged(producer: Taskora, task: str, handles: list[Any]) -> int:
    """How many crashes, and runs beyond the first, these jobs were charged with."""
    jobs = [producer.adapter.jobs.job(task, handle.id).run() for handle in handles]
    return sum(job.crashes + job.attempt - 1 for job in jobs if job is not None)
