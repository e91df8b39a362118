"""Who did what, in Redis."""

from __future__ import annotations

from collections.abc import Sequence

from taskora.adapters.audit_store import (
    AUDIT_KEPT,
    AuditEntry,
    newest_of,
    read_entry,
    read_id,
    stored_end,
    told_entry,
    told_id,
    written_id,
)
from taskora.adapters.redis.link import Link
from taskora.call import Call
from taskora.connection.request import Arg, Command, Producer, Steps

_LOOKED_BACK = 100  # entries that others may have written while a reply was lost


class RedisAudit:
    """See ``AuditStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._keys = link.keys

    def write(self, entry: AuditEntry) -> Call[str]:
        """See ``AuditStore``."""
        args: list[Arg] = [part for pair in told_entry(entry).items() for part in pair]
        begun: set[Producer] = set()
        refused = entry.outcome == "refused"

        def steps(producer: Producer) -> Steps[str]:
            key, call = self._key(refused), f"{producer.name}:{producer.number}".encode()
            if producer in begun:
                (newest,) = yield [("XREVRANGE", key, "+", "-", "COUNT", _LOOKED_BACK)]
                for entry_id, fields in newest:
                    if call in fields[1::2]:
                        return _told(entry_id, refused)
            begun.add(producer)
            add: Command = ("XADD", key, "MAXLEN", "~", AUDIT_KEPT, "*", *args, "call", call)
            (written,) = yield [add]
            begun.discard(producer)
            return _told(written, refused)

        return self._link.call(steps)

    def read(self, limit: int, before: str = "") -> Call[list[AuditEntry]]:
        """See ``AuditStore``."""

        def newest(refused: bool) -> Command:
            end = f"({written_id(stored_end(read_id(before), refused))}" if before else "+"
            return ("XREVRANGE", self._key(refused), end, "-", "COUNT", limit)

        def steps(_: Producer) -> Steps[list[AuditEntry]]:
            if limit <= 0:
                return []
            acts, refusals = yield [newest(refused=False), newest(refused=True)]
            return newest_of(_entries(acts, refused=False), _entries(refusals, refused=True), limit)

        return self._link.call(steps)

    def _key(self, refused: bool) -> str:
        return self._keys.own("audit:refused" if refused else "audit")


def _entries(rows: Sequence[tuple[bytes, Sequence[bytes]]], refused: bool) -> list[AuditEntry]:
    found = (
        read_entry(_told(entry_id, refused), dict(zip(fields[::2], fields[1::2], strict=True)))
        for entry_id, fields in rows
    )
    return [entry for entry in found if entry is not None]


def _told(entry_id: bytes, refused: bool) -> str:
    return written_id(told_id(read_id(entry_id.decode()), refused))
