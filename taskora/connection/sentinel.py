"""The master of a service, as its sentinels name it: found for each connection, and left when they name another.

A master that is cut off from its sentinels does not know that it was replaced, and neither do those who wait on it.
So while there are connections to it, the sentinels are asked again every second.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from taskora.connection.endpoint import Endpoint
from taskora.connection.refusals import refusal
from taskora.connection.request import Disconnected, Replies, Request
from taskora.connection.route import Route
from taskora.connection.wire import BlockingWire, LoopWire
from taskora.errors import AdapterError, ConfigError

ASK_S = 1.0
CHECK_S = 1.0
_REST_S = 10.0  # a sentinel that plain code had to wait for in vain is not asked again so soon
log: logging.Logger = logging.getLogger("taskora.adapter")


class Answer(NamedTuple):
    """What a sentinel said.

    Attributes:
        host: Of the master.
        port: Of the master.
        epoch: Grows with each failover: what was said at a lower one is out of date.
    """

    host: str
    port: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a sentinel's answer is of no use.

    Attributes:
        text: For people.
        unknown: It does not know the service.
    """

    text: str
    unknown: bool = False


class SentinelRoute:
    """The way to a service's master.

    Args:
        service: Its name, as ``sentinel monitor NAME …`` has it.
        sentinels: Whom to ask, and how to log in there.
        server: Database, login and TLS options of the servers; its host and port do not count.
        min_other_sentinels: A sentinel that sees fewer others is not believed.
    """

    def __init__(
        self, service: str, sentinels: tuple[Endpoint, ...], server: Endpoint, *, min_other_sentinels: int = 0
    ) -> None:
        if not service or not sentinels:
            raise ConfigError("adapter: a sentinel's address needs the name of a service and at least one sentinel")
        self.service = service
        self.sentinels = sentinels
        self.server = server
        self.min_other_sentinels = min_other_sentinels
        self._first = sentinels[0]
        self._epoch = 0
        self._turn = 0
        self._resting: dict[Endpoint, float] = {}
        self._watches: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = weakref.WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"SentinelRoute({self.masked!r})"

    @property
    def masked(self) -> str:
        """See ``Route``."""
        scheme = "rediss" if self.server.transport == "tls" else "redis"
        login = quote(self.server.username or "", safe="")
        login += ":***" if self.server.password or self.server.credentials else ""
        login += "@" if login else ""
        hosts = ",".join(_place(sentinel) for sentinel in self.sentinels)
        return f"{scheme}+sentinel://{login}{hosts}/{quote(self.service, safe='')}/{self.server.db}"

    @property
    def guard(self) -> SentinelRoute:
        """See ``Route``."""
        return self

    @property
    def request(self) -> Request:
        """What a sentinel is asked."""
        # While a failover is under way only the first names the new master; only the second has the epoch.
        return [("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service), ("SENTINEL", "MASTER", self.service)]

    def find(self) -> Endpoint:
        """See ``Route``."""
        search = self._search()
        try:
            sentinel = next(search)
            while True:
                sentinel = search.send(self._ask(sentinel))
        except StopIteration as end:
            return cast("Endpoint", end.value)

    async def find_async(self) -> Endpoint:
        """See ``Route``."""
        search = self._search()
        try:
            sentinel = next(search)
            while True:
                wire = LoopWire(sentinel, connect_timeout_s=ASK_S)
                try:
                    told = await self.ask_async(wire)
                finally:
                    await wire.close()
                sentinel = search.send(told)
        except StopIteration as end:
            return cast("Endpoint", end.value)

    def _search(self) -> Generator[Endpoint, Answer | Complaint, Endpoint]:
        """Yield the sentinels to ask, the one that answered last time first, and return what they agree on."""
        complaints: dict[Endpoint, Complaint] = {}
        outdated: list[tuple[Answer, Endpoint]] = []
        for sentinel in sorted(self.sentinels, key=lambda each: each != self._first):
            told = yield sentinel
            if isinstance(told, Complaint):
                complaints[sentinel] = told
            elif told.epoch < self._epoch:
                outdated.append((told, sentinel))
            else:
                return self._believe(told, sentinel)
        if outdated:  # all of them: they were set up anew
            return self._believe(*max(outdated, key=lambda each: each[0].epoch))
        raise self._nobody_knows(complaints)

    def _believe(self, told: Answer, sentinel: Endpoint) -> Endpoint:
        self._first, self._epoch = sentinel, told.epoch
        return replace(self.server, host=told.host, port=told.port)

    def _nobody_knows(self, complaints: dict[Endpoint, Complaint]) -> Exception:
        asked = ", ".join(f"{_place(sentinel)} ({told.text})" for sentinel, told in complaints.items())
        if any(told.unknown for told in complaints.values()):
            return AdapterError(
                f"{self.masked}: no sentinel knows the service {self.service!r}; its name is the one in their "
                f"configuration, `sentinel monitor NAME …`. Asked: {asked}"
            )
        return Disconnected(f"{self.masked}: no sentinel says who the master is. Asked: {asked}")

    def _ask(self, sentinel: Endpoint) -> Answer | Complaint:
        wire = BlockingWire(sentinel, connect_timeout_s=ASK_S)
        try:
            return self._read(wire.exchange(self.request, ASK_S))
        except (Disconnected, AdapterError) as error:
            return _complaint(error, sentinel)
        finally:
            wire.close()

    async def ask_async(self, wire: LoopWire) -> Answer | Complaint:
        """Ask the sentinel at the other end of a wire."""
        try:
            return self._read(await wire.exchange(self.request, ASK_S))
        except (Disconnected, AdapterError) as error:
            return _complaint(error, wire.route)

    def _read(self, replies: Replies) -> Answer | Complaint:
        address, flat = replies
        if address is None:
            return Complaint("does not know it", unknown=True)
        fields: dict[bytes, bytes] = dict(zip(flat[::2], flat[1::2], strict=True))
        if int(fields.get(b"num-other-sentinels", 0)) < self.min_other_sentinels:
            return Complaint(f"sees fewer than {self.min_other_sentinels} other sentinels")
        return Answer(address[0].decode(), int(address[1]), int(fields[b"config-epoch"]))

    # Connections to the master, judged

    def admit(self, endpoint: Endpoint, hello: Any) -> None:
        """See ``Guard``: refuse what is no master."""
        if isinstance(hello, Exception):
            raise refusal(hello, ("HELLO",), f"{self.masked}: {_place(endpoint)}") from hello
        role: bytes = dict(zip(hello[::2], hello[1::2], strict=True)).get(b"role", b"?")
        if role != b"master":
            raise Disconnected(f"{self.masked}: the sentinels name {_place(endpoint)}, which is a {role.decode()}")

    def check(self, endpoint: Endpoint) -> None:
        """See ``Guard``: ask one sentinel, another each time, so that one which is cut off itself does not hide it."""
        now_s = time.monotonic()
        awake = [each for each in self.sentinels if self._resting.get(each, 0.0) <= now_s]
        if not awake:
            return
        self._turn += 1
        sentinel = awake[self._turn % len(awake)]
        told = self._ask(sentinel)
        if isinstance(told, Complaint):
            self._resting[sentinel] = now_s + _REST_S
        else:
            self.judge(endpoint, [told])

    def judge(self, endpoint: Endpoint, answers: list[Answer]) -> None:
        """Compare a connection with what sentinels say.

        Raises:
            Disconnected: Those who know best name another master.
        """
        newest = max((told.epoch for told in answers), default=-1)
        named = [(told.host, told.port) for told in answers if told.epoch == newest]
        if newest < self._epoch or (endpoint.host, endpoint.port) in named:
            return
        self._epoch = newest
        host, port = named[0]
        raise Disconnected(f"{self.masked}: the master is {host}:{port} now, no longer {_place(endpoint)}")

    def follow(self, endpoint: Endpoint, drop: Callable[[Disconnected], None]) -> Callable[[], Awaitable[None]]:
        """See ``Guard``."""
        watch = self._watches.setdefault(asyncio.get_running_loop(), _Watch(self))
        return watch.add(endpoint, drop)


class _Watch:
    """Asks all sentinels every second while there are connections on one event loop."""

    def __init__(self, route: SentinelRoute) -> None:
        self._route = route
        self._followed: dict[object, tuple[Endpoint, Callable[[Disconnected], None]]] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, endpoint: Endpoint, drop: Callable[[Disconnected], None]) -> Callable[[], Awaitable[None]]:
        key = object()
        self._followed[key] = endpoint, drop
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._ask_on(), name="taskora-sentinels")

        async def leave() -> None:
            self._followed.pop(key, None)
            task = self._task
            if not self._followed and task is not None:
                self._task = None
                task.cancel()
                await asyncio.wait([task])

        return leave

    async def _ask_on(self) -> None:
        wires = [LoopWire(sentinel, connect_timeout_s=ASK_S) for sentinel in self._route.sentinels]
        silent = False
        try:
            while True:
                await asyncio.sleep(CHECK_S)
                told = await asyncio.gather(*(self._route.ask_async(wire) for wire in wires))
                answers = [each for each in told if isinstance(each, Answer)]
                if silent is not (silent := not answers):
                    self._tell(silent)
                self._judge(answers)
        finally:
            for wire in wires:
                await wire.close()

    def _judge(self, answers: list[Answer]) -> None:
        said = ""
        for key, (endpoint, drop) in list(self._followed.items()):
            try:
                self._route.judge(endpoint, answers)
            except Disconnected as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("%s", error, extra={"action": "failover"})
                self._followed.pop(key, None)
                drop(error)

    def _tell(self, silent: bool) -> None:
        if silent:
            log.warning("%s: no sentinel answers; another master would not be noticed", self._route.masked,
                        extra={"action": "sentinels"})  # fmt: skip
        else:
            log.info("%s: the sentinels answer again", self._route.masked, extra={"action": "sentinels"})


def _place(endpoint: Endpoint) -> str:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return f"{host}:{endpoint.port}"


def _complaint(error: Exception, sentinel: Route) -> Complaint:
    text = str(error).removeprefix(f"{sentinel.masked}: ").removeprefix(f"{sentinel.masked} ")
    if "No such master" in text:
        return Complaint("does not know it", unknown=True)
    return Complaint(text)
