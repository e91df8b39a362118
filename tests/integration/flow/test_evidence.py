"""A hundred producers, three workers, and workers that die: no item is lost, and none is in two batches."""

import asyncio
import sys
import threading
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

from integration.engine.kit import Engine
from integration.flow.pier import KEYS, make_app
from support import Program, Spawn, wait_until, wait_until_async
from support.evidence import Evidence

TESTS = Path(__file__).resolve().parents[2]
PRODUCERS = 100
ITEMS = 10_000
EACH = ITEMS // PRODUCERS
KILLS = 4
PACE_S = 0.03  # so that items come for some seconds


def kill_at_work(workers: list[Program], evidence: Evidence) -> int:
    """Kill one of the workers while a batch is in its hands; returns its process id."""

    def find_busy() -> Program | None:
        at_work = {run.start.pid for run in evidence.runs("load") if run.end is None}
        return next((worker for worker in workers if worker.pid in at_work), None)

    worker = wait_until(find_busy, 20, "no worker had a batch")
    assert worker is not None
    workers.remove(worker)
    worker.kill()
    worker.wait()
    return worker.pid


def test_w27_w28_w29_every_item_is_in_exactly_one_batch_although_workers_die(
    engine: Engine, spawn: Spawn, tmp_path: Path
) -> None:
    """W27, W28, W29: pushes, promotions, claims and deaths at the same time."""
    evidence = Evidence(tmp_path / "evidence")
    app, task = make_app(engine.url, engine.prefix, evidence)

    def start_worker() -> Program:
        argv = [sys.executable, "-m", "integration.flow.pier", engine.url, engine.prefix, str(tmp_path / "evidence")]
        return spawn(argv, env={"PYTHONPATH": str(TESTS)})

    workers = [start_worker() for _ in range(3)]
    killed: list[int] = []
    kept: dict[int, str] = {}
    over = threading.Event()

    def in_time(item: int) -> bool:
        """Items come through all the deaths, however slow the machine: a share of them after each."""
        return item % EACH * (KILLS + 1) // EACH <= len(killed) or over.is_set()

    def produce(producer: int) -> None:
        for item in range(producer * EACH, (producer + 1) * EACH):
            wait_until(partial(in_time, item), 60)
            kept[item] = task.dispatch(item).batch_id or ""
            time.sleep(PACE_S)

    async def produce_on_a_loop(producers: range) -> None:
        async def one(producer: int) -> None:
            for item in range(producer * EACH, (producer + 1) * EACH):
                await wait_until_async(partial(in_time, item), 60)
                kept[item] = (await task.dispatch(item)).batch_id or ""
                await asyncio.sleep(PACE_S)

        await asyncio.gather(*(one(producer) for producer in producers))
        await app.close_async()

    threads = [threading.Thread(target=produce, args=(producer,)) for producer in range(PRODUCERS // 2)]
    threads.append(threading.Thread(target=lambda: asyncio.run(produce_on_a_loop(range(PRODUCERS // 2, PRODUCERS)))))
    try:
        for thread in threads:
            thread.start()
        for _ in range(KILLS):
            killed.append(kill_at_work(workers, evidence))
            workers.append(start_worker())
        for thread in threads:
            thread.join(60)

        def all_done() -> bool:
            done = {note.job_id for note in evidence.notes("end")}
            return len(kept) == ITEMS and set(kept.values()) <= done

        wait_until(all_done, 30, "some batch never completed")
        states = app.adapter.jobs.stats("load")
        wait_until(lambda: states.run().active == states.run().waiting == states.run().delayed == 0, 15)
        assert states.run().failed == 0
        for key in range(KEYS):
            assert task.peek_collect(f"pier-{key}") == []
    finally:
        over.set()
        for worker in workers:
            worker.end_all()
        app.close()

    batches: defaultdict[int, set[str]] = defaultdict(set)
    for note in evidence.notes("item"):
        batches[int(note.key)].add(note.job_id)
    assert sorted(batches) == list(range(ITEMS))
    assert {item: ids for item, ids in batches.items() if ids != {kept[item]}} == {}
    evidence.assert_repeats_only_after("load", killed)
    completed = set(engine.raw.zrange(engine.key("load", "completed"), 0, -1))
    assert completed == set(kept.values())
