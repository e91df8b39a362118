"""Reading what controls a task's flow, in Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from taskora.adapters.redis.records import LOOKED_AT, moment, name_of, names, number
from taskora.clock import from_ms
from taskora.connection.request import Command, Steps
from taskora.rules import (
    CollectBuffer,
    DebouncedKey,
    DeduplicatedKey,
    FlowControl,
    FlowCounts,
    LimitedKey,
    ThrottledKey,
)

_HOLDERS_SHOWN = 20
_PER_LOOK = 500


def read_flow(base: bytes, task: str, limit: int, offset: int) -> Steps[FlowControl]:
    """Read a page of each kind of keys. See ``ControlStore.flow``."""
    ((seconds, micros),) = yield [("TIME",)]
    now_ms = int(seconds) * 1000 + int(micros) // 1000
    collect, debounce, throttle, dedup = (
        base + b":rules:" + rule for rule in (b"collect", b"debounce", b"throttle", b"dedup")
    )
    *counts, buffers, debounced, throttled, deduplicated = yield [
        ("HLEN", base + b":limited"),
        ("ZCARD", collect),
        ("ZCOUNT", debounce, f"({now_ms}", "+inf"),
        ("ZCOUNT", throttle, f"({now_ms}", "+inf"),
        ("ZCARD", dedup),
        ("ZRANGE", collect, "-inf", "+inf", "BYSCORE", "LIMIT", offset, limit),
        ("ZRANGE", debounce, f"({now_ms}", "+inf", "BYSCORE", "LIMIT", offset, limit),
        ("ZRANGE", throttle, f"({now_ms}", "+inf", "BYSCORE", "LIMIT", offset, limit, "WITHSCORES"),
        ("ZRANGE", dedup, "-inf", "+inf", "BYSCORE", "LIMIT", offset, limit),
    ]
    return FlowControl(
        task,
        FlowCounts(*counts),
        (yield from _limited(base, limit, offset)),
        (yield from _buffers(base, buffers)),
        (yield from _debounced(base, debounced)),
        (yield from _throttled(base, throttled)),
        (yield from _deduplicated(base, deduplicated)),
    )


def _shown(key: bytes) -> str:
    return key.decode(errors="replace")


def _limited(base: bytes, limit: int, offset: int) -> Steps[list[LimitedKey]]:
    keys = (yield from _keys_limited(base + b":limited", min(offset, LOOKED_AT) + limit))[offset : offset + limit]
    rows = yield from _of_each(
        keys,
        lambda key: [
            ("SCARD", base + b":holders:" + key),
            ("ZCARD", base + b":blocked:" + key),
            ("SCARD", base + b":ready:" + key),
            ("SRANDMEMBER", base + b":holders:" + key, _HOLDERS_SHOWN),
            ("ZRANGE", base + b":blocked:" + key, 0, 0),
        ],
    )
    # Where neither one holds it nor waits, there is no such job.
    examples = [[*held, *blocked, b"none"][0] for _, _, _, held, blocked in rows]
    limits = (yield [("HGET", base + b":" + job_id, "concurrencyLimit") for job_id in examples]) if examples else []
    return [
        LimitedKey(_shown(key), number(limit_of_it), running, waiting + ready, tuple(sorted(names(held))))
        for key, (running, waiting, ready, held, _), limit_of_it in zip(keys, rows, limits, strict=True)
    ]


def _of_each(keys: Sequence[bytes], commands: Callable[[bytes], list[Command]]) -> Steps[list[list[Any]]]:
    """Ask the same of each key, in one round trip; returns the replies by key."""
    asked = [commands(key) for key in keys]
    replies = iter((yield [command for some in asked for command in some]) if asked else ())
    return [[next(replies) for _ in some] for some in asked]


def _keys_limited(key: bytes, count: int) -> Steps[list[bytes]]:
    found: dict[bytes, None] = {}
    cursor = b"0"
    while count:
        scan: Command = ("HSCAN", key, cursor, "COUNT", _PER_LOOK)
        ((cursor, flat),) = yield [scan]
        found.update(dict.fromkeys(flat[::2]))
        if cursor == b"0" or len(found) >= count:
            break
    return list(found)


def _buffers(base: bytes, keys: Sequence[bytes]) -> Steps[list[CollectBuffer]]:
    rows = yield from _of_each(
        keys,
        lambda key: [
            ("HMGET", base + b":collect:" + key + b":meta", "count", "bytes", "firstAt", "lastAt"),
            ("GET", base + b":collect:" + key + b":job"),
            ("GET", base + b":collect:" + key + b":batch"),
        ],
    )
    jobs = [shared or ours or b"none" for _, shared, ours in rows]
    due = (yield [("ZSCORE", base + b":delayed", job_id) for job_id in jobs]) if jobs else []
    found: list[CollectBuffer] = []
    for key, (meta, _, _), job_id, at in zip(keys, rows, jobs, due, strict=True):
        items, size, oldest_ms, newest_ms = map(number, meta)
        oldest_at, newest_at, batch_id = moment(oldest_ms), moment(newest_ms), name_of(job_id) or ""
        # What was taken since the list was read has none of this.
        if items and oldest_at is not None and newest_at is not None:
            due_at = moment(number(at))
            found.append(CollectBuffer(_shown(key), items, size, oldest_at, newest_at, due_at, batch_id))
    return found


def _held(base: bytes, rule: bytes, keys: Sequence[bytes]) -> Steps[list[tuple[bytes, bytes]]]:
    """Find the job of each key; keys that were given up are left out."""
    jobs = (yield [("GET", base + rule + key) for key in keys]) if keys else []
    return [(key, job_id) for key, job_id in zip(keys, jobs, strict=True) if job_id is not None]


def _debounced(base: bytes, keys: Sequence[bytes]) -> Steps[list[DebouncedKey]]:
    held = yield from _held(base, b":debounce:", keys)
    due = (yield [("ZSCORE", base + b":delayed", job_id) for _, job_id in held]) if held else []
    return [
        DebouncedKey(_shown(key), name_of(job_id) or "", moment(number(at)))
        for (key, job_id), at in zip(held, due, strict=True)
    ]


def _throttled(base: bytes, timed: Sequence[bytes]) -> Steps[list[ThrottledKey]]:
    ends = dict(zip(timed[::2], timed[1::2], strict=True))
    counts = yield from _held(base, b":throttle:", list(ends))
    return [
        ThrottledKey(_shown(key), number(count) or 0, moment(number(ends[key])) or from_ms(0)) for key, count in counts
    ]


def _deduplicated(base: bytes, keys: Sequence[bytes]) -> Steps[list[DeduplicatedKey]]:
    held = yield from _held(base, b":dedup:", keys)
    states = (yield [("HGET", base + b":" + job_id, "state") for _, job_id in held]) if held else []
    return [
        DeduplicatedKey(_shown(key), name_of(job_id) or "", _shown(state))
        for (key, job_id), state in zip(held, states, strict=True)
        if state is not None
    ]
