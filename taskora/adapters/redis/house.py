"""What the leader does for everybody, and who is there, in Redis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import orjson

from taskora.adapters.redis.complaints import Complaints
from taskora.adapters.redis.link import Link
from taskora.adapters.redis.owed import pay
from taskora.adapters.redis.records import name_of, names, read_time_ms
from taskora.call import Call
from taskora.clock import from_ms, to_epoch_ms
from taskora.config import Keep
from taskora.connection.request import Arg, Producer, ScriptCall, Steps
from taskora.duration import to_ms
from taskora.lua import load
from taskora.model import State, WorkerRecord

# The leader removes names much sooner. This is for where nobody leads, and above any difference between hosts' clocks.
_FORGOTTEN_MS = 86_400_000
_LARGEST = 2**63 - 1


class RedisHouse:
    """See ``HouseStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._complaints = Complaints()
        self._keys = link.keys

    def lead(self, token: str, ttl_ms: int) -> Call[bool]:
        """See ``HouseStore``."""

        def steps(_: Producer) -> Steps[bool]:
            (reply,) = yield [ScriptCall(load("lead"), (self._keys.own("schedules:lock"),), (token, ttl_ms))]
            return bool(reply == 1)

        return self._link.call(steps)

    def resign(self, token: str) -> Call[None]:
        """See ``HouseStore``."""

        def steps(_: Producer) -> Steps[None]:
            yield [ScriptCall(load("resign"), (self._keys.own("schedules:lock"),), (token,))]

        return self._link.call(steps)

    def sweep(self, task: str, max_stalls: int, grace_ms: int = 0) -> Call[int]:
        """See ``HouseStore``."""

        def steps(_: Producer) -> Steps[int]:
            call = ScriptCall(load("sweep"), (self._keys.task(task),), (self._keys.root, max_stalls, grace_ms))
            ((count, owed, damage),) = yield [call]
            self._complaints.tell(damage, "sweep")
            yield from pay(self._keys, owed, task)
            return int(count)

        return self._link.call(steps)

    def trim(self, task: str, state: State, keep: Keep, limit: int) -> Call[int]:
        """See ``HouseStore``."""
        return self._trim("trim", self._keys.task(task), (state.value,), keep, limit)

    def trim_workflows(self, completed: bool, keep: Keep, limit: int) -> Call[int]:
        """See ``HouseStore``."""
        ended = self._keys.own("workflows:completed" if completed else "workflows:failed")
        return self._trim("trim_workflows", ended, (self._keys.root,), keep, limit)

    def _trim(self, script: str, key: str, head: tuple[Arg, ...], keep: Keep, limit: int) -> Call[int]:
        args = (*head, *told_keep(keep), limit)

        def steps(_: Producer) -> Steps[int]:
            (count,) = yield [ScriptCall(load(script), (key,), args)]
            return int(count)

        return self._link.call(steps)

    def overdue_workflows(self, limit: int) -> Call[list[str]]:
        """See ``HouseStore``."""
        return self._older("workflows:deadlines", 0, limit)

    def owed_workflows(self, older_ms: int, limit: int) -> Call[list[str]]:
        """See ``HouseStore``."""
        return self._older("workflows:owed", older_ms, limit)

    def _older(self, name: str, age_ms: int, limit: int) -> Call[list[str]]:
        def steps(_: Producer) -> Steps[list[str]]:
            (time,) = yield [("TIME",)]
            until_ms = read_time_ms(time) - age_ms
            (ids,) = yield [("ZRANGE", self._keys.own(name), "-inf", until_ms, "BYSCORE", "LIMIT", 0, limit)]
            return names(ids)

        return self._link.call(steps)

    def publish_tasks(self, cards: Mapping[str, bytes]) -> Call[None]:
        """See ``HouseStore``."""

        def steps(_: Producer) -> Steps[None]:
            if cards:
                yield [("HSET", self._keys.own("tasks"), *(part for card in cards.items() for part in card))]

        return self._link.call(steps)

    def tasks(self) -> Call[dict[str, bytes]]:
        """See ``HouseStore``."""

        def steps(_: Producer) -> Steps[dict[str, bytes]]:
            (raw,) = yield [("HGETALL", self._keys.own("tasks"))]
            cards = zip(raw[::2], raw[1::2], strict=True)
            return {task: card for name, card in cards if (task := name_of(name)) is not None}

        return self._link.call(steps)

    def register(self, record: WorkerRecord, ttl_ms: int) -> Call[None]:
        """See ``HouseStore``."""
        raw = orjson.dumps(
            {
                "role": record.role, "host": record.host, "pid": record.pid, "tasks": record.tasks, "rss": record.rss,
                "active": record.active, "done": record.done, "failed": record.failed, "version": record.version,
                "startedAt": to_epoch_ms(record.started_at), "seenAt": to_epoch_ms(record.seen_at),
                "leader": record.leader, "extra": record.extra,
            }
        )  # fmt: skip

        def steps(_: Producer) -> Steps[None]:
            index = self._keys.own("workers")
            seen = to_epoch_ms(record.seen_at)
            yield [
                ("SET", f"{self._keys.own('worker')}:{record.id}", raw, "PX", ttl_ms),
                ("ZADD", index, seen, record.id),
                ("ZREMRANGEBYSCORE", index, "-inf", seen - _FORGOTTEN_MS),
            ]

        return self._link.call(steps)

    def unregister(self, worker: str) -> Call[None]:
        """See ``HouseStore``."""

        def steps(_: Producer) -> Steps[None]:
            yield [("DEL", f"{self._keys.own('worker')}:{worker}"), ("ZREM", self._keys.own("workers"), worker)]

        return self._link.call(steps)

    def workers(self) -> Call[list[WorkerRecord]]:
        """See ``HouseStore``."""

        def steps(_: Producer) -> Steps[list[WorkerRecord]]:
            (ids,) = yield [("ZRANGE", self._keys.own("workers"), 0, -1)]
            found = names(ids)
            rows = (yield [("GET", f"{self._keys.own('worker')}:{name}") for name in found]) if found else []
            records = [_worker(name, row) for name, row in zip(found, rows, strict=True) if row is not None]
            return [record for record in records if record is not None]

        return self._link.call(steps)


def told_keep(keep: Keep) -> tuple[Arg, Arg, Arg]:
    """Write what is kept as the scripts read it: age, items, and the age below which the count removes none."""
    age_ms = -1 if keep.max_age is None else to_ms(keep.max_age)
    return age_ms, -1 if keep.max_items is None else keep.max_items, to_ms(keep.min_age)


def _worker(name: str, raw: bytes) -> WorkerRecord | None:
    """Read a process's record; None for what is none."""
    try:
        f = cast("dict[str, Any]", orjson.loads(raw))
        extra: dict[str, object] = dict(f["extra"])
        return WorkerRecord(
            id=name, role=str(f["role"]), host=str(f["host"]), pid=_count(f["pid"]), tasks=tuple(map(str, f["tasks"])),
            active=_count(f["active"]), done=_count(f["done"]), failed=_count(f["failed"]), rss=_count(f["rss"]),
            started_at=from_ms(int(f["startedAt"])), seen_at=from_ms(int(f["seenAt"])), version=str(f["version"]),
            leader=f["leader"] is True, extra=extra,
        )  # fmt: skip
    except (ValueError, LookupError, TypeError, OverflowError, OSError):
        return None


def _count(value: object) -> int:
    """Read a number that JSON has a form for; raises ``ValueError`` for any other."""
    count = int(cast("int", value))
    if not 0 <= count <= _LARGEST:
        raise ValueError(count)
    return count
