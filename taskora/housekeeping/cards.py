"""What every process publishes of its tasks, so that the leader can care for tasks that it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import orjson

from taskora.config import Keep, Retention, Retry, Stall, TaskOptions, Ttl
from taskora.duration import to_ms
from taskora.errors import ConfigError
from taskora.indexing import check_index


def card_of(options: TaskOptions) -> bytes:
    """Write a task's card: the options that others need, in milliseconds."""
    card: dict[str, object] = {
        "version": options.version,
        "since": options.since,
        "maxAttempts": options.retry.attempts,
        "concurrency": options.concurrency,
        "retention": {"completed": _keep(options.retention.completed), "failed": _keep(options.retention.failed)},
        "stall": {"intervalMs": to_ms(options.stall.interval), "maxCount": options.stall.max_count},
        "ttlMs": None if options.ttl is None else to_ms(options.ttl.max),
    }
    if options.index:
        card["index"] = options.index
    return orjson.dumps(card)


def read_card(raw: bytes) -> TaskOptions:
    """Read a task's card; members that are missing take their defaults, those that we do not know are ignored.

    Raises:
        ConfigError: It is not JSON, or a member is not what it should be.
    """
    try:
        parsed: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"task card: not JSON: {error}; starts with {raw[:60]!r}") from error
    card = _object(parsed, "task card")
    retention = _object(card.get("retention", {}), "task card: retention")
    stall = _object(card.get("stall", {}), "task card: stall")
    default = TaskOptions()
    ttl_ms = _count(card, "ttlMs", 0) or 0
    return TaskOptions(
        retry=Retry(attempts=_count(card, "maxAttempts", 1) or 1),
        concurrency=_count(card, "concurrency", 1) or 1,
        stall=Stall(
            interval=(_count(stall, "intervalMs", 30_000) or 30_000) / 1000, max_count=_count(stall, "maxCount", 1) or 0
        ),
        retention=Retention(
            completed=_read_keep(retention, "completed", default.retention.completed),
            failed=_read_keep(retention, "failed", default.retention.failed),
        ),
        ttl=Ttl(ttl_ms / 1000) if ttl_ms else None,
        version=_count(card, "version", 1) or 1,
        since=_count(card, "since", 1) or 1,
        index=_index(card),
    )


def _index(card: Mapping[str, object]) -> tuple[str, ...]:
    paths = card.get("index", [])
    if not isinstance(paths, list):
        raise ConfigError(f"task card: index: expected a list, got {paths!r}")
    return check_index(tuple(cast("list[object]", paths)))


def _keep(keep: Keep) -> dict[str, int | None]:
    return {
        "maxAgeMs": None if keep.max_age is None else to_ms(keep.max_age),
        "maxItems": keep.max_items,
        "minAgeMs": to_ms(keep.min_age),
    }


def _read_keep(retention: Mapping[str, object], name: str, default: Keep) -> Keep:
    if name not in retention:
        return default
    keep = _object(retention[name], f"task card: retention.{name}")
    max_age_ms, min_age_ms = _count(keep, "maxAgeMs", None), _count(keep, "minAgeMs", None)
    return Keep(
        max_age=None if max_age_ms is None else max_age_ms / 1000,
        max_items=_count(keep, "maxItems", None),
        min_age=default.min_age if min_age_ms is None else min_age_ms / 1000,
    )


def _object(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{name}: expected a JSON object, got {value!r}")
    return cast("dict[str, object]", value)


def _count(members: Mapping[str, object], name: str, default: int | None) -> int | None:
    value = members.get(name, default)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"task card: {name}: expected a whole number, got {value!r}")
    return value
