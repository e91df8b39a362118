"""Servers that refuse for a while: whoever dispatches is told why, and workers outlive it and go on."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from integration.engine.kit import Engine
from support import Server, wait_until, wait_until_async
from support.raw import raw_client
from taskora import AdapterError, Taskora
from taskora.connection import pool

LIMIT_S = 60.0


def to_replica(server: Server) -> None:
    server.command("REPLICAOF", "127.0.0.1", "1")


def to_master(server: Server) -> None:
    server.command("REPLICAOF", "NO", "ONE")


def out_of_memory(server: Server) -> None:
    server.command("CONFIG", "SET", "maxmemory", "1")


def enough_memory(server: Server) -> None:
    server.command("CONFIG", "SET", "maxmemory", "0")


def lock_out(server: Server) -> None:
    with raw_client(unix_socket_path=str(server.socket_path)) as client:
        client.config_set("requirepass", "now")
        client.execute_command("CLIENT KILL TYPE normal SKIPME yes")


def let_in(server: Server) -> None:
    with raw_client(unix_socket_path=str(server.socket_path), password="now") as client:
        client.config_set("requirepass", "")


def unable_to_save(server: Server) -> None:
    (server.folder / "dump.rdb").mkdir()  # no file can be put in its place
    server.command("CONFIG", "SET", "save", "1000 100000")
    server.command("BGSAVE")
    wait_until(lambda: "rdb_last_bgsave_status:err" in server.command("INFO", "persistence"), LIMIT_S)


def able_to_save(server: Server) -> None:
    (server.folder / "dump.rdb").rmdir()
    server.command("CONFIG", "SET", "save", "")


def busy(server: Server) -> None:
    server.command("CONFIG", "SET", "busy-reply-threshold", "20")
    connection = server._connect()  # pyright: ignore[reportPrivateUsage]  # its reply is never read
    connection.sendall(b"EVAL 'while true do end' 0\r\n")
    wait_until(lambda: server.command("PING").startswith("-BUSY"), LIMIT_S)
    connection.close()


def idle(server: Server) -> None:
    server.command("SCRIPT", "KILL")
    wait_until(lambda: server.command("PING") == "+PONG\r\n", LIMIT_S)


@dataclass(frozen=True)
class Trouble:
    """How it begins and ends, and what must be said of it."""

    begin: Callable[[Server], None]
    end: Callable[[Server], None]
    says: str


TROUBLES = {
    "replica": Trouble(to_replica, to_master, "replica"),
    "memory": Trouble(out_of_memory, enough_memory, "out of memory"),
    "password": Trouble(lock_out, let_in, "wants a password"),
    "saving": Trouble(unable_to_save, able_to_save, "cannot save its data"),
    "busy": Trouble(busy, idle, "a script has been running"),
}


@pytest.mark.parametrize("name", TROUBLES)
async def test_workers_outlive_a_server_that_refuses_and_go_on(
    server: Server, engine: Engine, app: Taskora, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(pool, "PATIENCE_S", 0.3)
    trouble = TROUBLES[name]
    started, go_on = asyncio.Event(), asyncio.Event()

    @app.task("hold")
    async def hold(n: int) -> int:
        started.set()
        await go_on.wait()
        return n

    await app.start()
    handle = await hold.dispatch(1)
    await asyncio.wait_for(started.wait(), LIMIT_S)
    await asyncio.to_thread(trouble.begin, server)
    try:
        for way in ("loop", "plain"):
            with pytest.raises(AdapterError, match=trouble.says):
                await (hold.dispatch(2) if way == "loop" else asyncio.to_thread(lambda: hold.dispatch(2)))
        # Its outcome meets the refusal too, and is kept until it can be written.
        go_on.set()
        await asyncio.sleep(0.05)
    finally:
        await asyncio.to_thread(trouble.end, server)
    assert await handle.result_async(timeout=LIMIT_S) == 1
    assert await hold.dispatch(3).result_async(timeout=LIMIT_S) == 3
    await app.close_async()


async def test_workers_go_on_with_what_is_stored_while_a_server_is_out_of_memory(
    server: Server, engine: Engine, app: Taskora
) -> None:
    ran: list[int] = []
    go_on = asyncio.Event()

    @app.task("square", concurrency=10)
    async def square(n: int) -> int:
        await go_on.wait()
        ran.append(n)
        return n * n

    handles = await square.dispatch_many(range(200))
    await app.start()
    await asyncio.to_thread(out_of_memory, server)
    try:
        with pytest.raises(AdapterError, match="workers go on with what is stored"):
            await square.dispatch(1000)
        go_on.set()
        await wait_until_async(lambda: len(ran) == 200, LIMIT_S)
        assert [await handle.result_async(timeout=LIMIT_S) for handle in handles] == [n * n for n in range(200)]
    finally:
        await asyncio.to_thread(enough_memory, server)
    assert await square.dispatch(30).result_async(timeout=LIMIT_S) == 900
    await app.close_async()


async def test_a_worker_starts_while_a_server_is_out_of_memory_and_publishes_its_tasks_later(
    server: Server, engine: Engine, app: Taskora, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    @app.task("square")
    async def square(n: int) -> int:
        return n * n

    handle = await square.dispatch(3)
    await asyncio.to_thread(out_of_memory, server)
    try:
        await app.start()
        assert await handle.result_async(timeout=LIMIT_S) == 9
        assert "the tasks could not be published, trying on" in caplog.text
        assert "give it more" in caplog.text
        assert not await app.adapter.house.tasks().run_async()
    finally:
        await asyncio.to_thread(enough_memory, server)
    until_s = time.monotonic() + LIMIT_S
    while "square" not in await app.adapter.house.tasks().run_async():
        assert time.monotonic() < until_s, "the tasks are never published"
        await asyncio.sleep(0.05)
    await app.close_async()


@pytest.mark.parametrize("way", ["loop", "plain"])
async def test_on_a_new_store_a_worker_starts_while_the_server_is_out_of_memory_and_runs_what_comes_later(
    server: Server, engine: Engine, app: Taskora, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    @app.task("square")
    async def square(n: int) -> int:
        return n * n

    await asyncio.to_thread(out_of_memory, server)
    try:
        if way == "plain":
            await asyncio.to_thread(app.connect)
        await app.start()
        assert "the tasks could not be published, trying on" in caplog.text
        assert "give it more" in caplog.text
        with pytest.raises(AdapterError, match="refused script enqueue"):
            await square.dispatch(3)
    finally:
        await asyncio.to_thread(enough_memory, server)
    assert await square.dispatch(3).result_async(timeout=LIMIT_S) == 9
    await app.close_async()


async def test_a_server_that_takes_no_more_connections_is_named_with_the_remedy(
    server: Server, engine: Engine, app: Taskora, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "PATIENCE_S", 2.0)
    app.task("t", lambda: None)
    with raw_client(unix_socket_path=str(server.socket_path)) as client:
        client.config_set("maxclients", 1)
        try:
            with pytest.raises(AdapterError, match="raise its maxclients"):
                await app.connect_async()
            with pytest.raises(AdapterError, match="raise its maxclients"):
                await asyncio.to_thread(app.connect)
        finally:
            client.config_set("maxclients", 10_000)
    await app.connect_async()
    await app.close_async()
