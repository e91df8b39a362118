"""What is stored, on a server and in memory, in one form: by the server's keys, without what only one of them has.

Readers show a part of it. Who holds what, what runs out when, and what an ended job leaves behind decides of later
steps alone, and a comparison of those finds it late or never.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from conformance.by_hand import LEFT_KEY, Hand
from taskora.adapters.memory.limits import parked
from taskora.adapters.memory.ranked import Ranked, S
from taskora.adapters.memory.store import Flow, Flows, Job, Queue, Store
from taskora.adapters.redis.workflow_records import SUCCESSORS_PER_FIELD
from taskora.connection.request import pack
from taskora.keys import Keys

Tokens: TypeAlias = Mapping[str, str]
"""For each lock's value on the server, the one in memory."""

_DUMP = """
local time, out = redis.call('TIME'), {}
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local passed = now - (redis.call('HGET', KEYS[1], '') or now)
redis.call('HSET', KEYS[1], '', now)
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local kind, value = redis.call('TYPE', key).ok, false
  if kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'list' then value = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'set' then value = redis.call('SMEMBERS', key)
  elseif kind == 'string' then value = redis.call('GET', key) end
  local at, left = #out, redis.call('PTTL', key)
  if left >= 0 then
    -- What was not set anew since the last time gets back what has passed.
    local before = tonumber(redis.call('HGET', KEYS[1], key))
    if before and left <= before and left >= before - passed - 1000 then
      left = before
      redis.call('PEXPIRE', key, left)
    end
    redis.call('HSET', KEYS[1], key, string.format('%d', left))
  end
  out[at + 1], out[at + 2], out[at + 3] = key, value, left
end
return out
"""
_ENDED = ("completed", "failed", "expired", "cancelled")
_JOB_FIELDS = (
    "state", "ts", "_v", "attempt", "priority", "data", "expireAt", "given", "processedOn", "finishedOn", "result",
    "error", "errorType", "trace", "progress", "cancelledAt", "cancelReason", "stalledCount", "crashes", "beside",
    "cause", "dedupKey", "collectKey", "concurrencyKey", "concurrencyLimit", "_wf", "_wfNode",
)  # fmt: skip
_WORKFLOW_FIELDS = ("state", "createdAt", "result", "error", "errorNode", "errorTask", "errorJob", "errorType")


class Kept(NamedTuple):
    """What is stored: each key with its value, and with the milliseconds until it ends by itself, if it does."""

    values: dict[str, object]
    left_ms: dict[str, int]


class ServerDump:
    """Reads all keys of a prefix; what has not changed since the last time is not read anew.

    Each time, what ends by itself is given back the real time that has passed since the time before.
    """

    def __init__(self, hand: Hand, keys: Keys) -> None:
        self._hand = hand
        self._root = keys.root
        self._request = pack([("EVAL", _DUMP, 1, LEFT_KEY, f"{keys.root}:*")])
        self._seen: dict[bytes, tuple[object, str, object]] = {}

    def read(self, tokens: Tokens) -> Kept:
        """Read everything."""
        (rows,) = self._hand.talk(self._request, 1)
        values: dict[str, object] = {}
        left: dict[str, int] = {}
        seen = self._seen
        for raw, value, left_ms in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
            known = seen.get(raw)
            if known is None or known[0] != value:
                name = raw.decode()[len(self._root) + 1 :]
                known = seen[raw] = (value, name, _from_server(name, value, tokens))
            _, name, found = known
            if found is not None:
                values[name] = found
                if left_ms >= 0 and not name.startswith("wf:"):
                    left[name] = left_ms
        return Kept(values, left)


def _from_server(name: str, value: Any, tokens: Tokens) -> object:
    """Read a key's value; None for what memory has no counterpart of."""
    if name.startswith("{"):
        task, _, rest = name[1:].partition("}:")
        return _task_key(task, rest, value, tokens)
    if name.startswith("wf:"):
        return _workflow(_fields(value))
    if name == "schedules:lock":
        return value.decode()
    if name.startswith("workflows") and name != "workflows:events":
        return _scores(value)
    return None


def _task_key(task: str, name: str, value: Any, tokens: Tokens) -> object:
    head, _, _ = name.partition(":")
    read = _TASK_KEYS.get(head)
    if head in ("marker", "wake", "sent", "events", "metrics"):
        return None
    if head == "blocked" and name != head:
        return _order(value)
    if read is not None:
        return read(value)
    if head == "rules":
        # Those that run out are listed for readers, who pass over what has; the rest is exact.
        return _name_set(value[::2]) if name in ("rules:dedup", "rules:collect") else None
    if head == "collect":
        return None if name.endswith(":job") else _buffer_part(name, value)
    if head == "fence":
        found = _fields(value)
        return found.get("halt", ""), "drain" in found
    if name.endswith(":lock"):
        return tokens.get(value.decode(), value.decode())
    if name.endswith(":logs"):
        return list(value)
    return _job(_fields(value))


