"""Replies such as a server gives whose keys anybody may have written: of the right shape, with anything in it."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck
from hypothesis import strategies as st

from taskora.connection.request import Command, ScriptCall

# What is drawn here is large on purpose.
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
DEEP = b"[" * 50_000 + b"]" * 50_000


def _record(extra: bytes, pid: bytes = b"1") -> bytes:
    """What a steward tells of itself, but for this."""
    numbers = b'"active":0,"done":0,"failed":0,"rss":1,"startedAt":1795544727026,"seenAt":1795544727026'
    texts = b'"role":"steward","host":"h","version":"1","tasks":[],"leader":true'
    return b"{%s,%s,%s,%s}" % (texts, numbers, b'"pid":' + pid, b'"extra":{' + extra + b"}")


SPECIAL = (
    b"", b"0", b"-1", b"1", b"1e999", b"1e300", b"-1e300", b"-inf", b"inf", b"nan", b"NaN", b"9" * 400, b"9" * 6000,
    b"1.5", b"0x10",
    b"null", b"{}", b"[]", b"true", b'"x"', b"\xff\xfe{", b'{"a":1,"a":2}', b'"\\ud800"', b"NaN", DEEP,
    b'{"a":' * 5000 + b"1" + b"}" * 5000, b"x" * 200_000, b"\x1b[31m\n\x00", b"completed", b"failed", b"running",
    b"waiting", b"active", b"1795544727026", b"250000000000001",
    b'{"nodes":[{"taskName":"a","jobId":"b","deps":[0]}],"terminal":[0]}', b'{"nodes":[{}],"terminal":[1e999]}',
    b'{"nodes":[{"taskName":1,"jobId":[],"deps":[9]}],"terminal":[-1],"name":{}}', b'{"nodes":{"a":1},"terminal":5}',
    b'{"task":"a","every":1e308,"lastRun":1e308}', b'{"task":"a","every":0.1}', b'{"task":"a","cron":"* * * * *"}',
    b'{"task":"a","cron":"0 0 30 2 *","timezone":"Mars/Olympus"}', b'{"task":"a","every":5,"onMissed":"catch-up"}',
    b'{"level":"info","timestamp":1e300,"message":{}}', b'{"level":"info","timestamp":-1,"message":"x","meta":[]}',
    b'{"role":1,"host":[],"pid":"x","tasks":5,"extra":[1]}', b'{"concurrency":1e5,"retention":5,"stall":[]}',
    b'{"concurrency":0,"version":0,"since":9,"maxAttempts":0,"stall":{"intervalMs":99999999999999999}}',
    b'{"n":9007199254740993,"why":"crash","at":1795544727026,"by":"\\u009b31m","cause":"x","next":"retry","due":-1}',
    b'{"n":1,"why":"error","at":1795544727026,"from":1e300,"error":{}}\n{"n":2,"why":[],"at":1}\n\xff\n[]',
    _record(b'"id":"s","supervisor":1e5,"procs":-1,"remoteControl":1,"slots":[7,{},{"slot":"0","pid":1}]'),
    _record(b'"slots":[{"slot":0,"pid":18446744073709551615,"cpu":1e308,"pss":-1,"lastCause":[],"worker":"w"}]'),
    _record(b'"slots":{}', pid=b"1e300"), _record(b'"id":[]', pid=b'"' + b"9" * 400 + b'"'), _record(b"", pid=b"-1"),
    b'{"id":"0","supervisor":"s","action":"scale","procs":1e9,"state":"waiting","askedAt":1795544727026}',
    b'{"id":"6f1f4d0c-1c5e-4fd9-a1c1-d7b8b9c7f0aa","supervisor":"s","action":"recycle","slot":-1,"state":"waiting","askedAt":1}',
    b'{"id":"6f1f4d0c-1c5e-4fd9-a1c1-d7b8b9c7f0aa","supervisor":"s","action":"drain","state":"accepted","askedAt":1795544727026}',
    b"0:waits:3", b"3:runs:64", b"9:runs:1", b"1:runs:-1", b"1:waits:\xc2\xb2", b"done", b"refused",
)  # fmt: skip
junk = st.one_of(st.sampled_from(SPECIAL), st.binary(max_size=40))
maybe = st.one_of(st.none(), junk)
count = st.integers(min_value=0, max_value=2**62)
rows = st.lists(junk, max_size=5)
scored = st.lists(st.tuples(junk, st.sampled_from((b"0", b"1.5", b"inf", b"-inf", b"1e300", b"-5"))), max_size=4)
# The ids of entries are the server's own; the fields may be anybody's.
entry_ids = st.builds(b"%d-%d".__mod__, st.tuples(st.integers(0, 2**63), st.integers(0, 2**63)))
moments = st.tuples(st.sampled_from((b"1795544727", b"0")), st.sampled_from((b"0", b"999999")))

_SCRIPTS: dict[str, st.SearchStrategy[Any]] = {
    "cancel": st.tuples(st.integers(0, 2), rows).map(list),
    "sweep": st.tuples(count, rows, rows).map(list),
    "recover": st.tuples(count, rows, rows).map(list),
    "reclaim": st.tuples(count, rows).map(list),
    "promote": st.tuples(st.integers(-1, 2**40), rows).map(list),
    "due_schedules": st.tuples(
        count,
        st.lists(st.tuples(junk, st.sampled_from((b"0", b"inf", b"-inf", b"1e300")), junk).map(list), max_size=3),
        st.integers(-1, 2**40),
    ).map(list),
    "follow": maybe,
    "mend_node": st.tuples(st.integers(0, 1), rows).map(list),
    "broken_nodes": rows.map(lambda found: [-1, found]),
    "requeue": st.sampled_from((b"0,0,0", b"1,0,1795544727026")),
    "clean": st.sampled_from((b"0", b"7")),
    "handshake": st.lists(maybe, min_size=4, max_size=4),
    "continue_workflow": st.just(0),
    "enqueue": st.sampled_from((b"", b"1", b"0")),
}  # fmt: skip


def reply_to(item: Command | ScriptCall) -> st.SearchStrategy[Any]:
    """What a server may answer to a request."""
    if isinstance(item, ScriptCall):
        return _SCRIPTS.get(item.script.name, st.integers(0, 1))
    name = str(item[0])
    if name == "HMGET":
        return st.lists(maybe, min_size=len(item) - 2, max_size=len(item) - 2)
    if name == "MGET":
        return st.lists(maybe, min_size=len(item) - 1, max_size=len(item) - 1)
    if name in ("GET", "HGET"):
        return maybe
    if name == "ZSCORE":
        return st.sampled_from((None, b"0", b"inf", b"-inf", b"1e300"))
    if name == "HGETALL":
        pairs = st.lists(st.tuples(st.one_of(junk, st.sampled_from(_FIELDS)), junk), max_size=12)
        return pairs.map(lambda found: [part for pair in found for part in pair])
    if name == "ZRANGE" and "WITHSCORES" in item:
        return scored.map(lambda found: [part for pair in found for part in pair])
    if name in ("ZRANGE", "LRANGE", "SRANDMEMBER"):
        return rows
    if name == "SCAN":
        return rows.map(lambda found: [b"0", found])
    if name == "HSCAN":
        return rows.map(lambda found: [b"0", [part for field in found for part in (field, b"1")]])
    if name == "XREVRANGE":
        fields = st.lists(st.tuples(st.one_of(junk, st.sampled_from(_NOTED)), junk), max_size=9)
        flat = fields.map(lambda found: [part for pair in found for part in pair])
        return st.lists(st.tuples(entry_ids, flat).map(list), max_size=4)
    if name == "TYPE":
        return st.sampled_from((b"none", b"string", b"list", b"zset"))
    if name == "TIME":
        return moments.map(list)
    if name == "INFO":
        return junk
    return count


_FIELDS = (b"state", b"graph", b"createdAt", b"result", b"error", b"n:0:state", b"n:0:result", b"parts", b"name")
_NOTED = (b"who", b"role", b"action", b"target", b"outcome", b"count", b"detail")
