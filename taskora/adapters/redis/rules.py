"""Dispatches of which keys decide, in Redis."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from taskora.adapters.redis.jobs import told_options
from taskora.adapters.redis.link import Link
from taskora.adapters.redis.records import moment, name_of, number
from taskora.adapters.redis.sent import in_numbered_calls
from taskora.call import Call
from taskora.connection.request import Arg, Producer, ScriptCall, Steps
from taskora.lua import load
from taskora.model import EnqueueSpec, NewJob
from taskora.rules import CollectBufferInfo, CollectRule, DebounceRule, Rule, ThrottleRule, Verdict


class RedisRules:
    """See ``RuleStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._keys = link.keys

    def enqueue(self, task: str, spec: EnqueueSpec, jobs: Sequence[tuple[NewJob, Rule]]) -> Call[list[Verdict]]:
        """See ``RuleStore``."""
        base = self._keys.task(task)

        def call(producer: str, number: int, chunk: Sequence[tuple[NewJob, Rule]]) -> ScriptCall:
            args: list[Arg] = [producer, number, spec.version, spec.max_attempts]
            for job, rule in chunk:
                args += (job.job_id, job.data, told_options(job), *_told(rule))
            return ScriptCall(load("enqueue_ruled"), (base,), args)

        return self._link.call(in_numbered_calls(jobs, call, _verdicts))

    def follow(self, task: str, job_id: str) -> Call[str | None]:
        """See ``RuleStore``."""

        def steps(_: Producer) -> Steps[str | None]:
            (found,) = yield [ScriptCall(load("follow"), (self._keys.task(task),), (job_id,))]
            return None if found is None else name_of(found)

        return self._link.call(steps)

    def buffered(self, task: str, key: str) -> Call[list[bytes]]:
        """See ``RuleStore``."""

        def steps(_: Producer) -> Steps[list[bytes]]:
            (items,) = yield [("LRANGE", f"{self._keys.task(task)}:collect:{key}:items", 0, -1)]
            return list(items)

        return self._link.call(steps)

    def buffer_info(self, task: str, key: str) -> Call[CollectBufferInfo | None]:
        """See ``RuleStore``."""

        def steps(_: Producer) -> Steps[CollectBufferInfo | None]:
            meta = f"{self._keys.task(task)}:collect:{key}:meta"
            ((count, first, last),) = yield [("HMGET", meta, "count", "firstAt", "lastAt")]
            items, oldest_at, newest_at = number(count), moment(number(first)), moment(number(last))
            if items is None or items <= 0 or oldest_at is None or newest_at is None:
                return None
            return CollectBufferInfo(items, oldest_at, newest_at)

        return self._link.call(steps)


def _told(rule: Rule) -> tuple[Arg, Arg, Arg]:
    """Write a rule as the script reads it: its name, its key, its settings."""
    if isinstance(rule, DebounceRule):
        return "debounce", rule.key, rule.delay_ms
    if isinstance(rule, ThrottleRule):
        return "throttle", rule.key, f"{rule.max},{rule.window_ms}"
    if isinstance(rule, CollectRule):
        settings = f"{rule.batch_id},{rule.delay_ms},{rule.max_size},{rule.max_wait_ms},{rule.max_bytes}"
        return "collect", rule.key, settings
    return "deduplicate", rule.key, f",{','.join(rule.states)},"


def _verdicts(reply: bytes, count: int) -> list[Verdict]:
    # Somebody may have written an id that is no text.
    texts: list[str] = orjson.loads(reply.decode(errors="replace")) if reply else [""] * count
    return [_verdict(text) for text in texts]


def _verdict(text: str) -> Verdict:
    if text[:1] == "x":
        return Verdict(False, damage=text[1:])
    return Verdict(text[:1] in ("", "+"), text[1:])
