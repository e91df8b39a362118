"""All that is on the server when the storm is over, read as it is stored."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import redis

from taskora.keys import Keys

SETS = ("completed", "failed", "expired", "cancelled", "delayed", "prioritized")
LISTS = ("wait", "active")
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job's hash, and where its id stands.

    Attributes:
        places: The sets and lists that have the id; with repetitions.
        crashes: How many deaths of processes were charged to it.
    """

    id: str
    task: str
    state: str
    places: tuple[str, ...]
    attempt: int = 1
    data: object = None
    result: object = None
    error: str | None = None
    error_type: str | None = None
    crashes: int = 0
    dispatched_ms: int = 0
    cancelled_at: bool = False


@dataclass(frozen=True, slots=True)
class StoredNode:
    """A node of a workflow."""

    task: str
    job: str
    deps: tuple[int, ...]
    state: str
    result: object = None


@dataclass(frozen=True, slots=True)
class StoredFlow:
    """A workflow's hash."""

    id: str
    state: str
    nodes: tuple[StoredNode, ...]
    result: object = None
    error_task: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything.

    Attributes:
        orphans: Ids, with their places, that have no hash.
        lasting: Keys without a time to live.
        longest_ms: The longest time to live of any key, with the key.
        counts: By task and state, as the inspector says.
        fires: By schedule, the last occurrence, ms.
        flow_ids: What the index of workflows has.
        workers: Processes that have a record.
    """

    jobs: dict[str, StoredJob] = field(default_factory=dict[str, StoredJob])
    flows: dict[str, StoredFlow] = field(default_factory=dict[str, StoredFlow])
    orphans: list[str] = field(default_factory=list[str])
    lasting: list[str] = field(default_factory=list[str])
    longest_ms: tuple[int, str] = (0, "")
    counts: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    fires: dict[str, int] = field(default_factory=dict[str, int])
    flow_ids: frozenset[str] = frozenset()
    workers: list[str] = field(default_factory=list[str])


class Reader:
    """Reads a server directly."""

    def __init__(self, url: str, keys: Keys, tasks: Sequence[str]) -> None:
        client: Any = redis.Redis
        self._client = client.from_url(url, decode_responses=True, protocol=2)
        self._keys = keys
        self._tasks = tasks

    def close(self) -> None:
        self._client.close()

    def read(self, counts: dict[str, dict[str, int]]) -> Snapshot:
        """Everything; nobody may change anything meanwhile."""
        jobs: dict[str, StoredJob] = {}
        orphans: list[str] = []
        for task in self._tasks:
            places = self._places(task)
            for job, stored in self._hashes(task, places):
                if stored is None:
                    orphans.append(f"{job} of {task} in {places[job]}")
                else:
                    jobs[job] = stored
        lasting, longest = self._ages()
        root = self._keys.root
        flow_ids = frozenset(self._words("ZRANGE", f"{root}:workflows", "0", "-1"))
        fires = {
            name: int(at)
            for task in self._tasks
            for name, at in cast("dict[str, str]", self._client.hgetall(f"{self._keys.task(task)}:fires")).items()
        }
        return Snapshot(
            jobs=jobs, flows=dict(self._flows(flow_ids)), orphans=orphans, lasting=lasting, longest_ms=longest,
            counts=counts, fires=fires, flow_ids=flow_ids,
            workers=[key.removeprefix(f"{root}:worker:") for key in self._client.scan_iter(match=f"{root}:worker:*")],
        )  # fmt: skip

    def _words(self, *command: str) -> list[str]:
        return cast("list[str]", self._client.execute_command(*command))

    def _places(self, task: str) -> dict[str, list[str]]:
        base = self._keys.task(task)
        found: dict[str, list[str]] = {}
        for command, names in (("ZRANGE", SETS), ("LRANGE", LISTS)):
            for name in names:
                for job in self._words(command, f"{base}:{name}", "0", "-1"):
                    found.setdefault(job, []).append(name)
        return found

    def _hashes(self, task: str, places: dict[str, list[str]]) -> Iterator[tuple[str, StoredJob | None]]:
        for ids in _paged(list(places)):
            pipe = self._client.pipeline(transaction=False)
            for job in ids:
                pipe.hgetall(self._keys.job(task, job))
            for job, fields in zip(ids, cast("list[dict[str, str]]", pipe.execute()), strict=True):
                yield job, _job(job, task, tuple(places[job]), fields) if fields else None

    def _flows(self, ids: frozenset[str]) -> Iterator[tuple[str, StoredFlow]]:
        for page in _paged(sorted(ids)):
            pipe = self._client.pipeline(transaction=False)
            for flow in page:
                pipe.hgetall(self._keys.workflow(flow))
            for flow, fields in zip(page, cast("list[dict[str, str]]", pipe.execute()), strict=True):
                if fields:
                    yield flow, _flow(flow, fields)

    def _ages(self) -> tuple[list[str], tuple[int, str]]:
        names = cast("list[str]", list(self._client.scan_iter(match=f"{self._keys.root}:*", count=_PAGE)))
        lasting: list[str] = []
        longest = (0, "")
        for page in _paged(sorted(set(names))):
            pipe = self._client.pipeline(transaction=False)
            for key in page:
                pipe.pttl(key)
            for key, left_ms in zip(page, cast("list[int]", pipe.execute()), strict=True):
                if left_ms == -1:
                    lasting.append(key)
                longest = max(longest, (left_ms, key))
        return lasting, longest


def _job(job: str, task: str, places: tuple[str, ...], fields: dict[str, str]) -> StoredJob:
    return StoredJob(
        id=job,
        task=task,
        state=fields.get("state", ""),
        places=places,
        attempt=int(fields.get("attempt", "0")),
        data=_loaded(fields.get("data")),
        result=_loaded(fields.get("result")),
        error=fields.get("error"),
        error_type=fields.get("errorType"),
        crashes=int(fields.get("crashes", "0")),
        dispatched_ms=int(fields.get("ts", "0")),
        cancelled_at="cancelledAt" in fields,
    )


def _flow(flow: str, fields: dict[str, str]) -> StoredFlow:
    graph = json.loads(fields["graph"])
    nodes = tuple(
        StoredNode(
            task=node["taskName"],
            job=node["jobId"],
            deps=tuple(node["deps"]),
            state=fields.get(f"n:{at}:state", "pending"),
            result=_loaded(fields.get(f"n:{at}:result")),
        )
        for at, node in enumerate(graph["nodes"])
    )
    return StoredFlow(flow, fields.get("state", ""), nodes, _loaded(fields.get("result")), fields.get("errorTask"))


def _loaded(text: str | None) -> object:
    return None if text is None else json.loads(text)


def _paged(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(names), _PAGE):
        yield names[first : first + _PAGE]