def _names(value: Any) -> list[str]:
    return [each.decode() for each in value]


def _name_set(value: Any) -> frozenset[str]:
    return frozenset(_names(value))


def _scores(value: Any) -> list[tuple[str, float]]:
    return [(name.decode(), float(score)) for name, score in zip(value[::2], value[1::2], strict=True)]


def _order(value: Any) -> list[str]:
    return _names(value[::2])


def _fields(value: Any) -> dict[str, str]:
    return {name.decode(): _text(each) for name, each in zip(value[::2], value[1::2], strict=True)}


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _buffer_part(name: str, value: Any) -> object:
    if name.endswith(":meta"):
        f = _fields(value)
        return tuple(int(f[part]) for part in ("count", "bytes", "firstAt", "lastAt"))
    return list(value) if name.endswith(":items") else value.decode()


_TASK_KEYS: dict[str, Callable[[Any], object]] = {
    "wait": _names, "active": _names, "prioritized": _scores, "delayed": _scores, "blocked": _scores,
    "fires": _fields, "stalled": _name_set, "holders": _name_set, "ready": _name_set, "conc": int, "gone": int,
    "swept": int, "paused": int, "throttle": int, "debounce": bytes.decode, "dedup": bytes.decode, "into": bytes.decode,
    "item": bytes.decode, "limited": lambda value: frozenset(_fields(value)), **dict.fromkeys(_ENDED, _scores),
}  # fmt: skip


def _job(f: Mapping[str, str]) -> dict[str, str]:
    found = {name: f[name] for name in _JOB_FIELDS if f.get(name)}
    for name in ("expireAt", "stalledCount", "crashes", "beside", "concurrencyLimit"):
        if found.get(name) == "0":
            del found[name]
    if "dedupKey" in found:
        found["dedupKey"] = found["dedupKey"].partition(":dedup:")[2]
    found["priority"] = f.get("priority", "0")
    found["cancelledAt"] = "1" if "cancelledAt" in f else ""
    return found


def _workflow(f: Mapping[str, str]) -> dict[str, object]:
    count = int(f["count"])
    fans = tuple(part for part in f.get("fans", "").split(",") if part)
    return {
        **{name: f[name] for name in _WORKFLOW_FIELDS if f.get(name)},
        "nodes": [tuple(f.get(f"n:{at}:{what}", "") for what in ("state", "result", "error")) for at in range(count)],
        "passed": {at: int(f[f"p:{at}"]) for at in (*range(count), "T") if f"p:{at}" in f},
        "fans": fans, "cascade": f.get("cascade"),
    }  # fmt: skip


# -- memory


def stored_in_memory(store: Store, now_ms: int) -> Kept:
    """Read everything."""
    kept = Kept({}, {})
    for task, queue in store.queues.items():
        head = f"{{{task}}}:"
        for name, value in _places(queue):
            if value:
                kept.values[head + name] = value
        for name, value, until_ms in _ending(queue):
            if until_ms > now_ms:
                kept.values[head + name] = value
                kept.left_ms[head + name] = until_ms - now_ms
        for job in queue.jobs.values():
            kept.values[head + job.id] = _memory_job(job)
            if job.logs:
                kept.values[f"{head}{job.id}:logs"] = list(job.logs)
    _flows(store.flows, kept.values)
    if store.leader is not None and store.leader.until_ms > now_ms:
        kept.values["schedules:lock"] = store.leader.token
        kept.left_ms["schedules:lock"] = store.leader.until_ms - now_ms
    return kept


