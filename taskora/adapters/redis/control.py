"""Holding tasks back, in Redis."""

from __future__ import annotations

from datetime import datetime

from taskora.adapters.redis.link import Link
from taskora.adapters.redis.records import moment, number
from taskora.adapters.redis.sent import numbered
from taskora.call import Call
from taskora.clock import from_ms
from taskora.connection.request import Producer, Steps


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
