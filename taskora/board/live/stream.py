"""Server-sent events: what a page that is open is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict
from typing import Final

import orjson
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from taskora.board.view import Endpoint
from taskora.board.visit import Visit
from taskora.errors import AdapterError, ConfigError
from taskora.listing import name_of
from taskora.model import QueueStats

from .relay import Relay
from .ticker import Ticker

HEARTBEAT_S: Final = 15.0
HEADERS: Final = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}  # nginx would hold the stream back
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}


class EventStream(StreamingResponse):
    """Events until the client goes.

    Args:
        events: They; closed at the end.
    """

    def __init__(self, events: AsyncGenerator[bytes]) -> None:
        super().__init__(events, media_type="text/event-stream", headers=HEADERS)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ASGI asks."""
        try:
            # With a newer one it would be told by the next write alone, which may be long in coming.
            await super().__call__({**scope, "asgi": _ASGI}, receive, send)
        except OSError:  # the client is gone
            pass
        finally:
            await self._events.aclose()


def live(ticker: Ticker) -> Endpoint:
    """Make the endpoint that tells a page when to look again."""

    async def answer(visit: Visit) -> Response:
        watch = visit.need("watch")
        if watch not in ("*", "time"):
            kind, _, task = watch.partition(":")
            if kind != "task":
                raise ConfigError("watch: expected '*', 'time' or 'task:NAME'")
            name_of(task)
        return EventStream(_changes(ticker, watch))

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


def events(relay: Relay) -> Endpoint:
    """Make the endpoint that tells programs of events and counts."""

    async def answer(visit: Visit) -> Response:
        asked = [name_of(task) for task in visit.value("tasks").split(",") if task]
        tasks = frozenset(asked or await visit.inspector.tasks_async())
        return EventStream(_events(relay, visit, tasks))

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
                fields = visit.desk.redactor.event({name: _text(value) for name, value in event.fields.items()})
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
