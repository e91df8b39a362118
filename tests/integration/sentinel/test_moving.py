"""A master that is alive but no longer the master is left, by those who wait on it and by those who use it."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from support import Server, wait_until
from support.raw import raw_client
from support.sentinels import Watched
from taskora import Taskora
from taskora.connection import pool

LIMIT_S = 60.0


def counting(url: str, prefix: str) -> tuple[Taskora, list[int]]:
    app = Taskora(url, prefix=prefix)
    ran: list[int] = []

    @app.task("count")
    async def count(n: int) -> int:
        ran.append(n)
        return n

    return app, ran


def need_replicas(watched: Watched, count: int) -> None:
    for server in watched.servers:
        server.command("CONFIG", "SET", "min-replicas-to-write", str(count))


@contextmanager
def cut_off(watched: Watched) -> Generator[Server, None, None]:
    """Hide the master from sentinels and replicas, and from nobody else; at the end all is as before.

    New connections to it need a password that only this function knows; those of applications stay.
    """
    master = watched.master
    need_replicas(watched, 0)
    with raw_client(port=master.port, decode_responses=True) as client:
        client.config_set("requirepass", "cut")
        for each in client.client_list():
            if each["name"].startswith("sentinel-") or "S" in each["flags"]:
                client.execute_command("CLIENT KILL ID", each["id"])
        yield master
        client.config_set("requirepass", "")
    watched.wait_until_whole()
    need_replicas(watched, 2)


async def test_an_idle_worker_leaves_a_master_that_is_cut_off_from_its_sentinels(watched: Watched, prefix: str) -> None:
    app, ran = counting(watched.url, prefix)
    await app.start()
    cut = cut_off(watched)
    old = await asyncio.to_thread(cut.__enter__)
    await asyncio.to_thread(watched.wait_for_another_than, old.port)
    # By an address of its own, so that nothing but the worker itself can make the worker move.
    producer, _ = counting(watched.master.url, prefix)
    assert await producer.tasks["count"].dispatch(1).result_async(timeout=LIMIT_S) == 1
    assert ran == [1]
    await producer.close_async()
    await app.close_async()
    await asyncio.to_thread(cut.__exit__, None, None, None)


async def test_plain_code_leaves_a_master_that_is_cut_off_from_its_sentinels(watched: Watched, prefix: str) -> None:
    app, _ = counting(watched.url, prefix)
    await asyncio.to_thread(app.connect)

    def cut_and_dispatch() -> None:
        with cut_off(watched) as old:
            watched.wait_for_another_than(old.port)
            new, _ = counting(watched.master.url, prefix)
            number = 0

            def arrives() -> bool:
                nonlocal number
                number += 1
                app.tasks["count"].dispatch(number)
                return new.inspect().stats("count").waiting > 0

            try:
                wait_until(arrives, LIMIT_S, "all that plain code dispatches goes to the old master")
            finally:
                new.close()

    try:
        await asyncio.to_thread(cut_and_dispatch)
    finally:
        await app.close_async()


@pytest.mark.timeout(4 * LIMIT_S)
@pytest.mark.parametrize("way", ["plain", "loop"])
async def test_a_call_that_a_frozen_master_does_not_answer_goes_to_the_next(
    watched: Watched, prefix: str, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    # The next master takes writes once it has a replica in step: on a busy machine that takes longer than calls wait.
    monkeypatch.setattr(pool, "PATIENCE_S", LIMIT_S)
    app, ran = counting(watched.url, prefix)
    await app.start()
    count = app.tasks["count"]
    await asyncio.to_thread(lambda: count.dispatch(0))
    need_replicas(watched, 1)
    frozen = watched.master
    frozen.pause()
    try:
        # It is not repeated by the caller: the call itself moves.
        handle = await (asyncio.to_thread(lambda: count.dispatch(1)) if way == "plain" else count.dispatch(1))
        assert watched.named() != frozen.port
    finally:
        frozen.resume()
        need_replicas(watched, 2)
    assert await handle.result_async(timeout=LIMIT_S) == 1
    assert 1 in ran
    await app.close_async()
