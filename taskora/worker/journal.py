"""What a handler reports, written behind it and before its outcome."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Literal

import orjson

from taskora.adapters.protocol import LeaseStore
from taskora.errors import SerializationError, TaskoraError
from taskora.model import Claimed
from taskora.serializer import JSON

log: logging.Logger = logging.getLogger("taskora.worker")
_LONGEST_ENTRY = 65_536  # bytes; a job keeps 10,000 of them
_LONGEST_MESSAGE = 10_000


class Journal:
    """Progress and logs of one run.

    Reports come from the loop or a thread; one write is under way at a time, and what comes meanwhile shares the next:
    of several values of progress the last.
    """

    __slots__ = ("_entries", "_heartbeat", "_job", "_loop", "_max_payload", "_progress", "_store", "_writer")

    def __init__(self, job: Claimed, store: LeaseStore, heartbeat: Callable[[], None], max_payload: int) -> None:
        self._job = job
        self._max_payload = max_payload
        self._store = store
        self._heartbeat = heartbeat
        self._loop = asyncio.get_running_loop()
        self._progress: bytes | None = None
        self._entries: list[bytes] = []
        self._writer: asyncio.Task[None] | None = None

    def progress(self, value: object) -> None:
        """See ``Reporter``.

        Raises:
            SerializationError: The value is no JSON value, or is too large.
        """
        where = f"job {self._job.job_id} of task {self._job.task!r}: its progress"
        try:
            text = JSON.dumps(value)
        except SerializationError as error:
            raise SerializationError(f"{where}: {error}") from error
        if len(text) > self._max_payload:
            raise SerializationError(f"{where} has {len(text):,} bytes, max_payload is {self._max_payload:,}")
        self._on_loop(lambda: self._take(progress=text))

    def log(self, level: Literal["info", "warn", "error"], message: str, meta: dict[str, object]) -> None:
        """See ``Reporter``. A ``meta`` that is no JSON value is written as its text; what is too long is cut."""
        entry: dict[str, object] = {"level": level, "message": _printable(message)}
        if meta:
            entry["meta"] = meta
        entry["timestamp"] = time.time_ns() // 1_000_000
        try:
            text = JSON.dumps(entry)
        except SerializationError:
            entry["meta"] = {_printable(name): _printable(value) for name, value in meta.items()}
            text = orjson.dumps(entry)
        if len(text) > _LONGEST_ENTRY:
            entry["message"] = f"{_printable(message)[:_LONGEST_MESSAGE]}… (cut, of {len(text):,} bytes in all)"
            entry.pop("meta", None)
            text = orjson.dumps(entry)
        self._on_loop(lambda: self._take(entry=text))

    def heartbeat(self) -> None:
        """See ``Reporter``."""
        self._on_loop(self._heartbeat)

    async def flush(self) -> None:
        """Wait until all that was reported is written."""
        while self._writer is not None:
            await self._writer

    def _on_loop(self, action: Callable[[], None]) -> None:
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            action()
        else:
            self._loop.call_soon_threadsafe(action)

    def _take(self, progress: bytes | None = None, entry: bytes | None = None) -> None:
        if progress is not None:
            self._progress = progress
        if entry is not None:
            self._entries.append(entry)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._progress is not None or self._entries:
                await self._write()
        except TaskoraError as error:
            log.warning(
                "task %r job %s: what it reported is lost: %s", self._job.task, self._job.job_id, error,
                extra={"action": "report"},
            )  # fmt: skip
        finally:
            self._writer = None

    async def _write(self) -> None:
        job = self._job
        progress, self._progress = self._progress, None
        entries, self._entries = self._entries, []
        if progress is not None:
            await self._store.write_progress(job.task, job.job_id, job.token, progress).run_async()
        if entries:
            await self._store.write_logs(job.task, job.job_id, job.token, entries).run_async()


def _printable(value: object) -> str:
    """Write anything as a text that can be stored: half a surrogate pair cannot, nor what has no text."""
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 - the user's code; a log line must not fail a job
        text = f"a value of type {type(value).__name__}"
    return text.encode(errors="replace").decode()
