"""What the doctor looks at. Each check is a pure function of what was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from taskora.amounts import size, span
from taskora.inspector import ServerFacts
from taskora.model import QueueStats, WorkerRecord

Verdict: TypeAlias = Literal["ok", "warn", "fail", "unknown"]

SETTINGS: Final = ("save", "hash-max-listpack-entries", "hash-max-listpack-value")
"""Settings of the server that checks look at; many servers do not let us read them."""

_OLDEST: Final = {"redis": (7, 0), "valkey": (7, 2)}
_HASH_ENTRIES: Final = 64  # a job's hash has up to some 30 fields
_HASH_VALUE: Final = 1024
_SKEW_S: Final = 1.0
_SLOW_NS: Final = 5_000_000
_VERY_SLOW_NS: Final = 50_000_000
_CROWDED: Final = 5_000
_FULL: Final = 0.9
_LAYOUT: Final = "6"


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: What was looked at.
        verdict: ``ok``, ``warn``, ``fail``, or ``unknown`` when the server does not say.
        found: What was found.
        remedy: What to do; empty when all is well.
    """

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def check_server(facts: ServerFacts) -> Iterator[Check]:
    """Judge the server by what it says of itself."""
    yield _version(facts)
    yield _eviction(facts)
    yield _memory(facts)
    yield _layout(facts)
    yield _clock(facts)
    yield Check(
        "clients",
        "warn" if facts.clients > _CROWDED else "ok",
        f"{facts.clients:,} connections",
        "each process holds some five of them; does somebody open one for every job?"
        if facts.clients > _CROWDED
        else "",
    )


def check_hash_limits(settings: Mapping[str, str] | None) -> Iterator[Check]:
    """Judge whether hashes of jobs are stored compactly; None when the settings cannot be read."""
    for name, least in (("hash-max-listpack-entries", _HASH_ENTRIES), ("hash-max-listpack-value", _HASH_VALUE)):
        value = (settings or {}).get(name)
        if value is None or not value.isdecimal():
            yield Check(name, "unknown", "the server does not let us read it", f"should be {least} or more")
        elif int(value) < least:
            yield Check(
                name, "warn", value, f"jobs take more memory than they need; CONFIG SET {name} {least}, and in its file"
            )
        else:
            yield Check(name, "ok", value)


def check_persistence(facts: ServerFacts, settings: Mapping[str, str] | None) -> Check:
    """Judge whether a restart of the server loses jobs."""
    if not facts.saved_well:
        return Check("persistence", "fail", "the last write to disk failed", "see the server's log; is the disk full?")
    if facts.append_only:
        return Check("persistence", "ok", "append-only file")
    save = (settings or {}).get("save")
    if save is None:
        return Check("persistence", "unknown", "no append-only file; snapshots unknown", "appendonly yes loses least")
    if save:
        return Check(
            "persistence", "warn", f"snapshots only (save {save})",
            "a crash of the server loses what came after the last one; appendonly yes",
        )  # fmt: skip
    return Check("persistence", "warn", "none", "a restart of the server loses every job; appendonly yes")


def check_latency(taken_ns: Sequence[int]) -> Check:
    """Judge how long round trips take."""
    ordered = sorted(taken_ns)
    middle, slow = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    found = f"p50 {middle / 1e6:.2f} ms, p99 {slow / 1e6:.2f} ms of {len(ordered)} PINGs"
    if slow >= _VERY_SLOW_NS or middle >= _SLOW_NS:
        return Check("latency", "warn", found, "every job takes a few round trips: bring workers and server together")
    return Check("latency", "ok", found)


def check_slots(facts: ServerFacts, slots: Mapping[str, frozenset[int]]) -> Check:
    """Judge whether the keys of each task lie in one slot of a cluster."""
    if facts.mode != "cluster":
        return Check("cluster", "ok", f"none ({facts.mode})")
    scattered = sorted(task for task, found in slots.items() if len(found) > 1)
    if scattered:
        return Check("cluster", "fail", f"keys of {', '.join(scattered)} lie in several slots", "choose another prefix")
    if facts.masters:
        return Check("cluster", "ok", f"{facts.masters} masters, the keys of each task in one slot")
    return Check("cluster", "warn", "a node of a cluster", "a plain URL reaches this node alone; use redis+cluster://")


def unserved(stats: Mapping[str, QueueStats], workers: Sequence[WorkerRecord]) -> set[str]:
    """Tell which tasks have jobs to run and no worker."""
    served = {task for worker in workers if worker.role == "worker" for task in worker.tasks}
    return {task for task, count in stats.items() if task not in served and _left(count)}


