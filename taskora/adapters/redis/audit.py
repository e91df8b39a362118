"""Who did what, in Redis."""

from __future__ import annotations

from taskora.adapters.audit_store import AUDIT_KEPT, AuditEntry, read_entry, told_entry
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

        def steps(producer: Producer) -> Steps[str]:
            key, call = self._keys.own("audit"), f"{producer.name}:{producer.number}".encode()
            if producer in begun:
                (newest,) = yield [("XREVRANGE", key, "+", "-", "COUNT", _LOOKED_BACK)]
                for entry_id, fields in newest:
                    if call in fields[1::2]:
                        return str(entry_id.decode())
            begun.add(producer)
            add: Command = ("XADD", key, "MAXLEN", "~", AUDIT_KEPT, "*", *args, "call", call)
            (written,) = yield [add]
            begun.discard(producer)
            return str(written.decode())

        return self._link.call(steps)

    def read(self, limit: int, before: str = "") -> Call[list[AuditEntry]]:
        """See ``AuditStore``."""

        def steps(_: Producer) -> Steps[list[AuditEntry]]:
            if limit <= 0:
                return []
            newest = f"({before}" if before else "+"
            (rows,) = yield [("XREVRANGE", self._keys.own("audit"), newest, "-", "COUNT", limit)]
            found = [
                read_entry(entry_id.decode(), dict(zip(fields[::2], fields[1::2], strict=True)))
                for entry_id, fields in rows
            ]
            return [entry for entry in found if entry is not None]

        return self._link.call(steps)
