"""Every kind of key of ours, and what stands in the place of one of it after somebody damaged it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Type = Literal["string", "list", "set", "zset", "hash", "stream"]
OTHER_TYPE = b"of another type"
TEXTS = (b"\xff\xfe{", b"", b"{x}", b"nobody", b"a\n\x1b[31mb", b"9" * 400, b"nan", b"-inf")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind.

    Attributes:
        pattern: Finds its keys, for SCAN; ``T`` stands for the base of a task, ``B`` and ``S`` for that
            of one that collects and one that indexes, ``R`` for the root.
        type: What it holds when it is whole.
        example: The key that is damaged if there is none; empty for none.
    """

    pattern: str
    type: Type
    example: str = ""


KINDS = {
    "a job": Kind("T:????????-????-7*", "hash"),
    "a lock": Kind("T:*:lock", "string"),
    "logs": Kind("T:*:logs", "list"),
    "wait": Kind("T:wait", "list"),
    "prioritized": Kind("T:prioritized", "zset"),
    "active": Kind("T:active", "list"),
    "delayed": Kind("T:delayed", "zset"),
    "completed": Kind("T:completed", "zset"),
    "failed": Kind("T:failed", "zset"),
    "expired": Kind("T:expired", "zset"),
    "cancelled": Kind("T:cancelled", "zset"),
    "events": Kind("T:events", "stream"),
    "stalled": Kind("T:stalled", "set"),
    "swept": Kind("T:swept", "string"),
    "marker": Kind("T:marker", "zset"),
    "fires": Kind("T:fires", "hash"),
    "sent": Kind("T:sent:*", "string"),
    "gone": Kind("T:gone:*", "string", "T:gone:given"),
    "into": Kind("T:into:*", "string", "T:into:nobody"),
    "item": Kind("T:item:*", "string", "T:item:nobody"),
    "fence": Kind("T:fence:*", "hash", "T:fence:W"),
    "wake": Kind("T:wake:*", "zset", "T:wake:W"),
    "limited": Kind("T:limited", "hash"),
    "conc": Kind("T:conc:k", "string", "T:conc:k"),
    "holders": Kind("T:holders:k", "set", "T:holders:k"),
    "blocked": Kind("T:blocked", "zset"),
    "blocked of a key": Kind("T:blocked:k", "zset", "T:blocked:k"),
    "ready": Kind("T:ready:k", "set", "T:ready:k"),
    "debounce": Kind("T:debounce:k", "string", "T:debounce:k"),
    "throttle": Kind("T:throttle:k", "string", "T:throttle:k"),
    "dedup": Kind("T:dedup:k", "string", "T:dedup:k"),
    "collect items": Kind("B:collect:k:items", "list", "B:collect:k:items"),
    "collect meta": Kind("B:collect:k:meta", "hash", "B:collect:k:meta"),
    "collect job": Kind("B:collect:k:job", "string", "B:collect:k:job"),
    "collect batch": Kind("B:collect:k:batch", "string", "B:collect:k:batch"),
    "index": Kind("S:ix:*", "zset"),
    "debounced keys": Kind("T:rules:debounce", "zset", "T:rules:debounce"),
    "throttled keys": Kind("T:rules:throttle", "zset", "T:rules:throttle"),
    "deduplication keys": Kind("T:rules:dedup", "zset", "T:rules:dedup"),
    "collect keys": Kind("B:rules:collect", "zset", "B:rules:collect"),
    "metrics": Kind("T:metrics:*", "string"),
    "a workflow": Kind("R:wf:*", "hash"),
    "root tasks": Kind("R:tasks", "hash"),
    "root workers": Kind("R:workers", "zset"),
    "root worker": Kind("R:worker:*", "string"),
    "root schedules": Kind("R:schedules", "hash"),
    "root schedules next": Kind("R:schedules:next", "zset"),
    "root schedules lock": Kind("R:schedules:lock", "string"),
    "root audit": Kind("R:audit", "stream"),
    "root refusals": Kind("R:audit:refused", "stream"),
    "root workflows": Kind("R:workflows", "zset"),
    "root workflows completed": Kind("R:workflows:completed", "zset"),
    "root workflows failed": Kind("R:workflows:failed", "zset"),
    "root workflows deadlines": Kind("R:workflows:deadlines", "zset"),
    "root workflows owed": Kind("R:workflows:owed", "zset"),
    "root workflows events": Kind("R:workflows:events", "stream"),
}
# Two channels, and what pauses its task whatever it holds, until somebody resumes it.
NO_KEYS = frozenset({"cancel", "migration:broadcast", "paused"})
# Whatever they hold speaks to all: that somebody migrates, and everything waits; that the layout is another, and every
# process refuses to work.
TO_ALL = frozenset({"migration:lock", "meta"})


def put_other_type(raw: Any, key: bytes, whole: Type) -> None:
    """Replace a key by one of another type."""
    raw.delete(key)
    if whole == "string":
        raw.rpush(key, OTHER_TYPE)
    else:
        raw.set(key, OTHER_TYPE)


def put_garbage(raw: Any, key: bytes, whole: Type) -> None:
    """Replace what a key holds by what nobody of ours would write, of the same type."""
    fields: list[bytes] = raw.hkeys(key) if whole == "hash" else []
    raw.delete(key)
    if whole == "string":
        raw.set(key, TEXTS[0])
    elif whole == "list":
        raw.rpush(key, *TEXTS)
    elif whole == "set":
        raw.sadd(key, *TEXTS)
    elif whole == "zset":
        raw.zadd(key, {text: (0, 1e300, "inf", "-inf")[at % 4] for at, text in enumerate(TEXTS)})
    elif whole == "hash":
        values: list[bytes] = [*fields, *TEXTS]
        raw.hset(key, mapping={field: TEXTS[at % len(TEXTS)] for at, field in enumerate(values)})
    else:
        for text in TEXTS:
            raw.xadd(key, {text or b"x": text, b"event": text, b"jobId": text})


def mend(raw: Any, key: bytes) -> None:
    """Delete a damaged key; of one that works in spite of the garbage in it, the garbage: the rest is ours."""
    found = raw.type(key)
    if found == b"list":
        for text in TEXTS:
            raw.lrem(key, 0, text)
    elif found == b"set":
        raw.srem(key, *TEXTS)
    elif found == b"zset":
        raw.zrem(key, *TEXTS)
    else:
        raw.delete(key)
    if raw.type(key) == b"list" and raw.lindex(key, 0) == OTHER_TYPE:
        raw.delete(key)
