"""Who did what, in memory."""

from __future__ import annotations

from collections import deque
from itertools import islice

from taskora.adapters.audit_store import (
    AuditEntry,
    newest_of,
    read_entry,
    read_id,
    stored_end,
    told_entry,
    told_id,
    written_id,
)
from taskora.adapters.memory.store import AuditRow, Store
from taskora.call import Call


class MemoryAudit:
    """See ``AuditStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, entry: AuditEntry) -> Call[str]:
        """See ``AuditStore``."""
        fields = {name.encode(): value for name, value in told_entry(entry).items()}

        refused = entry.outcome == "refused"
        rows = self._rows(refused)

        def act(now_ms: int) -> str:
            last_ms, last_at = rows[-1][0] if rows else (0, 0)
            # A clock may be set back; ids only grow.
            entry_id = (now_ms, 0) if now_ms > last_ms else (last_ms, last_at + 1)
            rows.append((entry_id, fields))
            return written_id(told_id(entry_id, refused))

        return self._store.call(act)

    def read(self, limit: int, before: str = "") -> Call[list[AuditEntry]]:
        """See ``AuditStore``."""

        def newest(refused: bool) -> list[AuditEntry]:
            end = stored_end(read_id(before), refused) if before else None
            older = (row for row in reversed(self._rows(refused)) if end is None or row[0] < end)
            found = (
                read_entry(written_id(told_id(entry_id, refused)), fields)
                for entry_id, fields in islice(older, max(0, limit))
            )
            return [entry for entry in found if entry is not None]

        return self._store.call(lambda _: newest_of(newest(refused=False), newest(refused=True), limit))

    def _rows(self, refused: bool) -> deque[AuditRow]:
        return self._store.refusals if refused else self._store.audit
