from dataclasses import replace
from datetime import UTC, datetime

from taskora import QueueStats, WorkerRecord, checks
from taskora.checks import Check
from taskora.inspector import ServerFacts

GOOD = ServerFacts(
    flavor="redis", version="7.0.15", mode="standalone", uptime_s=60, used_memory=1, max_memory=0,
    memory_policy="noeviction", clients=3, append_only=True, saved_well=True, skew_s=0.001,
    layout={"wireVersion": "6", "minCompat": "6", "writtenBy": "x"},
)  # fmt: skip
NOW = datetime.now(UTC)


def verdicts(found: list[Check]) -> dict[str, str]:
    return {check.name: check.verdict for check in found}


def worker(*tasks: str, leader: bool = False, name: str = "w") -> WorkerRecord:
    return WorkerRecord(
        id=name, role="worker", host="h", pid=1, tasks=tasks, active=0, done=0, failed=0, rss=0, started_at=NOW,
        seen_at=NOW, version="0", leader=leader,
    )  # fmt: skip


def test_a_good_server_has_no_finding() -> None:
    assert {check.verdict for check in checks.check_server(GOOD)} == {"ok"}


def test_each_thing_that_is_wrong_with_a_server_is_found_and_has_a_remedy() -> None:
    bad = replace(
        GOOD, version="6.2.1", memory_policy="allkeys-lru", used_memory=95, max_memory=100, clients=9000, skew_s=-90,
        layout={"wireVersion": "7", "minCompat": "6"},
    )  # fmt: skip
    found = list(checks.check_server(bad))
    assert verdicts(found) == {
        "server": "fail", "maxmemory-policy": "fail", "memory": "warn", "layout": "warn", "clock": "warn",
        "clients": "warn",
    }  # fmt: skip
    assert all(check.remedy for check in found)


def test_a_valkey_is_judged_by_its_own_version() -> None:
    assert next(checks.check_server(replace(GOOD, flavor="valkey", version="7.2.4"))).verdict == "ok"
    assert next(checks.check_server(replace(GOOD, flavor="other", version="1.0"))).verdict == "unknown"


def test_what_a_server_does_not_let_us_read_is_unknown() -> None:
    found = [*checks.check_hash_limits(None), checks.check_persistence(replace(GOOD, append_only=False), None)]
    assert {check.verdict for check in found} == {"unknown"}
    assert verdicts(list(checks.check_server(replace(GOOD, memory_policy=""))))["maxmemory-policy"] == "unknown"


def test_small_hash_limits_are_found() -> None:
    found = checks.check_hash_limits({"hash-max-listpack-entries": "16", "hash-max-listpack-value": "1024"})
    assert verdicts(list(found)) == {"hash-max-listpack-entries": "warn", "hash-max-listpack-value": "ok"}


def test_persistence_is_judged_by_what_a_crash_loses() -> None:
    no_log = replace(GOOD, append_only=False)
    assert checks.check_persistence(GOOD, {"save": ""}).verdict == "ok"
    assert checks.check_persistence(no_log, {"save": "60 1"}).found.startswith("snapshots only")
    assert checks.check_persistence(no_log, {"save": ""}).found == "none"
    assert checks.check_persistence(replace(GOOD, saved_well=False), {}).verdict == "fail"


def test_slow_round_trips_are_found() -> None:
    assert checks.check_latency([100_000] * 200).verdict == "ok"
    assert checks.check_latency([9_000_000] * 200).verdict == "warn"
    assert checks.check_latency([100_000] * 197 + [90_000_000] * 3).verdict == "warn"


def test_jobs_that_nobody_runs_are_found() -> None:
    stats = {"served": QueueStats(waiting=3), "lonely": QueueStats(delayed=2), "idle": QueueStats(completed=9)}
    found = list(checks.check_workers(stats, [worker("served", leader=True)]))
    assert verdicts(found) == {"leader": "ok", "task lonely": "warn"}
    assert verdicts(list(checks.check_workers({}, [worker("served")]))) == {"leader": "warn", "workers": "ok"}


def test_fenced_workers_are_found() -> None:
    pairs = [("w1", "a"), ("w1", "b"), ("w2", "a")]
    assert [check.verdict for check in checks.check_fences(pairs, ["", "", ""])] == ["ok"]
    found = list(checks.check_fences(pairs, ["halt", "", "dead"]))
    assert [check.found for check in found] == ["w1 must not claim", "w2 was taken for dead"]


def test_a_lock_without_end_fails_and_a_missing_one_warns() -> None:
    assert [check.verdict for check in checks.check_locks(5, [], [])] == ["ok"]
    assert [check.verdict for check in checks.check_locks(5, ["a"], ["b"])] == ["fail", "warn"]
    (many,) = checks.check_locks(9, [str(n) for n in range(9)], [])
    assert many.found == "0, 1, 2 and 6 more held by nobody"


def test_a_cluster_is_named_and_scattered_keys_fail() -> None:
    cluster = replace(GOOD, mode="cluster")
    assert checks.check_slots(GOOD, {}).verdict == "ok"
    assert checks.check_slots(cluster, {"a": frozenset({1})}).verdict == "warn"
    assert checks.check_slots(cluster, {"a": frozenset({1, 2})}).verdict == "fail"