def _places(queue: Queue) -> Iterator[tuple[str, Any]]:
    yield "wait", list(reversed(queue.waiting))
    yield "active", list(reversed(queue.active))
    yield "prioritized", [(name, ts + priority * 1e13) for name, (priority, ts) in _scored(queue.prioritized)]
    yield "delayed", _scored(queue.delayed)
    for state, ranked in queue.ended.items():
        yield state.value, _scored(ranked)
    yield "stalled", frozenset(queue.stalled)
    yield "swept", queue.swept_ms
    yield "fires", {name: str(at_ms) for name, at_ms in queue.fires.items()}
    yield "limited", frozenset(queue.limits)
    yield "blocked", [(name, float(queue.jobs[name].expires_ms or "inf")) for name in parked(queue)]
    for key, use in queue.limits.items():
        yield f"conc:{key}", len(use.holders)
        yield f"holders:{key}", frozenset(use.holders)
        yield f"ready:{key}", frozenset(use.ready)
        yield f"blocked:{key}", list(use.blocked)
    for key, buffer in queue.buffers.items():
        yield f"collect:{key}:items", list(buffer.items)
        yield f"collect:{key}:meta", (len(buffer.items), buffer.size, buffer.first_ms, buffer.last_ms)
        yield f"collect:{key}:batch", buffer.batch_id
    for name, listed in (("dedup", queue.dedup), ("collect", queue.buffers)):
        if listed:
            yield f"rules:{name}", frozenset(listed)
    if queue.paused_ms is not None:
        yield "paused", queue.paused_ms
    for key, holder in queue.dedup.items():
        yield f"dedup:{key}", holder


def _ending(queue: Queue) -> Iterator[tuple[str, object, int]]:
    for job_id in queue.active:
        lock = queue.jobs[job_id].lock
        if lock is not None:
            yield f"{job_id}:lock", lock.token, lock.until_ms
    for worker, fence in queue.fences.items():
        if fence.halt or fence.draining:
            yield f"fence:{worker}", (fence.halt, fence.draining), fence.until_ms
    for name, until_ms in queue.gone.items():
        yield f"gone:{name}", 1, until_ms
    for key, (count, until_ms) in queue.throttled.items():
        yield f"throttle:{key}", count, until_ms
    for kind, entries in (("debounce", queue.debounced), ("into", queue.replaced), ("item", queue.collected)):
        for name, (job_id, until_ms) in entries.items():
            yield f"{kind}:{name}", job_id, until_ms


def _memory_job(job: Job) -> dict[str, str]:
    found = {
        "state": job.state.value, "ts": job.ts_ms, "_v": job.version, "attempt": job.attempt,
        "expireAt": job.expires_ms, "given": int(job.given), "processedOn": job.processed_ms,
        "finishedOn": job.finished_ms, "error": job.error,
        "errorType": job.error_type, "trace": job.trace, "cancelReason": job.cancel_reason, "stalledCount": job.stalls,
        "crashes": job.crashes, "beside": job.beside, "cause": job.cause, "dedupKey": job.dedup_key,
        "collectKey": job.collect_key,
        "concurrencyKey": job.limit_key, "concurrencyLimit": job.limit, "_wf": job.workflow_id,
    }  # fmt: skip
    fields = {name: str(value) for name, value in found.items() if value}
    for name, raw in (("data", job.data), ("result", job.result), ("progress", job.progress)):
        if raw:
            fields[name] = _text(raw)
    if job.node is not None:
        fields["_wfNode"] = str(job.node)
    fields["priority"] = str(job.priority)
    fields["cancelledAt"] = "1" if job.cancel_flag else ""
    return fields


def _flows(flows: Flows, values: dict[str, object]) -> None:
    for workflow_id, flow in flows.by_id.items():
        values[f"wf:{{{workflow_id}}}"] = _memory_flow(flow)
    for name, ranked in (
        ("workflows", flows.created), ("workflows:deadlines", flows.deadlines), ("workflows:owed", flows.owed),
        ("workflows:completed", flows.completed), ("workflows:failed", flows.failed),
    ):  # fmt: skip
        if len(ranked):
            values[name] = _scored(ranked)


def _memory_flow(flow: Flow) -> dict[str, object]:
    failure = flow.failure
    found = {
        "state": flow.state, "createdAt": str(flow.created_ms), "result": _text(flow.result or b""),
        "error": flow.error,
    }  # fmt: skip
    if failure is not None:
        found |= {
            "errorNode": str(failure.node), "errorTask": failure.task, "errorJob": failure.job_id,
            "errorType": failure.error_type,
        }  # fmt: skip
    passed: dict[object, int] = {at: node.passed for at, node in enumerate(flow.nodes) if node.passed}
    if flow.end_passed:
        passed["T"] = flow.end_passed
    return {
        **{name: value for name, value in found.items() if value},
        "nodes": [(node.state, _text(node.result or b""), node.error or "") for node in flow.nodes],
        "passed": passed,
        "fans": tuple(f"{'R' if fan.node < 0 else fan.node}:{fan.first // SUCCESSORS_PER_FIELD}" for fan in flow.fans),
        "cascade": None if flow.cascade is None else str(flow.cascade),
    }  # fmt: skip


def _scored(ranked: Ranked[S]) -> list[tuple[str, S]]:
    return [(name, score) for score, name in ranked._order]  # pyright: ignore[reportPrivateUsage] - nobody else asks for the scores
