"""While somebody migrates the stored data, processes that already work wait; then they look what it has become."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncGenerator, Callable, Generator

import pytest

from support import Server, wait_until, wait_until_async
from taskora import AdapterError, SchemaVersionMismatchError, Taskora
from taskora.adapters.redis import gate, handshake

Logs = pytest.LogCaptureFixture
HALTED = "calls wait while another process migrates"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "_POLL_S", 0.02)
    monkeypatch.setattr(gate, "_QUIET_S", 0.01)


class Migrator:
    """Another process, as far as the server sees it."""

    def __init__(self, server: Server, prefix: str) -> None:
        self._server = server
        self._root = f"taskora:{prefix}"

    def lock(self, target: int = 7, ms: int = 60_000) -> None:
        value = json.dumps({"by": "x", "targetWireVersion": target, "expectedDurationMs": 1000})
        self._server.command("SET", f"{self._root}:migration:lock", value, "NX", "PX", str(ms))

    def release(self) -> None:
        self._server.command("DEL", f"{self._root}:migration:lock")

    def tell(self) -> None:
        self._server.command("PUBLISH", f"{self._root}:migration:broadcast", "migration:done")

    def write_meta(self, version: int, compatible: int) -> None:
        self._server.command("HSET", f"{self._root}:meta", "wireVersion", str(version), "minCompat", str(compatible))

    def is_heard(self) -> bool:
        return not self._server.command("PUBLISH", f"{self._root}:migration:broadcast", "look").startswith(":0")


@pytest.fixture
def migrator(server: Server, prefix: str) -> Migrator:
    return Migrator(server, prefix)


@contextlib.asynccontextmanager
async def working(url: str, prefix: str) -> AsyncGenerator[Taskora]:
    app = Taskora(url, prefix=prefix)

    @app.task("echo")
    async def echo(n: int) -> int:
        return n

    await app.start()
    try:
        yield app
    finally:
        await app.close_async(1)


@contextlib.contextmanager
def opened(url: str, prefix: str) -> Generator[Taskora]:
    app = Taskora(url, prefix=prefix)
    try:
        yield app
    finally:
        app.close()


def said(caplog: Logs, text: str) -> Callable[[], bool]:
    return lambda: any(text in record.getMessage() for record in caplog.records)


async def halted(migrator: Migrator, caplog: Logs) -> None:
    """A lock is taken, and this process has noticed."""
    await wait_until_async(migrator.is_heard)
    migrator.lock()
    migrator.tell()
    await wait_until_async(said(caplog, HALTED))


async def test_a_dispatch_waits_until_the_migration_is_over(
    url: str, prefix: str, migrator: Migrator, server: Server, caplog: Logs
) -> None:
    async with working(url, prefix) as app:
        await halted(migrator, caplog)
        handle = app.find_task("echo").dispatch(1)
        result = asyncio.create_task(handle.result_async(30))
        for _ in range(10):
            await asyncio.sleep(0.01)
            assert server.command("EXISTS", f"taskora:{prefix}:{{echo}}:{handle.id}") == ":0\r\n"
        migrator.release()
        assert await asyncio.wait_for(result, 10) == 1


async def test_a_worker_claims_nothing_meanwhile(
    url: str, prefix: str, migrator: Migrator, server: Server, caplog: Logs
) -> None:
    producer = Taskora(url, prefix=prefix)

    @producer.task("echo")
    def task(n: int) -> int:
        return n

    await asyncio.to_thread(producer.connect)
    try:
        async with working(url, prefix):
            await halted(migrator, caplog)
            # A wait for work that was sent before may still claim; it ends within a second.
            await wait_until_async(lambda: "flags=b" not in server.command("CLIENT", "LIST"))
            handle = await asyncio.to_thread(task.dispatch, 1)
            for _ in range(10):
                await asyncio.sleep(0.01)
                assert await asyncio.to_thread(handle.state) == "waiting"
            migrator.release()
            assert await asyncio.to_thread(handle.result, 10) == 1
    finally:
        await asyncio.to_thread(producer.close)


async def test_a_lock_that_runs_out_lets_calls_go_on(url: str, prefix: str, migrator: Migrator, caplog: Logs) -> None:
    async with working(url, prefix) as app:
        await wait_until_async(migrator.is_heard)
        migrator.lock(ms=100)
        migrator.tell()
        await wait_until_async(said(caplog, HALTED))
        assert await asyncio.wait_for(app.find_task("echo").dispatch(1).result_async(), 10) == 1


async def test_a_lock_that_nobody_announced_is_noticed_by_looking(
    url: str, prefix: str, migrator: Migrator, caplog: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "CHECK_S", 0.05)
    async with working(url, prefix):
        migrator.lock()
        await wait_until_async(said(caplog, HALTED))
        migrator.release()


async def test_a_migration_to_an_older_layout_does_not_concern_us(url: str, prefix: str, migrator: Migrator) -> None:
    async with working(url, prefix) as app:
        await wait_until_async(migrator.is_heard)
        migrator.lock(target=5)
        migrator.tell()
        assert await asyncio.wait_for(app.find_task("echo").dispatch(1).result_async(), 10) == 1
        migrator.release()


async def test_a_layout_that_we_can_read_lets_calls_go_on(
    url: str, prefix: str, migrator: Migrator, caplog: Logs
) -> None:
    async with working(url, prefix) as app:
        await halted(migrator, caplog)
        migrator.write_meta(7, 6)
        migrator.release()
        migrator.tell()
        assert await asyncio.wait_for(app.find_task("echo").dispatch(1).result_async(), 10) == 1


async def test_a_layout_that_we_cannot_read_fails_every_call_until_a_restart(
    url: str, prefix: str, migrator: Migrator, caplog: Logs
) -> None:
    async with working(url, prefix) as app:
        await halted(migrator, caplog)
        dispatched = app.find_task("echo").dispatch(1)
        migrator.write_meta(7, 7)
        migrator.release()
        migrator.tell()
        with pytest.raises(AdapterError):
            await asyncio.wait_for(asyncio.ensure_future(_stored(dispatched)), 10)
        migrator.write_meta(6, 6)
        with pytest.raises(SchemaVersionMismatchError, match="restart it"):
            await app.inspect().stats_async()
        with pytest.raises(SchemaVersionMismatchError, match="restart it"):
            await asyncio.to_thread(lambda: app.inspect().stats())


async def _stored(handle: object) -> object:
    return await handle  # type: ignore[misc]


async def test_a_migration_that_began_and_ended_unseen_is_found_by_its_message(
    url: str, prefix: str, migrator: Migrator, caplog: Logs
) -> None:
    async with working(url, prefix):
        await wait_until_async(migrator.is_heard)
        migrator.write_meta(7, 7)
        migrator.tell()
        await wait_until_async(said(caplog, "restart it"))


def test_the_first_process_writes_the_version_record(server: Server, url: str, prefix: str) -> None:
    with opened(url, prefix) as app:
        app.connect()
        layout = dict(app.inspect().server().layout)
    assert layout.pop("writtenAt").isdigit()
    assert layout == {"wireVersion": "6", "minCompat": "6", "writtenBy": "taskora-wire-6"}
    assert server.command("HLEN", f"taskora:{prefix}:meta") == ":4\r\n"


def test_plain_code_waits_too(
    url: str, prefix: str, migrator: Migrator, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: Logs
) -> None:
    with opened(url, prefix) as app:
        task = app.task("echo", lambda: None)
        monkeypatch.setattr(gate, "CHECK_S", 0)
        task.dispatch()
        migrator.lock()
        dispatching = threading.Thread(target=task.dispatch)
        dispatching.start()
        wait_until(said(caplog, HALTED))
        assert server.command("XLEN", f"taskora:{prefix}:{{echo}}:events") == ":1\r\n"
        monkeypatch.undo()
        migrator.release()
        dispatching.join(10)
        assert app.inspect().stats("echo").waiting == 2


def test_a_program_that_only_dispatches_leaves_no_connection(url: str, prefix: str, server: Server) -> None:
    app = Taskora(url, prefix=prefix)
    task = app.task("echo", lambda: None)

    async def dispatch() -> None:
        await task.dispatch()
        await app.close_async()

    asyncio.run(dispatch())
    asyncio.run(dispatch())
    wait_until(lambda: server.client_count() == 0)


async def test_a_worker_can_be_closed_meanwhile(url: str, prefix: str, migrator: Migrator, caplog: Logs) -> None:
    async with working(url, prefix) as app:
        await halted(migrator, caplog)
        await asyncio.wait_for(app.close_async(1), 20)
