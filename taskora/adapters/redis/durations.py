"""How long jobs waited and ran, in Redis: a hash for each hour, by task and over all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from taskora.adapters.duration_store import QUARTER_MS, Durations, DurationsAt
from taskora.adapters.redis.link import Link
from taskora.adapters.redis.records import number
from taskora.call import Call
from taskora.clock import from_ms
from taskora.connection.request import Command, Producer, Steps

_HOUR_MS = 4 * QUARTER_MS
_KEPT_MS = 26 * _HOUR_MS
_KINDS = ("waits", "runs")


class RedisDurations:
    """See ``DurationStore``."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def add(self, counts: Mapping[str, Durations]) -> Call[None]:
        """See ``DurationStore``."""

        def steps(_: Producer) -> Steps[None]:
            now_ms = yield from _now_ms()
            hour_ms, quarter = now_ms - now_ms % _HOUR_MS, now_ms % _HOUR_MS // QUARTER_MS
            total: dict[str, Counter[int]] = {kind: Counter() for kind in _KINDS}
            requests: list[Command] = []
            for task, durations in counts.items():
                requests += _increments(self._key(task, hour_ms), quarter, durations)
                for kind, sizes in zip(_KINDS, durations, strict=True):
                    total[kind].update(sizes)
            yield [*requests, *_increments(self._key(None, hour_ms), quarter, Durations(**total))]

        return self._link.call(steps)

    def read(self, task: str | None, count: int) -> Call[list[DurationsAt]]:
        """See ``DurationStore``."""

        def steps(_: Producer) -> Steps[list[DurationsAt]]:
            now_ms = yield from _now_ms()
            last_ms = now_ms - now_ms % QUARTER_MS
            first_ms = last_ms - (count - 1) * QUARTER_MS
            hours = range(first_ms - first_ms % _HOUR_MS, last_ms + 1, _HOUR_MS)
            rows = yield [("HGETALL", self._key(task, hour_ms)) for hour_ms in hours]
            found = {hour_ms: _read(row) for hour_ms, row in zip(hours, rows, strict=True)}
            return [
                DurationsAt(from_ms(at_ms), found[at_ms - at_ms % _HOUR_MS][at_ms % _HOUR_MS // QUARTER_MS])
                for at_ms in range(first_ms, last_ms + 1, QUARTER_MS)
            ]

        return self._link.call(steps)

    def _key(self, task: str | None, hour_ms: int) -> str:
        keys = self._link.keys
        return f"{keys.own('durations')}:{hour_ms}" if task is None else f"{keys.task(task)}:durations:{hour_ms}"


def _now_ms() -> Steps[int]:
    ((seconds, micros),) = yield [("TIME",)]
    return int(seconds) * 1000 + int(micros) // 1000


def _increments(key: str, quarter: int, durations: Durations) -> Iterator[Command]:
    for kind, sizes in zip(_KINDS, durations, strict=True):
        for size, count in sizes.items():
            yield ("HINCRBY", key, f"{quarter}:{kind}:{size}", count)
    yield ("PEXPIRE", key, _KEPT_MS)


def _read(row: Sequence[bytes]) -> list[Durations]:
    """Read an hour; what nobody of ours wrote is left out."""
    quarters = [Durations({}, {}) for _ in range(4)]
    for field, value in zip(row[::2], row[1::2], strict=True):
        parts = field.decode(errors="replace").split(":")
        if len(parts) != 3:
            continue
        quarter, kind, size = parts
        count = number(value)
        if quarter in ("0", "1", "2", "3") and kind in _KINDS and _is_size(size) and count is not None and count > 0:
            sizes = getattr(quarters[int(quarter)], kind)
            sizes[int(size)] = count
    return quarters


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 2
