"""The server's condition, counters and leftovers, in Redis."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from taskora.adapters.redis.link import Link
from taskora.adapters.redis.records import names, number
from taskora.adapters.vitals_store import KeyFacts, Locks, ServerFacts, Throughput, VersionCounts
from taskora.call import Call
from taskora.clock import from_ms
from taskora.connection.request import Command, Producer, Steps
from taskora.errors import ConfigError

_MINUTE_MS = 60_000
LAYOUT = ("wireVersion", "minCompat", "writtenBy", "writtenAt")
_PER_SCAN = 1000
_ENDS = ("completed", "failed", "cancelled", "expired")  # in the order of Throughput
_KEYS = re.compile(r"keys=(\d+),")
_COUNTS = {
    "wait": "LLEN", "prioritized": "ZCARD", "blocked": "ZCARD", "active": "LLEN", "delayed": "ZCARD",
    "completed": "ZCARD", "failed": "ZCARD", "expired": "ZCARD", "cancelled": "ZCARD", "events": "XLEN",
    "stalled": "SCARD", "marker": "ZCARD", "limited": "HLEN", "fires": "HLEN",
}  # fmt: skip


class RedisVitals:
    """See ``VitalsStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._keys = link.keys

    def server(self) -> Call[ServerFacts]:
        """See ``VitalsStore``."""

        def steps(_: Producer) -> Steps[ServerFacts]:
            info, layout = yield [("INFO",), ("HMGET", self._keys.own("meta"), *LAYOUT)]
            before_ns = time.time_ns()
            ((seconds, micros),) = yield [("TIME",)]
            here_s = (before_ns + time.time_ns()) / 2e9
            skew_s = int(seconds) + int(micros) / 1e6 - here_s
            stored = {
                name: value.decode(errors="replace")
                for name, value in zip(LAYOUT, layout, strict=True)
                if value is not None
            }
            return read_facts(read_info(info), skew_s, stored)

        return self._link.call(steps)

    def settings(self, names: Sequence[str]) -> Call[dict[str, str]]:
        """See ``VitalsStore``."""

        def steps(_: Producer) -> Steps[dict[str, str]]:
            found: dict[str, str] = {}
            for reply in (yield [("CONFIG", "GET", name) for name in names]):
                found |= {key.decode(): value.decode() for key, value in zip(reply[::2], reply[1::2], strict=True)}
            return found

        return self._link.call(steps)

    def latencies(self, count: int) -> Call[list[int]]:
        """See ``VitalsStore``."""

        def steps(_: Producer) -> Steps[list[int]]:
            taken: list[int] = []
            for _number in range(count):
                began_ns = time.perf_counter_ns()
                yield [("PING",)]
                taken.append(time.perf_counter_ns() - began_ns)
            return taken

        return self._link.call(steps)

    def throughput(self, tasks: Sequence[str], bucket_minutes: int, count: int) -> Call[list[Throughput]]:
        """See ``VitalsStore``."""

        def steps(_: Producer) -> Steps[list[Throughput]]:
            ((seconds, _micros),) = yield [("TIME",)]
            width_ms = bucket_minutes * _MINUTE_MS
            first_ms = int(seconds) * 1000 // width_ms * width_ms - (count - 1) * width_ms
            minutes = range(first_ms, first_ms + count * width_ms, _MINUTE_MS)
            requests: list[Command] = [
                ("MGET", *(f"{self._keys.task(task)}:metrics:{kind}:{minute}" for minute in minutes))
                for task in tasks
                for kind in _ENDS
            ]
            totals = [[0] * count for _ in _ENDS]
            for row, values in enumerate((yield requests) if requests else ()):
                for at, value in enumerate(values):
                    totals[row % len(_ENDS)][at // bucket_minutes] += number(value) or 0
            starts = (from_ms(first_ms + at * width_ms) for at in range(count))
            return [Throughput(*row) for row in zip(starts, *totals, strict=True)]

        return self._link.call(steps)

    def locks(self, task: str, limit: int) -> Call[Locks]:
        """See ``VitalsStore``."""

        def steps(_: Producer) -> Steps[Locks]:
            (ids,) = yield [("LRANGE", f"{self._keys.task(task)}:active", -limit, -1)]
            found = names(ids)
            left = (yield [("PTTL", f"{self._keys.job(task, name)}:lock") for name in found]) if found else []
            by_ttl = list(zip(found, left, strict=True))
            without = [name for name, ttl_ms in by_ttl if ttl_ms == -2]
            # What was settled since the list was read has no lock either.
            states = (yield [("HGET", self._keys.job(task, name), "state") for name in without]) if without else []
            return Locks(
                len(found),
                tuple(name for name, state in zip(without, states, strict=True) if state == b"active"),
                tuple(name for name, ttl_ms in by_ttl if ttl_ms == -1),
            )

        return self._link.call(steps)

    def versions(self, task: str, limit: int) -> Call[VersionCounts]:
        """See ``VitalsStore``."""

        def steps(_: Producer) -> Steps[VersionCounts]:
            base = self._keys.task(task)
            delayed, blocked, high = (f"{base}:{name}" for name in ("delayed", "blocked", "prioritized"))
            wait, active = f"{base}:wait", f"{base}:active"
            # In the order in which jobs pass, so that one that moves meanwhile is counted twice rather than not at all.
            delayed_ids, late, blocked_ids, parked, high_ids, urgent, wait_ids, listed, active_ids, running = yield [
                ("ZRANGE", delayed, 0, limit - 1), ("ZCARD", delayed), ("ZRANGE", blocked, 0, limit - 1),
                ("ZCARD", blocked), ("ZRANGE", high, 0, limit - 1), ("ZCARD", high),
                ("LRANGE", wait, -limit, -1), ("LLEN", wait), ("LRANGE", active, -limit, -1), ("LLEN", active),
            ]  # fmt: skip
            waiting_ids = (*high_ids, *reversed(wait_ids), *blocked_ids)[:limit]
            return VersionCounts(
                waiting=(yield from self._versions_of(base, waiting_ids)),
                active=(yield from self._versions_of(base, active_ids)),
                delayed=(yield from self._versions_of(base, delayed_ids)),
                complete=max(late, urgent + listed + parked, running) <= limit,
            )

        return self._link.call(steps)

    @staticmethod
    def _versions_of(base: str, ids: Sequence[bytes]) -> Steps[dict[int, int]]:
        counts = Counter[int]()
        for first in range(0, len(ids), _PER_SCAN):
            page = ids[first : first + _PER_SCAN]
            for raw in (yield [("HGET", f"{base}:".encode() + job_id, "_v") for job_id in page]):
                # A job that ended meanwhile, or that nobody can read, says nothing.
                if (version := number(raw)) is not None:
                    counts[version] += 1
        return dict(counts)

    def fences(self, pairs: Sequence[tuple[str, str]]) -> Call[list[str]]:
        """See ``VitalsStore``."""

        def steps(_: Producer) -> Steps[list[str]]:
            requests = [("HGET", f"{self._keys.task(task)}:fence:{worker}", "halt") for worker, task in pairs]
            return [(halt or b"").decode(errors="replace") for halt in ((yield requests) if requests else ())]

        return self._link.call(steps)

    def slots(self, tasks: Sequence[str]) -> Call[list[frozenset[int]]]:
        """See ``VitalsStore``."""

        def steps(_: Producer) -> Steps[list[frozenset[int]]]:
            found: list[frozenset[int]] = []
            for task in tasks:
                base = self._keys.task(task)
                names = (f"{base}:wait", f"{base}:active", self._keys.marker(task), self._keys.job(task, "x"))
                found.append(frozenset((yield [("CLUSTER", "KEYSLOT", name) for name in names])))
            return found

        return self._link.call(steps)

    def keys(self, task: str) -> Call[list[KeyFacts]]:
        """See ``VitalsStore``."""

        def steps(_: Producer) -> Steps[list[KeyFacts]]:
            base = self._keys.task(task)
            counts = yield [(command, f"{base}:{name}") for name, command in _COUNTS.items()]
            sizes = yield [("MEMORY", "USAGE", f"{base}:{name}") for name in _COUNTS]
            return [KeyFacts(*row) for row in zip(_COUNTS, counts, (size or 0 for size in sizes), strict=True)]

        return self._link.call(steps)

    def erase(self) -> Call[int]:
        """See ``VitalsStore``."""
        if not self._keys.prefix:
            raise ConfigError("prefix: without one, everything of everybody on the server would be removed")

        def steps(_: Producer) -> Steps[int]:
            cursor, count = b"0", 0
            while True:
                scan: Command = ("SCAN", cursor, "MATCH", f"{self._keys.root}:*", "COUNT", _PER_SCAN)
                ((cursor, keys),) = yield [scan]
                if keys:
                    (removed,) = yield [("UNLINK", *keys)]
                    count += removed
                if cursor == b"0":
                    return count

        return self._link.call(steps)


def read_info(info: bytes) -> Mapping[str, str]:
    """Read the answer to INFO."""
    return dict(line.split(":", 1) for line in info.decode(errors="replace").splitlines() if ":" in line)


def read_facts(info: Mapping[str, str], skew_s: float, layout: Mapping[str, str]) -> ServerFacts:
    """Make the facts of one server of what it says of itself."""
    valkey = info.get("valkey_version")
    return ServerFacts(
        flavor="valkey" if valkey else info.get("server_name", "redis"),
        version=valkey or info.get("redis_version", "unknown"),
        mode=info.get("redis_mode") or info.get("server_mode", "unknown"),
        uptime_s=_number(info, "uptime_in_seconds"),
        used_memory=_number(info, "used_memory"),
        max_memory=_number(info, "maxmemory"),
        memory_policy=info.get("maxmemory_policy", ""),
        clients=_number(info, "connected_clients"),
        append_only=info.get("aof_enabled") == "1",
        saved_well=all(
            info.get(name, "ok") == "ok"
            for name in ("rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status")
        ),
        skew_s=skew_s,
        layout=layout,
        peak_memory=_number(info, "used_memory_peak"),
        keys=sum(int(found[1]) for name, text in info.items() if name[:2] == "db" and (found := _KEYS.match(text))),
    )


def _number(info: Mapping[str, str], name: str) -> int:
    text = info.get(name, "")
    return int(text) if text.isdecimal() else 0
