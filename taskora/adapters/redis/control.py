"""Holding tasks back, and what does, in Redis."""

from __future__ import annotations

from datetime import datetime

from taskora.adapters.redis.flow_reading import read_flow
from taskora.adapters.redis.link import Link
from taskora.adapters.redis.records import moment, number
from taskora.adapters.redis.sent import numbered
from taskora.call import Call
from taskora.clock import from_ms
from taskora.connection.request import Producer, Steps
from taskora.rules import FlowControl


class RedisControl:
    """See ``ControlStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._keys = link.keys

    def pause(self, task: str) -> Call[bool]:
        """See ``ControlStore``."""
        return self._set_paused(task, True)

    def resume(self, task: str) -> Call[bool]:
        """See ``ControlStore``."""
        return self._set_paused(task, False)

    def _set_paused(self, task: str, paused: bool) -> Call[bool]:
        def steps(producer: Producer) -> Steps[bool]:
            (changed,) = yield [numbered("pause", producer, self._keys.task(task), ("1" if paused else "0",))]
            return bool(changed == b"1")

        return self._link.call(steps)

    def paused_since(self, task: str) -> Call[datetime | None]:
        """See ``ControlStore``."""
        key = f"{self._keys.task(task)}:paused"

        def steps(_: Producer) -> Steps[datetime | None]:
            # Whatever stands there pauses the task; only a text tells since when.
            (kind,) = yield [("TYPE", key)]
            if kind == b"none":
                return None
            raw = (yield [("GET", key)])[0] if kind == b"string" else b"0"
            return None if raw is None else moment(number(raw)) or from_ms(0)

        return self._link.call(steps)

    def flow(self, task: str, limit: int, offset: int) -> Call[FlowControl]:
        """See ``ControlStore``."""
        return self._link.call(lambda _: read_flow(self._keys.task(task).encode(), task, limit, offset))

    def peek(self, task: str, key: str, limit: int) -> Call[list[bytes]]:
        """See ``ControlStore``."""

        def steps(_: Producer) -> Steps[list[bytes]]:
            if limit <= 0:
                return []
            (items,) = yield [("LRANGE", f"{self._keys.task(task)}:collect:{key}:items", 0, limit - 1)]
            return list(items)

        return self._link.call(steps)

    def flush(self, task: str, key: str) -> Call[int]:
        """See ``ControlStore``."""

        def steps(producer: Producer) -> Steps[int]:
            (count,) = yield [numbered("flush", producer, self._keys.task(task), (key,))]
            return int(count)

        return self._link.call(steps)
