"""What an adapter keeps of who did what: two capped lists that are only added to, refusals in one of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias, cast, get_args

import orjson

from taskora.call import Call
from taskora.clock import LATEST_MS, from_ms
from taskora.config import check_count
from taskora.errors import ConfigError
from taskora.quoting import quoted

AUDIT_KEPT: Final = 10_000
"""How many acts are kept, about, and as many refusals: who may do nothing must not push out what others did."""
AuditOutcome: TypeAlias = Literal["done", "refused", "failed"]
_LONGEST: Final = {"who": 200, "role": 50, "action": 100, "detail": 2_000}
_LARGEST_TARGET: Final = 16 * 1024
_REFUSED_FROM: Final = 10**18
EntryId: TypeAlias = tuple[int, int]
"""Milliseconds since the epoch, and a number within that one."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """That somebody did something.

    What is too long is cut when it is written, so that nothing an operator or an attacker gives keeps an act from
    being noted: ``who`` at 200 characters, ``role`` at 50, ``action`` at 100, ``detail`` at 2,000, and a target of more
    than 16 KiB leaves its size only.

    Attributes:
        who: Name of the one who acted.
        role: The role in which they did.
        action: What they did: ``job.retry``, ``task.clean``, …
        target: What they did it to, as JSON values.
        outcome: ``done``, ``refused`` (they may not) or ``failed`` (it could not be done).
        count: How many things were touched. Defaults to 1.
        detail: More of it, for people.
        at: When it was written, aware UTC by the server's clock; None before that.
        id: Of the entry, which is what a page of older ones begins at; empty before it was written.

    Raises:
        ConfigError: The outcome is none of those, or the count is no whole number from 0 on.
    """

    who: str
    role: str
    action: str
    target: Mapping[str, object] = field(default_factory=dict[str, object])
    outcome: AuditOutcome = "done"
    count: int = 1
    detail: str = ""
    at: datetime | None = None
    id: str = ""

    def __post_init__(self) -> None:
        outcomes = get_args(AuditOutcome)
        if self.outcome not in outcomes:
            raise ConfigError(f"outcome: expected one of {', '.join(outcomes)}, got {quoted(self.outcome)}")
        check_count(self.count, "count", least=0)


class AuditStore(Protocol):
    """Who did what."""

    def write(self, entry: AuditEntry) -> Call[str]:
        """Add an entry; returns its id. Its own ``at`` and ``id`` are not looked at.

        A run that is repeated after a lost reply adds no second one.
        """
        ...

    def read(self, limit: int, before: str = "") -> Call[list[AuditEntry]]:
        """List up to ``limit`` acts and refusals, the newest first: those before an id, or the newest of all."""
        ...


def written_id(entry_id: EntryId) -> str:
    """Write the id of an entry."""
    return f"{entry_id[0]}-{entry_id[1]}"


def read_id(text: str) -> EntryId:
    """Read the id of an entry."""
    ms, _, number = text.partition("-")
    return int(ms), int(number or 0)


def told_id(stored: EntryId, refused: bool) -> EntryId:
    """Return the id that an entry has among those of both lists.

    Refusals come after all acts of their millisecond, so that no id stands for two entries.
    """
    return (stored[0], stored[1] + _REFUSED_FROM) if refused else stored


def stored_end(before: EntryId, refused: bool) -> EntryId:
    """Return the id before which those of one list are older than an entry of either."""
    end = (before[0], max(0, before[1] - _REFUSED_FROM)) if refused else before
    return max(end, (0, 1))  # nothing is before that either, and servers refuse to look before 0-0


def newest_of(acts: Sequence[AuditEntry], refusals: Sequence[AuditEntry], limit: int) -> list[AuditEntry]:
    """Put both lists together, the newest first."""
    return sorted((*acts, *refusals), key=lambda entry: read_id(entry.id), reverse=True)[: max(0, limit)]


def told_entry(entry: AuditEntry) -> dict[str, bytes]:
    """Write an entry as it is stored."""
    fields = {name: _cut(getattr(entry, name), longest) for name, longest in _LONGEST.items()}
    return {**fields, "target": _target(entry.target), "outcome": entry.outcome.encode(), "count": b"%d" % entry.count}


def read_entry(entry_id: str, fields: Mapping[bytes, bytes]) -> AuditEntry | None:
    """Read a stored entry; None for what is none."""
    ms = entry_id.partition("-")[0]
    try:
        target = cast("object", orjson.loads(fields.get(b"target") or b"{}"))
        return AuditEntry(
            who=_text(fields, b"who"),
            role=_text(fields, b"role"),
            action=_text(fields, b"action"),
            target=cast("dict[str, object]", target) if isinstance(target, dict) else {},
            outcome=cast("AuditOutcome", _text(fields, b"outcome")),
            count=int(_text(fields, b"count") or "0"),
            detail=_text(fields, b"detail"),
            at=from_ms(min(int(ms), LATEST_MS)),
            id=entry_id,
        )
    except (ConfigError, ValueError):
        return None


def _cut(value: object, longest: int) -> bytes:
    text = value if isinstance(value, str) else quoted(value)
    return text[:longest].encode(errors="replace")


def _text(fields: Mapping[bytes, bytes], name: bytes) -> str:
    return fields.get(name, b"").decode(errors="replace")


def _target(target: Mapping[str, object]) -> bytes:
    try:
        raw = orjson.dumps(dict(target), default=str, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError):  # half a surrogate pair, for example
        raw = orjson.dumps({"text": quoted(target).encode(errors="replace").decode()})
    return raw if len(raw) <= _LARGEST_TARGET else orjson.dumps({"bytes": len(raw)})
