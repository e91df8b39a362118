"""Who did what, in memory."""

from __future__ import annotations

from itertools import islice

from taskora.adapters.audit_store import AuditEntry, read_entry, told_entry
from taskora.adapters.memory.store import Store
from taskora.call import Call


class MemoryAudit:
    """See ``AuditStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, entry: AuditEntry) -> Call[str]:
        """See ``AuditStore``."""
        fields = {name.encode(): value for name, value in told_entry(entry).items()}

        def act(now_ms: int) -> str:
            last_ms, last_at = self._store.audit[-1][0] if self._store.audit else (0, 0)
            # A clock may be set back; ids only grow.
            entry_id = (now_ms, 0) if now_ms > last_ms else (last_ms, last_at + 1)
            self._store.audit.append((entry_id, fields))
            return _written(entry_id)

        return self._store.call(act)

    def read(self, limit: int, before: str = "") -> Call[list[AuditEntry]]:
        """See ``AuditStore``."""

        def act(_: int) -> list[AuditEntry]:
            end = _read(before) if before else None
            older = (row for row in reversed(self._store.audit) if end is None or row[0] < end)
            found = (read_entry(_written(entry_id), fields) for entry_id, fields in islice(older, max(0, limit)))
            return [entry for entry in found if entry is not None]

        return self._store.call(act)


def _written(entry_id: tuple[int, int]) -> str:
    return f"{entry_id[0]}-{entry_id[1]}"


def _read(entry_id: str) -> tuple[int, int]:
    ms, _, at = entry_id.partition("-")
    return int(ms), int(at or 0)
