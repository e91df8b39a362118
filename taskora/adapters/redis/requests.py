"""What supervisors are asked for, in Redis: a list of requests for each, and a string with the answer to each."""

from __future__ import annotations

from taskora.adapters.redis.link import Link
from taskora.adapters.redis.records import read_time_ms
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
from taskora.connection.request import Command, Producer, Steps


class RedisRequests:
    """See ``RequestStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._keys = link.keys

    def ask(self, request: SupervisorRequest) -> Call[None]:
        """See ``RequestStore``."""

        def steps(_: Producer) -> Steps[None]:
            (time,) = yield [("TIME",)]
            raw, key = told_request(request, read_time_ms(time)), self._waiting(request.supervisor)
            # A repetition leaves the answer that the first one may have had. That it waits twice is for its taker.
            yield [
                ("SET", self._answer(request.id), raw, "NX", "PX", ANSWER_KEPT_MS),
                ("RPUSH", key, raw),
                ("PEXPIRE", key, REQUEST_KEPT_MS),
            ]

        return self._link.call(steps)

    def waiting(self, supervisor: str, limit: int) -> Call[list[Waiting]]:
        """See ``RequestStore``."""

        def steps(_: Producer) -> Steps[list[Waiting]]:
            (rows,) = yield [("LRANGE", self._waiting(supervisor), 0, limit - 1)]
            if not rows:
                return []
            ids = [None if (found := read_request(raw)) is None else found.id for raw in rows]
            gets: list[Command] = [("GET", self._answer(one)) for one in ids if one is not None]
            time, *answers = yield [("TIME",), *gets]
            now_ms, left = read_time_ms(time), iter(answers)
            return [
                read_waiting(raw, None if one is None else next(left), now_ms)
                for raw, one in zip(rows, ids, strict=True)
            ]

        return self._link.call(steps)

    def answer(self, request: SupervisorRequest) -> Call[None]:
        """See ``RequestStore``."""

        def steps(_: Producer) -> Steps[None]:
            yield [("SET", self._answer(request.id), told_request(request), "PX", ANSWER_KEPT_MS)]

        return self._link.call(steps)

    def done(self, supervisor: str, raw: bytes) -> Call[None]:
        """See ``RequestStore``."""

        def steps(_: Producer) -> Steps[None]:
            yield [("LREM", self._waiting(supervisor), 0, raw)]

        return self._link.call(steps)

    def outcome(self, request_id: str) -> Call[SupervisorRequest | None]:
        """See ``RequestStore``."""

        def steps(_: Producer) -> Steps[SupervisorRequest | None]:
            (raw,) = yield [("GET", self._answer(request_id))]
            return read_request(raw)

        return self._link.call(steps)

    def _waiting(self, supervisor: str) -> str:
        return f"{self._keys.own('supervisor')}:{supervisor}"

    def _answer(self, request_id: str) -> str:
        return f"{self._keys.own('request')}:{request_id}"