def check_workers(stats: Mapping[str, QueueStats], workers: Sequence[WorkerRecord]) -> Iterator[Check]:
    """Judge whether somebody runs what waits."""
    working = [worker for worker in workers if worker.role == "worker"]
    leading = any(worker.leader for worker in workers)
    if working and not leading:
        yield Check(
            "leader", "warn", "none", "nobody runs schedules and sweeps; it should take over within its lock's 30 s"
        )
    elif leading:
        yield Check("leader", "ok", ", ".join(f"{w.role} {w.pid} on {w.host}" for w in workers if w.leader))
    stuck = unserved(stats, workers)
    for task in sorted(stuck):
        yield Check(
            f"task {task}", "warn", f"{_left(stats[task]):,} jobs and no worker",
            "start one with taskora-supervise, or cancel them",
        )  # fmt: skip
    if not stuck:
        yield Check("workers", "ok", f"{len(working)}; all tasks with jobs have one")


def check_fences(pairs: Sequence[tuple[str, str]], halts: Sequence[str]) -> Iterator[Check]:
    """Judge whether living workers may claim."""
    silent = {worker for (worker, _), halt in zip(pairs, halts, strict=True) if halt == "halt"}
    dead = {worker for (worker, _), halt in zip(pairs, halts, strict=True) if halt == "dead"}
    if silent:
        yield Check(
            "fences", "warn", f"{_some(silent)} must not claim",
            "it is silent: a job holds its interpreter, or it drains; see taskora workers",
        )  # fmt: skip
    if dead:
        yield Check("fences", "warn", f"{_some(dead)} was taken for dead", "its record ends by itself within 15 s")
    if not silent and not dead:
        yield Check("fences", "ok", "every living worker may claim")


def check_locks(looked_at: int, without: Sequence[str], endless: Sequence[str]) -> Iterator[Check]:
    """Judge whether running jobs are held as they should be."""
    if endless:
        yield Check(
            "locks", "fail", f"{_some(endless)} held for ever: somebody removed the lock's time to live",
            "DEL the keys that end in :lock of these jobs; the next sweep gives the jobs back",
        )  # fmt: skip
    if without:
        yield Check(
            "locks", "warn", f"{_some(without)} held by nobody",
            "the worker's host vanished; the leader's next two sweeps (30 s each) give them back",
        )  # fmt: skip
    if not endless and not without:
        yield Check("locks", "ok", f"{looked_at:,} running jobs, all held")


def _version(facts: ServerFacts) -> Check:
    found = f"{facts.flavor} {facts.version}, up {span(facts.uptime_s)}"
    version = tuple(int(part) for part in facts.version.split(".")[:2] if part.isdecimal())
    oldest = _OLDEST.get(facts.flavor)
    if oldest is None:
        return Check("server", "unknown", found, "taskora is tested on Redis and Valkey")
    if version < oldest:
        return Check("server", "fail", found, f"taskora needs {facts.flavor} {oldest[0]}.{oldest[1]} or later")
    return Check("server", "ok", found)


def _eviction(facts: ServerFacts) -> Check:
    if not facts.memory_policy:
        return Check("maxmemory-policy", "unknown", "the server does not say", "must be noeviction")
    if facts.memory_policy != "noeviction":
        return Check(
            "maxmemory-policy", "fail", facts.memory_policy,
            "it may delete jobs when memory runs short; CONFIG SET maxmemory-policy noeviction, and in its file",
        )  # fmt: skip
    return Check("maxmemory-policy", "ok", facts.memory_policy)


def _memory(facts: ServerFacts) -> Check:
    if not facts.max_memory:
        return Check("memory", "ok", f"{size(facts.used_memory)}, no limit")
    found = f"{size(facts.used_memory)} of {size(facts.max_memory)}"
    if facts.used_memory > _FULL * facts.max_memory:
        return Check("memory", "warn", found, "it will refuse dispatches soon: raise maxmemory, or keep less")
    return Check("memory", "ok", found)


def _layout(facts: ServerFacts) -> Check:
    version, writer = facts.layout.get("wireVersion"), facts.layout.get("writtenBy", "an unknown writer")
    if version is None:
        return Check("layout", "warn", "no version record", "the next process that connects writes one")
    found = f"version {version}, compatible from {facts.layout.get('minCompat', '?')}, written by {writer}"
    return Check(
        "layout", "ok" if version == _LAYOUT else "warn", found, "" if version == _LAYOUT else "upgrade taskora"
    )


def _clock(facts: ServerFacts) -> Check:
    found = f"the server's is {span(abs(facts.skew_s))} {'ahead of' if facts.skew_s > 0 else 'behind'} ours"
    if abs(facts.skew_s) < _SKEW_S:
        return Check("clock", "ok", found)
    return Check("clock", "warn", found, "jobs keep the server's time, logs that of their host: let both run NTP")


def _left(count: QueueStats) -> int:
    return count.waiting + count.delayed + count.active


def _some(names: Sequence[str] | set[str]) -> str:
    shown = sorted(names)[:3]
    return f"{', '.join(shown)}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"
