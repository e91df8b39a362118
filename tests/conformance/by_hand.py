"""A server whose time moves by hand, behind one connection on which everything is sent and read at once.

Scripts and operations take the time from a key, and what the server ends by itself is brought forward by as much as the
key; the real time that passes is given back to it after each step. The connections of the adapter itself are the other
tests' to try: here nothing waits for an event loop.
"""

import functools
import socket
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import hiredis
import pytest

import taskora.lua
from support import Server
from taskora.adapters.redis.link import Link, Source
from taskora.connection.endpoint import Endpoint
from taskora.connection.request import (
    Command,
    Operation,
    Producer,
    Replies,
    Request,
    ScriptCall,
    is_unknown_script,
    pack,
    pack_source,
)
from taskora.keys import Keys

T = TypeVar("T")
START_MS = 1_795_544_720_000
CLOCK_KEY = "test:clock"
LEFT_KEY = "test:left"
# Times to live, and all moves but the smallest, are multiples of half a minute. So what has less than this left after a
# move has in truth none, and no pause of the machine ends what has some.
ROUNDING_MS = 10_000
_MOVE = """
local ms, least = tonumber(ARGV[2]), ARGV[2] + ARGV[3]
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local left = redis.call('PTTL', key)
  if left > least then
    redis.call('PEXPIRE', key, left - ms)
    if redis.call('HEXISTS', KEYS[2], key) == 1 then redis.call('HINCRBY', KEYS[2], key, string.format('%d', -ms)) end
  elseif left >= 0 then
    redis.call('DEL', key)
  end
end
return redis.call('INCRBY', KEYS[1], ms)
"""
_CLOCK = f"\nlocal function now_ms() return tonumber(redis.call('GET', '{CLOCK_KEY}')) end"


class Hand:
    """The one connection. Operations that run on it are numbered as those of one producer."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10.0)
        self._socket.connect(str(server.socket_path))
        self._reader = cast("Any", hiredis).Reader(notEnoughData=...)
        self._number = 0
        self.again = False

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def begin(self) -> None:
        """Empty the server and set its time to the start."""
        self.talk(pack([("FLUSHDB",), ("SET", CLOCK_KEY, START_MS)]), 2)

    def move(self, pattern: str, ms: int) -> int:
        """Move the time of the keys of a pattern; returns what it is now."""
        (now_ms,) = self.talk(pack([("EVAL", _MOVE, 2, CLOCK_KEY, LEFT_KEY, pattern, ms, ROUNDING_MS)]), 1)
        assert isinstance(now_ms, int), now_ms
        return now_ms

    def talk(self, data: bytes, count: int) -> Replies:
        """Send what is packed, and read so many replies; an error is one of them."""
        self._socket.sendall(data)
        replies: Replies = []
        while len(replies) < count:
            reply = self._reader.gets()
            if reply is ...:
                self._reader.feed(self._socket.recv(1 << 18))
            else:
                replies.append(reply)
        return replies

    def exchange(self, request: Request) -> Replies:
        """Send a request, and read its replies as an operation is given them."""
        sent = by_the_key(request)
        replies = self.talk(pack(sent), len(sent))
        for at, item in enumerate(sent):
            reply = replies[at]
            if isinstance(item, ScriptCall) and isinstance(reply, Exception) and is_unknown_script(reply):
                (reply,) = self.talk(pack_source(item), 1)
            if isinstance(reply, Exception):
                raise AssertionError(f"{item!r}: {reply}") from reply
            replies[at] = reply
        return as_of_time(request, replies)

    def run(self, operation: Operation[T]) -> T:
        """Perform an operation, and if ``again`` is set a second time as if the answer had been lost."""
        self._number += 1
        producer = Producer("hand", self._number)
        result = self.drive(operation, producer)
        if self.again:
            assert self.drive(operation, producer) == result, "a repetition answers otherwise"
        return result

    def drive(self, operation: Operation[T], producer: Producer) -> T:
        """Perform an operation once."""
        steps = operation(producer)
        try:
            request = next(steps)
            while True:
                request = steps.send(self.exchange(request))
        except StopIteration as end:
            return cast("T", end.value)


def by_the_key(request: Request) -> Sequence[Command | ScriptCall]:
    """Have a request ask the key for the time, not the server."""
    return [("GET", CLOCK_KEY) if item == ("TIME",) else item for item in request]


def as_of_time(request: Request, replies: Replies) -> Replies:
    """Give the answers of the key the form of the server's."""
    for at, item in enumerate(request):
        if item == ("TIME",):
            seconds, ms = divmod(int(replies[at]), 1000)
            replies[at] = [b"%d" % seconds, b"%d" % (ms * 1000)]
    return replies


class HandLink(Link):
    """A link that runs everything on the one connection."""

    def __init__(self, hand: Hand, source: Source, keys: Keys) -> None:
        super().__init__(source, keys)
        self._hand = hand

    @property
    def endpoint(self) -> Endpoint:
        """Nobody connects to it."""
        return Endpoint()

    def connect(self) -> None:
        """It is connected."""

    async def connect_async(self) -> None:
        """It is connected."""

    def watch(self) -> None:
        """Nobody migrates."""

    def run(self, operation: Operation[T]) -> T:
        """Perform an operation."""
        return self._hand.run(operation)

    async def run_async(self, operation: Operation[T]) -> T:
        """Perform an operation."""
        return self._hand.run(operation)


class HandWire:
    """Stands where a connection of an event loop stands."""

    def __init__(self, hand: Hand, _: Endpoint) -> None:
        self._hand = hand

    async def exchange(
        self, request: Request, _: float = 0, arrived: Callable[[Replies], None] | None = None
    ) -> Replies:
        """Send a request and read its replies."""
        replies = self._hand.exchange(request)
        if arrived is not None:
            arrived(replies)
        return replies

    async def close(self) -> None:
        """It is shared."""


@contextmanager
def moved_by_hand(server: Server) -> Generator[Hand]:
    """Have every adapter for a server that is made now send by one connection, and the time stand still."""
    text, hand = cast("Any", taskora.lua)._text, Hand(server)

    def replaced(path: str, flavor: str, parents: tuple[str, ...]) -> str:
        found = cast("str", text(path, flavor, parents))
        return found + _CLOCK if path == "includes/clock.lua" else found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(taskora.lua, "_text", replaced)
        patch.setattr("taskora.adapters.redis.adapter.Link", functools.partial(HandLink, hand))
        patch.setattr("taskora.adapters.redis.lane.loop_wire", functools.partial(HandWire, hand))
        patch.setattr("taskora.adapters.redis.events.loop_wire", functools.partial(HandWire, hand))
        taskora.lua.load.cache_clear()
        try:
            yield hand
        finally:
            hand.close()
            taskora.lua.load.cache_clear()


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what waits for nothing but its turn. A loop of its own for each would cost more than what it runs."""
    try:
        while coroutine.send(None) is None:
            pass
    except StopIteration as end:
        return cast("T", end.value)
    raise AssertionError(f"{coroutine!r} waits for something")
