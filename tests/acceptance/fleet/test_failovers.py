"""A fleet whose master is replaced, again and again."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from acceptance.fleet.fleets import Harbour
from support import Server, Spawn, find_binary
from support.sentinels import Watched
from taskora import AdapterError

FAILOVERS = int(os.environ.get("TASKORA_FAILOVERS", "2"))
LIMIT_S = 60.0


@pytest.fixture
def watched() -> Iterator[Watched]:
    if find_binary("redis") is None:
        pytest.skip("redis-server is not installed")
    with Watched("redis", args=("--min-replicas-to-write", "1")) as watched:
        yield watched


@pytest.fixture
def harbour(watched: Watched, spawn: Spawn, tmp_path: Path) -> Iterator[Harbour]:
    made = Harbour(cast("Server", watched), spawn, tmp_path)  # of a store only the address is used here
    yield made
    made.close()


@pytest.mark.timeout(120 + 30 * FAILOVERS)
def test_a_fleet_follows_its_master_and_no_worker_of_it_is_wedged_or_replaced(
    watched: Watched, harbour: Harbour
) -> None:
    # What a worker wrote last may be lost with its master: such jobs run again when their locks have run out.
    harbour.set_up(lock_ttl=3, stall_s=1)
    fleet = harbour.start("--procs", "2", "--concurrency", "10")
    harbour.wait_workers(fleet, 2)
    children = sorted(harbour.children(fleet))
    for turn in range(FAILOVERS):
        # Running while the master goes, and waiting behind it.
        first = turn * 1000
        harbour.dispatch("carry", range(first, first + 100), takes=0.2)
        harbour.wait_started("carry", first // 10 + 1)
        if turn % 2:
            watched.rejoin(watched.kill_master())
        else:
            watched.fail_over()

        def workers_since(first: int = first + 500) -> set[int]:
            return {note.pid for note in harbour.evidence.notes("start", "carry") if int(note.key) >= first}

        def all_work(first: int = first) -> bool:
            """More, until both workers have run some of it."""
            try:
                harbour.dispatch("carry", range(first + 500, first + 540), takes=0.02)
            except AdapterError:
                return False
            return len(workers_since()) == 2

        harbour.wait(all_work, "both workers should work with the new master", LIMIT_S)
        watched.wait_until_whole()
    assert sorted(harbour.children(fleet)) == children
    harbour.wait(lambda: harbour.stats("carry").waiting == 0 == harbour.stats("carry").active, "all is done", LIMIT_S)
    assert harbour.stop(fleet) == 0
