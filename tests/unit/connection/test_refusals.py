"""What a server answers instead of doing what it was told: said with the remedy, and put up with where it passes."""

import asyncio
from collections.abc import Iterator

import pytest

from support.resp import FakeServer, reply
from taskora import AdapterError, redis_adapter
from taskora.adapters.redis import RedisAdapter
from taskora.connection import pool
from taskora.lua import load
from taskora.model import EnqueueSpec, NewJob

PASSING = [
    ("READONLY You can't write against a read only replica.", "replica and takes no writes; give the address of its"),
    ("LOADING Redis is loading the dataset in memory", "answers when it is done"),
    ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "has lost its master"),
    ("NOREPLICAS Not enough good replicas to write.", "min-replicas-to-write"),
    ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "SCRIPT KILL"),
    ("CLUSTERDOWN The cluster is down", "does not serve all slots"),
    ("TRYAGAIN Multiple keys request during rehashing of slot", "moves keys"),
    ("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)", "a replica"),
    ("ERR max number of clients reached", "raise its maxclients"),
]
LASTING = [
    ("OOM command not allowed when used memory > 'maxmemory'.", "give it more"),
    ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", "its log"),
    ("NOAUTH Authentication required.", "put it into the URL"),
    ("WRONGPASS invalid username-password pair or user is disabled.", "does not know this user and password"),
    ("NOPERM this user has no permissions to run the 'evalsha' command", "access rules forbid it; docs/servers.md"),
    ("ERR The user executing the script can't access at least one of the keys", "access rules forbid it"),
    ("MOVED 3999 127.0.0.1:6381", "a node of a cluster"),
    ("CROSSSLOT Keys in request don't hash to the same slot", "a node of a cluster"),
    ("ERR unknown command 'EVALSHA', with args beginning with: ", "older than Redis 7.0"),
    ("ERR unknown command 'GET', with args beginning with: 'x'", "a sentinel, not the server"),
    ("WRONGTYPE Operation against a key holding the wrong kind of value", "another prefix"),
]


class Troubled:
    """A server that agrees with us on everything, and then refuses.

    Attributes:
        error: What it answers to scripts.
        left: So often; then it does what it is told.
    """

    def __init__(self) -> None:
        self.error = ""
        self.left = 0
        self.server = FakeServer(self._answer)

    @property
    def url(self) -> str:
        return f"redis://:hidden@127.0.0.1:{self.server.port}"

    def refuse(self, error: str, times: int = 1_000_000) -> None:
        self.error, self.left = error, times

    def _answer(self, words: list[str]) -> bytes | None:
        if words[0] == "AUTH":
            return b"+OK\r\n"
        if words[0] == "HELLO":
            return reply(["server", "redis", "version", "7.2.0", "mode", "standalone", "role", "master"])
        if words[0] == "GET":
            return b"$-1\r\n"
        if words[0] == "EVALSHA" and words[1] == load("handshake").sha:
            return reply(["6", "6", "test", "0"])
        if self.left > 0:
            self.left -= 1
            return reply(Exception(self.error))
        return reply("")


@pytest.fixture
def troubled() -> Iterator[Troubled]:
    made = Troubled()
    with made.server:
        yield made


async def enqueue(adapter: RedisAdapter, way: str) -> None:
    call = adapter.jobs.enqueue("t", EnqueueSpec(), [NewJob("j", b"1")])
    await (call.run_async() if way == "loop" else asyncio.to_thread(call.run))


@pytest.mark.parametrize("way", ["loop", "plain"])
@pytest.mark.parametrize(("error", "remedy"), PASSING, ids=[error.split()[0] for error, _ in PASSING])
async def test_what_passes_is_put_up_with_and_said_when_it_lasts(
    troubled: Troubled, monkeypatch: pytest.MonkeyPatch, error: str, remedy: str, way: str
) -> None:
    adapter = redis_adapter(troubled.url)
    troubled.refuse(error, times=3)
    await enqueue(adapter, way)
    monkeypatch.setattr(pool, "PATIENCE_S", 0.1)
    troubled.refuse(error)
    with pytest.raises(AdapterError) as caught:
        await enqueue(adapter, way)
    message = str(caught.value)
    assert remedy in message
    assert error.rstrip(".") in message
    assert "script enqueue" in message
    assert "hidden" not in message
    monkeypatch.undo()
    troubled.left = 0
    await enqueue(adapter, way)
    await adapter.close_async()


@pytest.mark.parametrize("way", ["loop", "plain"])
@pytest.mark.parametrize(("error", "remedy"), LASTING, ids=[error.split()[0] for error, _ in LASTING])
async def test_what_lasts_is_said_at_once_and_the_next_call_tries_again(
    troubled: Troubled, error: str, remedy: str, way: str
) -> None:
    adapter = redis_adapter(troubled.url)
    await adapter.connect().run_async()
    troubled.refuse(error, times=1)
    with pytest.raises(AdapterError) as caught:
        await enqueue(adapter, way)
    message = str(caught.value)
    assert remedy in message
    assert "script enqueue" in message
    assert "hidden" not in message
    await enqueue(adapter, way)
    await adapter.close_async()
