"""Reading the attempts of a job that did not succeed. What is none of ours is left out."""

from __future__ import annotations

from datetime import datetime
from typing import Final, cast, get_args

import orjson

from taskora.adapters.redis.records import moment, name_of
from taskora.model import ATTEMPTS_KEPT, PastAttempt, PastReason, PastSequel

_REASONS: Final[dict[object, PastReason]] = {reason: reason for reason in get_args(PastReason)}
_SEQUELS: Final[dict[object, PastSequel]] = {sequel: sequel for sequel in get_args(PastSequel)}


def read_past(raw: bytes | None) -> tuple[PastAttempt, ...]:
    """Read what ``keep_attempt`` of the scripts wrote: a line each, the oldest first."""
    lines = (raw or b"").split(b"\n")[-ATTEMPTS_KEPT:]
    return tuple(attempt for attempt in map(_attempt, lines) if attempt is not None)


def _attempt(line: bytes) -> PastAttempt | None:
    try:
        value: object = orjson.loads(line.decode(errors="replace"))
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    fields = cast("dict[str, object]", value)
    number, why = fields.get("n"), _text(fields.get("why"))
    reason, ended = _REASONS.get(why), _moment(fields.get("at"))
    if reason is None or ended is None or isinstance(number, bool) or not isinstance(number, int):
        return None
    return PastAttempt(
        number,
        reason,
        ended,
        processed_on=_moment(fields.get("from")),
        worker=name_of((_text(fields.get("by")) or "").encode()) or None,
        error_type=_text(fields.get("type")),
        error=_text(fields.get("error")),
        cut=fields.get("cut") is True,
        cause=_text(fields.get("cause")),
        followed_by=_SEQUELS.get(_text(fields.get("next"))),
        retry_at=_moment(fields.get("due")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _moment(value: object) -> datetime | None:
    return None if isinstance(value, bool) or not isinstance(value, int) else moment(value)
