"""What supervisors are asked for, in memory."""

from __future__ import annotations

from taskora.adapters.memory.store import Store
from taskora.adapters.request_store import (
    ANSWER_KEPT_MS,
    REQUEST_KEPT_MS,
    SupervisorRequest,
    Waiting,
    read_request,
    read_waiting,
    told_request,
)
from taskora.call import Call


class MemoryRequests:
    """See ``RequestStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, tuple[list[bytes], int]] = {}
        self._answers: dict[str, tuple[bytes, int]] = {}

    def ask(self, request: SupervisorRequest) -> Call[None]:
        """See ``RequestStore``."""

        def act(now_ms: int) -> None:
            self._drop_old(now_ms)
            raw = told_request(request, now_ms)
            self._answers.setdefault(request.id, (raw, now_ms + ANSWER_KEPT_MS))
            rows, _ = self._waiting.get(request.supervisor, ([], 0))
            self._waiting[request.supervisor] = ([*rows, raw], now_ms + REQUEST_KEPT_MS)

        return self._store.call(act)

    def waiting(self, supervisor: str, limit: int) -> Call[list[Waiting]]:
        """See ``RequestStore``."""

        def act(now_ms: int) -> list[Waiting]:
            self._drop_old(now_ms)
            rows, _ = self._waiting.get(supervisor, ([], 0))
            return [read_waiting(raw, self._answer_to(raw), now_ms) for raw in rows[:limit]]

        return self._store.call(act)

    def answer(self, request: SupervisorRequest) -> Call[None]:
        """See ``RequestStore``."""

        def act(now_ms: int) -> None:
            self._answers[request.id] = (told_request(request, now_ms), now_ms + ANSWER_KEPT_MS)

        return self._store.call(act)

    def done(self, supervisor: str, raw: bytes) -> Call[None]:
        """See ``RequestStore``."""

        def act(_: int) -> None:
            rows, until_ms = self._waiting.get(supervisor, ([], 0))
            left = [row for row in rows if row != raw]
            if left:
                self._waiting[supervisor] = (left, until_ms)
            else:
                self._waiting.pop(supervisor, None)

        return self._store.call(act)

    def outcome(self, request_id: str) -> Call[SupervisorRequest | None]:
        """See ``RequestStore``."""

        def act(now_ms: int) -> SupervisorRequest | None:
            self._drop_old(now_ms)
            return read_request(self._answers.get(request_id, (None, 0))[0])

        return self._store.call(act)

    def _answer_to(self, raw: bytes) -> bytes | None:
        request = read_request(raw)
        return None if request is None else self._answers.get(request.id, (None, 0))[0]

    def _drop_old(self, now_ms: int) -> None:
        for name in [name for name, (_, until_ms) in self._waiting.items() if until_ms <= now_ms]:
            del self._waiting[name]
        for name in [name for name, (_, until_ms) in self._answers.items() if until_ms <= now_ms]:
            del self._answers[name]
