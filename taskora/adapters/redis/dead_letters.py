"""Jobs that ended badly, in Redis."""

from __future__ import annotations

from collections.abc import Sequence

from taskora.adapters.dead_letter_store import Failure, Requeued
from taskora.adapters.redis.link import Link
from taskora.adapters.redis.records import name_of, number
from taskora.adapters.redis.sent import numbered
from taskora.call import Call
from taskora.connection.request import Arg, Producer, Steps
from taskora.model import State

_PER_READ = 500


class RedisDeadLetters:
    """See ``DeadLetterStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._keys = link.keys

    def requeue(self, task: str, job_id: str) -> Call[bool]:
        """See ``DeadLetterStore``."""

        def steps(producer: Producer) -> Steps[bool]:
            return (yield from self._requeue(producer, task, (1, 0, job_id))).jobs > 0

        return self._link.call(steps)

    def requeue_failed(self, task: str, until_ms: int | None, limit: int) -> Call[Requeued]:
        """See ``DeadLetterStore``."""
        return self._link.call(lambda producer: self._requeue(producer, task, (limit, until_ms or 0)))

    def _requeue(self, producer: Producer, task: str, args: Sequence[Arg]) -> Steps[Requeued]:
        (reply,) = yield [numbered("requeue", producer, self._keys.task(task), args)]
        count, more, until_ms = map(int, reply.split(b","))
        return Requeued(count, more == 1, until_ms)

    def requeue_named(self, task: str, job_ids: Sequence[str]) -> Call[int]:
        """See ``DeadLetterStore``."""

        def steps(producer: Producer) -> Steps[int]:
            # Without names, the script would take the oldest.
            return (yield from self._requeue(producer, task, (len(job_ids), 0, *job_ids))).jobs if job_ids else 0

        return self._link.call(steps)

    def failures(self, task: str, limit: int, offset: int = 0) -> Call[list[Failure]]:
        """See ``DeadLetterStore``."""

        def steps(_: Producer) -> Steps[list[Failure]]:
            last = offset + limit - 1
            (found,) = yield [("ZRANGE", f"{self._keys.task(task)}:failed", offset, last, "REV", "WITHSCORES")]
            listed = zip(found[::2], found[1::2], strict=True)
            pairs = [(name, number(at) or 0) for job_id, at in listed if (name := name_of(job_id)) is not None]
            failures: list[Failure] = []
            for first in range(0, len(pairs), _PER_READ):
                page = pairs[first : first + _PER_READ]
                rows = yield [("HMGET", self._keys.job(task, name), "state", "errorType", "error") for name, _ in page]
                for (name, at_ms), (state, error_type, error) in zip(page, rows, strict=True):
                    # Others may have been queued anew since the list was read.
                    if state == b"failed":
                        failures.append(Failure(name, at_ms, _text(error_type), _text(error)))
            return failures

        return self._link.call(steps)

    def clean(self, task: str, state: State, until_ms: int, limit: int) -> Call[int]:
        """See ``DeadLetterStore``."""

        def steps(producer: Producer) -> Steps[int]:
            (count,) = yield [numbered("clean", producer, self._keys.task(task), (state.value, until_ms, limit))]
            return int(count)

        return self._link.call(steps)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")
