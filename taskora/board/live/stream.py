"""Server-sent events: what a page that is open is told."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from dataclasses import asdict
from typing import Final

import orjson
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from taskora.board.access.patience import Places
from taskora.board.view import Endpoint
from taskora.board.visit import Visit
from taskora.errors import AdapterError, ConfigError
from taskora.listing import name_of
from taskora.model import QueueStats

from .relay import Relay
from .ticker import Ticker

HEARTBEAT_S: Final = 15.0
_AT_ONCE: Final = 1_000
_AT_ONCE_FROM_ONE: Final = 200  # behind a proxy that does not tell whose they are, those of everybody
_RETRY_S: Final = "10"
_MOST_TASKS: Final = 1_000
HEADERS: Final = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}  # nginx would hold the stream back
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}


class Streams:
    """The streams that are open in this process.

    Args:
        most: So many in all.
        most_from_one: Of one address. A page that finds no room looks again by itself every few seconds.
    """

    def __init__(self, most: int = _AT_ONCE, most_from_one: int = _AT_ONCE_FROM_ONE) -> None:
        self._open: dict[EventStream, asyncio.Event] = {}
        self.places: Places = Places(most, most_from_one)

    @contextlib.contextmanager
    def opened(self, stream: EventStream) -> Generator[asyncio.Event]:
        """Count a stream meanwhile; what is returned is set when it must end."""
        ending = self._open[stream] = asyncio.Event()
        try:
            yield ending
        finally:
            del self._open[stream]

    def end(self) -> None:
        """End all: a server that stops would wait for them, as they never end by themselves."""
        for ending in self._open.values():
            ending.set()


class EventStream(StreamingResponse):
    """Events until the client goes, the session of whoever asked for them ends, or the server stops.

    Args:
        events: They; closed at the end.
        streams: All that are open.
        ends_ms: When the session ends, in milliseconds since the epoch; None for never.
    """

    def __init__(self, events: AsyncGenerator[bytes], streams: Streams, ends_ms: int | None) -> None:
        super().__init__(events, media_type="text/event-stream", headers=HEADERS)
        self._events = events
        self._streams = streams
        self._ends_ms = ends_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ASGI asks."""
        client: tuple[str, int] | None = scope.get("client")
        with self._streams.places.take("" if client is None else client[0]) as is_taken:
            if is_taken:
                await self._tell(scope, receive, send)
                return
        await self._events.aclose()
        said = {"ok": False, "error": "Too many streams are open."}
        await JSONResponse(said, 429, {"Retry-After": _RETRY_S})(scope, receive, send)

    async def _tell(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._streams.opened(self) as ending, _set_at(ending, self._ends_ms):
            try:
                # With a newer one it would be told by the next write alone, which may be long in coming.
                await super().__call__({**scope, "asgi": _ASGI}, _until(receive, ending), send)
                if ending.is_set():
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
            except OSError:  # the client is gone
                pass
            finally:
                await self._events.aclose()


@contextlib.contextmanager
def _set_at(ending: asyncio.Event, at_ms: int | None) -> Generator[None]:
    """Set an event at a time, unless this is over before."""
    if at_ms is None:
        yield
        return
    timer = asyncio.get_running_loop().call_later(max(0.0, at_ms / 1000 - time.time()), ending.set)
    try:
        yield
    finally:
        timer.cancel()


def _until(receive: Receive, ending: asyncio.Event) -> Receive:
    """Receive, or be told that the client has gone once the end has come."""

    async def receive_or_end() -> Message:
        receiving, waiting = asyncio.ensure_future(receive()), asyncio.ensure_future(ending.wait())
        try:
            await asyncio.wait((receiving, waiting), return_when=asyncio.FIRST_COMPLETED)
            return receiving.result() if receiving.done() else {"type": "http.disconnect"}
        finally:
            receiving.cancel()
            waiting.cancel()

    return receive_or_end


def live(ticker: Ticker, streams: Streams) -> Endpoint:
    """Make the endpoint that tells a page when to look again."""

    async def answer(visit: Visit) -> Response:
        watch = visit.need("watch")
        if watch not in ("*", "time"):
            kind, _, task = watch.partition(":")
            if kind != "task":
                raise ConfigError("watch: expected '*', 'time' or 'task:NAME'")
            name_of(task)
        return EventStream(_changes(ticker, watch), streams, visit.ends_ms)

    return answer


async def _changes(ticker: Ticker, watch: str) -> AsyncGenerator[bytes]:
    yield b"retry: 2000\n\n"
    with ticker.watching(watch) as bell:
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await bell.wait()
            except TimeoutError:
                yield b": still here\n\n"
                continue
            bell.clear()
            yield b"event: changed\ndata:\n\n"


def events(relay: Relay, streams: Streams) -> Endpoint:
    """Make the endpoint that tells programs of events and counts."""

    async def answer(visit: Visit) -> Response:
        asked = {name_of(task) for task in visit.value("tasks").split(",") if task}
        if len(asked) > _MOST_TASKS:
            raise ConfigError(f"tasks: at most {_MOST_TASKS}; without any it is all")
        tasks = frozenset(asked or await visit.inspector.tasks_async())
        return EventStream(_events(relay, visit, tasks), streams, visit.ends_ms)

    return answer


async def _events(relay: Relay, visit: Visit, tasks: frozenset[str]) -> AsyncGenerator[bytes]:
    clock = asyncio.get_running_loop().time
    stats_s, beat_s = clock(), clock() + HEARTBEAT_S
    with relay.listening(tasks) as listener:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(stats_s, beat_s)):
                    await listener.bell.wait()
            for event in listener.take():
                fields = visit.desk.shown.event(
                    event.task, {name: _text(value) for name, value in event.fields.items()}
                )
                told = {"id": event.job_id, "task": event.task, "event": event.name, "jobId": event.job_id, **fields}
                yield _message(f"job:{event.name}", told)
            now_s = clock()
            if now_s >= stats_s:
                stats_s = now_s + visit.desk.settings.refresh_s
                for task, count in (await _counts(visit)).items():
                    if task in tasks:
                        yield _message("stats:update", {"task": task, "stats": asdict(count)})
            if now_s >= beat_s:
                beat_s = now_s + HEARTBEAT_S
                yield b"event: heartbeat\ndata:\n\n"


async def _counts(visit: Visit) -> Mapping[str, QueueStats]:
    try:
        return await visit.desk.stats()
    except AdapterError:  # the events go on once the server is back, and so do the counts
        return {}


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _message(name: str, value: object) -> bytes:
    # What is no name of an event must not begin another line.
    line = " ".join(name.split()).encode(errors="replace")
    return b"event: %b\ndata: %b\n\n" % (line, orjson.dumps(value, default=repr))
