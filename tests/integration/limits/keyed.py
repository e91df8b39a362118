"""Jobs with concurrency keys, and what must hold of what is stored about keys."""

from collections import Counter, defaultdict

from integration.adapter.kit import TASK, TTL_MS, Kit
from taskora.adapters.lane import Lane
from taskora.ids import new_id
from taskora.model import Claimed, NewJob, Want


def keyed(key: str = "k", limit: int = 1, *, priority: int = 0, delay_ms: int = 0, ttl_ms: int = 0) -> NewJob:
    """A job with a concurrency key."""
    return NewJob(new_id(), b"null", delay_ms, priority, ttl_ms, False, key, limit)


async def add(kit: Kit, *jobs: NewJob) -> list[str]:
    """Enqueues them; returns their ids."""
    await kit.add(*jobs)
    return [job.job_id for job in jobs]


async def claim_ids(kit: Kit, lane: Lane, count: int = 10) -> list[str]:
    return [job.job_id for job in await kit.claim(lane, count)]


async def claim_alone(lane: Lane, count: int = 1) -> list[Claimed]:
    """Claims as the worker of a singleton task does."""
    return (await lane.step([], [Want(TASK, count, "fail", True)])).jobs


async def vanish(kit: Kit, *jobs: Claimed) -> None:
    """Lets the locks of jobs run out."""
    for job in jobs:
        kit.raw.delete(f"{kit.base()}:{job.job_id}:lock")


async def sweep(kit: Kit, times: int = 1, max_stalls: int = 100) -> None:
    for _ in range(times):
        await kit.adapter.house.sweep(TASK, max_stalls).run_async()


def holders(kit: Kit) -> dict[str, int]:
    """How many active jobs there are of each key that they are counted by."""
    found: Counter[str] = Counter()
    for job_id in kit.active():
        job = kit.hash(job_id)
        if job.get("concurrencyKey") and int(job["concurrencyLimit"]) > 0:
            found[job["concurrencyKey"]] += 1
    return dict(found)


def counters(kit: Kit) -> dict[str, int]:
    """The shared counters, by key."""
    start = f"{kit.base()}:conc:"
    return {key.removeprefix(start): int(kit.raw.get(key)) for key in kit.raw.scan_iter(f"{start}*", count=1000)}


def sets(kit: Kit, name: str) -> dict[str, set[str]]:
    """The ids that are stored by key under a name of ours."""
    start = f"{kit.base()}:{name}:"
    read = kit.raw.zrange if name == "blocked" else None
    return {
        key.removeprefix(start): set(read(key, 0, -1) if read else kit.raw.smembers(key))
        for key in kit.raw.scan_iter(f"{start}*", count=1000)
    }


def assert_consistent(kit: Kit, limits: dict[str, int], *, counted: bool = True) -> None:
    """No key has more active jobs than its limit; with ``counted``, counters and holders say what the jobs do."""
    running = holders(kit)
    assert all(count <= limits[key] for key, count in running.items()), running
    parked = sets(kit, "blocked")
    together = [job_id for ids in parked.values() for job_id in ids]
    assert sorted(together) == sorted(kit.raw.zrange(f"{kit.base()}:blocked", 0, -1))
    assert all(kit.state(job_id) == "waiting" for job_id in together)
    if counted:
        assert counters(kit) == running
        assert {key: len(ids) for key, ids in sets(kit, "holders").items()} == running


def assert_no_key_left(kit: Kit) -> None:
    """Nothing is stored of any key: all of their jobs ended."""
    left: defaultdict[str, list[str]] = defaultdict(list)
    for name in ("conc:*", "holders:*", "blocked:*", "ready:*", "blocked", "limited"):
        left[name] += kit.raw.scan_iter(f"{kit.base()}:{name}", count=1000)
    assert not any(left.values()), dict(left)


def lane_of(kit: Kit, worker: str) -> Lane:
    return kit.lane(worker, ttl_ms=TTL_MS)
