"""Reading what is stored of a job, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, cast

import orjson

from taskora.clock import LATEST_MS, from_ms
from taskora.connection.request import Command
from taskora.model import TERMINAL, JobInfo, LogEntry, Outcome, PastAttempt, State
from taskora.quoting import CONTROLS

LOOKED_AT = 10_000
"""How many entries a list looks through beyond its page, where those of other states stand between its own."""

_OUTCOME_FIELDS = ("state", "result", "error", "errorType", "cancelReason")
_JOB_FIELDS = (
    "state", "data", "result", "error", "progress", "attempt", "_v", "ts", "processedOn", "finishedOn", "errorType",
    "trace", "cancelReason", "_wf", "_wfNode", "priority", "expireAt", "stalledCount", "crashes", "crashCause",
)  # fmt: skip
_LARGEST = 2**53
_CONTROL = re.compile(f"[{CONTROLS}]")
_LEVELS: dict[str, Literal["info", "warn", "error"]] = {"info": "info", "warn": "warn", "error": "error"}


def outcome_command(job: str) -> Command:
    """Ask for what ``read_outcome`` reads."""
    return ("HMGET", job, *_OUTCOME_FIELDS)


def read_outcome(row: Sequence[bytes | None]) -> Outcome | None:
    """Read how a job stands; None when there is none."""
    state, result, error, error_type, reason = row
    known = _state(state)
    if known is None:
        return None
    if known not in TERMINAL:
        return Outcome(known)
    return Outcome(known, result, text(error), text(error_type), text(reason))


def job_command(job: str) -> Command:
    """Ask for what ``read_job`` reads."""
    return ("HMGET", job, *_JOB_FIELDS)


def read_job(
    task: str,
    job_id: str,
    row: Sequence[bytes | None],
    logs: Sequence[bytes] = (),
    lock: bytes | None = None,
    past: tuple[PastAttempt, ...] = (),
) -> JobInfo | None:
    """Read a job; None when there is none. A part that cannot be read appears as its text."""
    f = dict(zip(_JOB_FIELDS, row, strict=True))
    state = _state(f["state"])
    if state is None:
        return None
    created, processed, finished = (moment(number(f[name])) for name in ("ts", "processedOn", "finishedOn"))
    timeline = [("waiting", created), ("active", processed), (state.value if state in TERMINAL else "failed", finished)]
    node = number(f["_wfNode"])
    return JobInfo(
        id=job_id,
        task=task,
        state=state,
        data=read_json(f["data"]),
        result=read_json(f["result"]),
        error=text(f["error"]),
        progress=read_json(f["progress"]),
        logs=read_logs(logs),
        attempt=number(f["attempt"]) or 1,
        version=number(f["_v"]) or 1,
        timestamp=created or from_ms(0),
        processed_on=processed,
        finished_on=finished,
        timeline=[(name, at) for name, at in timeline if at is not None],
        error_type=text(f["errorType"]),
        traceback=text(f["trace"]),
        cancel_reason=text(f["cancelReason"]),
        workflow_id=text(f["_wf"]),
        node=node,
        priority=number(f["priority"]) or 0,
        expires_at=moment(number(f["expireAt"])),
        stalls=number(f["stalledCount"]) or 0,
        crashes=number(f["crashes"]) or 0,
        crash_cause=text(f["crashCause"]),
        owner=_owner(lock),
        past_attempts=past,
        _stored=(f["data"], f["result"]),
    )


def _owner(lock: bytes | None) -> str | None:
    """Read whose lock it is; None for nobody's, and for that of a worker that is not of this library."""
    worker, dot, _ = (lock or b"").partition(b".")
    return name_of(worker) if dot and worker else None


def name_of(raw: bytes) -> str | None:
    """Read a name or an id that anybody may have written; None when it is no text, or one that steers terminals."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        return None
    return name if name.isprintable() or _CONTROL.search(name) is None else None


def names(raw: Iterable[bytes]) -> list[str]:
    """Read names or ids; what is none is left out: nothing of ours has such a name."""
    return [name for name in map(name_of, raw) if name is not None]


def read_logs(entries: Sequence[bytes]) -> list[LogEntry]:
    """Read log entries; what is none is left out."""
    return [entry for entry in map(_log_entry, entries) if entry is not None]


def read_json(value: bytes | None) -> object:
    """Read a JSON value: None for nothing, the text itself for what is not JSON."""
    if not value:
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value.decode(errors="replace")


def read_time_ms(reply: Sequence[bytes]) -> int:
    """Read the server's answer to TIME."""
    seconds, micros = reply
    return int(seconds) * 1000 + int(micros) // 1000


def moment(ms: int | None) -> datetime | None:
    """Read a time; None for one that no calendar has."""
    return None if ms is None or not 0 <= ms <= LATEST_MS else from_ms(ms)


def text(raw: bytes | None) -> str | None:
    """Read a text; None for an empty one."""
    return raw.decode(errors="replace") or None if raw is not None else None


def number(raw: bytes | None) -> int | None:
    """Read a whole number; None for what is none, and for what JSON has no exact form for."""
    try:
        found = int(float(raw)) if raw else None
    except (ValueError, OverflowError):
        return None
    return None if found is None or abs(found) > _LARGEST else found


def _log_entry(raw: bytes) -> LogEntry | None:
    value: Any = read_json(raw)
    if not isinstance(value, dict):
        return None
    fields = cast("dict[str, object]", value)
    level, ms, meta = _LEVELS.get(str(fields.get("level"))), fields.get("timestamp"), fields.get("meta")
    at = None if isinstance(ms, bool) or not isinstance(ms, int | float) else moment(int(ms))
    if level is None or at is None:
        return None
    known_meta = cast("dict[str, object]", meta) if isinstance(meta, dict) else None
    return LogEntry(level, str(fields.get("message", "")), known_meta, at)


def _state(raw: bytes | None) -> State | None:
    try:
        return State(raw.decode()) if raw else None
    except ValueError:
        return None
