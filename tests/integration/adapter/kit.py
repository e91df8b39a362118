"""What the adapter's tests share: an adapter, a raw client beside it, and shortcuts for the life of a job."""

import fnmatch
import json
from collections.abc import Collection, Sequence
from typing import Any, cast

import redis

from taskora.adapters.lane import Lane
from taskora.adapters.protocol import Waiter
from taskora.adapters.redis import RedisAdapter, redis_adapter
from taskora.ids import new_id
from taskora.model import Claimed, ClaimReply, EnqueueSpec, JobInfo, NewJob, Settled, Want
from taskora.workflow_model import Plan, PlanNode

TASK = "mail"
TTL_MS = 30_000

# Keys without a time to live, and why each does not grow without bound. `B` stands for the base of a task.
PERMANENT = {
    "B:wait": "ids of jobs that wait; a claim takes them",
    "B:prioritized": "the same with a priority",
    "B:active": "ids of running jobs; settling, recovery and the sweep take them",
    "B:delayed": "ids of jobs that are not due; promotion takes them",
    "B:completed": "retention removes members",
    "B:failed": "retention removes members",
    "B:expired": "retention removes members",
    "B:cancelled": "retention removes members",
    "B:events": "capped at about 10,000 entries",
    "B:stalled": "candidates of the sweep, which replaces them",
    "B:swept": "when they were marked; goes with them",
    "B:paused": "somebody paused the task, and resumes it",
    "B:rules:dedup": "deduplication keys that jobs hold; their ends take them",
    "B:rules:collect": "keys of what is collected; the claim of the batch takes them",
    "B:limited": "concurrency keys in use; the end of the last job of a key removes it",
    "B:blocked": "ids of jobs whose key is full; the end of one that holds the key takes them",
    "B:blocked:*": "the same, by key",
    "B:ready:*": "ids of jobs whose turn has come; their claim takes them",
    "B:holders:*": "ids of running jobs with a key; settling, recovery and the sweep take them",
    "B:conc:*": "how many of them there are; deleted at 0",
    "B:marker": "one member",
    "B:fires": "the last occurrence of each schedule of the task",
    "B:????????-????-????-????-????????????": "a job: retention removes it with its membership",
    "B:????????-????-????-????-????????????:logs": "capped, and removed with its job",
    "B:job-*": "a job whose test named it",
    "R:meta": "the record of the layout",
    "R:tasks": "one field a task",
    "R:workers": "old members are removed at each registration",
    "R:schedules": "one field a schedule",
    "R:schedules:next": "one member a schedule",
    "R:wf:{*}": "a workflow: retention removes it with its membership",
    "R:workflows": "retention removes members",
    "R:workflows:completed": "retention removes members",
    "R:workflows:failed": "retention removes members",
    "R:workflows:deadlines": "the end of a workflow removes its member",
    "R:workflows:owed": "continuing a workflow removes its member",
    "R:workflows:events": "capped at about 10,000 entries",
}


class Kit:
    """One prefix on one server, seen by the adapter and by a raw client."""

    def __init__(self, url: str, prefix: str) -> None:
        self.url = url
        self.adapter: RedisAdapter = redis_adapter(url, prefix=prefix)
        self.raw: Any = cast("Any", redis.Redis).from_url(url, decode_responses=True, protocol=2)
        self.root = f"taskora:{prefix}"
        self._lanes: list[Lane] = []
        self._waiters: list[Waiter] = []
        self._adapters = [self.adapter]

    def adapter_at(self, url: str) -> RedisAdapter:
        """Another adapter for the same keys, by another way; closed with the kit."""
        adapter = redis_adapter(url, prefix=self.root.removeprefix("taskora:"))
        self._adapters.append(adapter)
        return adapter

    def base(self, task: str = TASK) -> str:
        return f"{self.root}:{{{task}}}"

    def hash(self, job_id: str, task: str = TASK) -> dict[str, str]:
        found: dict[str, str] = self.raw.hgetall(f"{self.base(task)}:{job_id}")
        return found

    def events(self, task: str = TASK, job_id: str | None = None) -> list[dict[str, str]]:
        entries = [fields for _, fields in self.raw.xrange(f"{self.base(task)}:events")]
        return [fields for fields in entries if job_id in (None, fields["jobId"])]

    def event_names(self, job_id: str, task: str = TASK) -> list[str]:
        return [fields["event"] for fields in self.events(task, job_id)]

    def waiting(self, task: str = TASK) -> list[str]:
        """Ids of the list, in the order in which claims take them."""
        return list(reversed(self.raw.lrange(f"{self.base(task)}:wait", 0, -1)))

    def active(self, task: str = TASK) -> list[str]:
        """Ids of running jobs, the oldest first."""
        return list(reversed(self.raw.lrange(f"{self.base(task)}:active", 0, -1)))

    def members(self, name: str, task: str = TASK) -> list[str]:
        found: list[str] = self.raw.zrange(f"{self.base(task)}:{name}", 0, -1)
        return found

    def state(self, job_id: str, task: str = TASK) -> str | None:
        found: str | None = self.raw.hget(f"{self.base(task)}:{job_id}", "state")
        return found

    def marked(self, task: str = TASK) -> bool:
        """Whether a waiting worker would wake at once."""
        return bool(self.raw.zscore(f"{self.base(task)}:marker", "0") == 0)

    def now_ms(self) -> int:
        seconds, micros = self.raw.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def lane(
        self,
        worker: str = "w1",
        tasks: Sequence[str] = (TASK,),
        held: Collection[str] = (),
        ttl_ms: int = TTL_MS,
        adapter: RedisAdapter | None = None,
    ) -> Lane:
        lane = (adapter or self.adapter).leases.lane(worker, tasks, ttl_ms, lambda _: held)
        self._lanes.append(lane)
        return lane

    def waiter(self) -> Waiter:
        waiter = self.adapter.waiter()
        self._waiters.append(waiter)
        return waiter

    async def add(self, *jobs: NewJob, task: str = TASK, spec: EnqueueSpec | None = None) -> list[bool]:
        return await self.adapter.jobs.enqueue(task, spec or EnqueueSpec(), jobs).run_async()

    async def add_many(self, count: int, task: str = TASK) -> list[str]:
        ids = [new_id() for _ in range(count)]
        await self.add(*(NewJob(job_id, b"%d" % at) for at, job_id in enumerate(ids)), task=task)
        return ids

    async def claim(self, lane: Lane, count: int = 1, task: str = TASK) -> list[Claimed]:
        return (await lane.step([], [Want(task, count)])).jobs

    async def settle(self, lane: Lane, *settled: Settled) -> ClaimReply:
        return await lane.step(settled, [])

    async def job(self, job_id: str, task: str = TASK) -> JobInfo:
        found = await self.adapter.jobs.job(task, job_id).run_async()
        assert found is not None
        return found

    async def create(self, plan: Plan) -> str:
        await self.adapter.workflows.create_workflow(plan).run_async()
        return plan.workflow_id

    def workflow(self, workflow_id: str) -> dict[str, str]:
        found: dict[str, str] = self.raw.hgetall(f"{self.root}:wf:{{{workflow_id}}}")
        return found

    def put_foreign(self, graph: dict[str, Any], workflow_id: str) -> None:
        """Stores a workflow and its roots as a TypeScript producer does, field for field."""
        at = str(self.now_ms())
        states = {f"n:{index}:state": "pending" for index in range(len(graph["nodes"]))}
        fields = {"graph": json.dumps(graph, separators=(",", ":")), "state": "running", "createdAt": at, **states}
        self.raw.hset(f"{self.root}:wf:{{{workflow_id}}}", mapping=fields)
        for index, node in enumerate(graph["nodes"]):
            if not node["deps"]:
                extra = {"_wf": workflow_id, "_wfNode": str(index)}
                self.put_foreign_job(node["jobId"], node["data"], task=node["taskName"], extra=extra)

    def put_foreign_job(
        self,
        job_id: str,
        data: str,
        *,
        task: str = TASK,
        priority: int = 0,
        delay_ms: int = 0,
        extra: dict[str, str] | None = None,
    ) -> None:
        """Enqueues as a TypeScript producer does: immediate, or delayed."""
        base, ts = self.base(task), self.now_ms()
        fields: dict[str, str] = {"ts": str(ts)}
        if delay_ms:
            fields["delay"] = str(delay_ms)
        state = "delayed" if delay_ms else "waiting"
        fields |= {"_v": "1", "attempt": "1", "maxAttempts": "1", "state": state, "priority": str(priority)}
        fields |= {"data": data, **(extra or {})}
        self.raw.hset(f"{base}:{job_id}", mapping=fields)
        if delay_ms:
            self.raw.zadd(f"{base}:delayed", {job_id: ts + delay_ms})
            self.raw.zadd(f"{base}:marker", {"0": ts + delay_ms}, lt=True)
        elif priority > 0:
            self.raw.zadd(f"{base}:prioritized", {job_id: -(priority * 10**13) + ts})
            self.raw.zadd(f"{base}:marker", {"0": 0})
        else:
            self.raw.lpush(f"{base}:wait", job_id)
            self.raw.zadd(f"{base}:marker", {"0": 0})
        event = {"event": state, "jobId": job_id}
        self.raw.xadd(f"{base}:events", event, maxlen=10_000, approximate=True)

    def unkept_keys(self) -> list[str]:
        """Keys that neither end by themselves nor stand on the list above."""
        keys = self.raw.scan_iter(f"{self.root}:*", count=1000)
        return [key for key in keys if self.raw.ttl(key) == -1 and not self._is_permanent(key)]

    def _is_permanent(self, key: str) -> bool:
        rest = key.removeprefix(f"{self.root}:")
        general = f"B:{rest.partition('}:')[2]}" if rest.startswith("{") else f"R:{rest}"
        return any(fnmatch.fnmatchcase(general, pattern) for pattern in PERMANENT)

    async def close(self) -> None:
        for waiter in self._waiters:
            await waiter.close()
        for lane in self._lanes:
            await lane.close()
        for adapter in self._adapters:
            await adapter.close_async()


def done(job: Claimed, result: bytes = b"null") -> Settled:
    return Settled(job, "complete", result)


def failed(job: Claimed, message: bytes = b"boom") -> Settled:
    return Settled(job, "fail", message, error_type="ValueError", trace="Traceback")


def node(task: str = TASK, deps: tuple[int, ...] = (), data: bytes | None = None, *, as_list: bool = False) -> PlanNode:
    return PlanNode(task, new_id(), deps, data if deps or data is not None else b"0", as_list=as_list)


def plan(*nodes: PlanNode, terminal: tuple[int, ...] = (), as_list: bool = False, deadline_ms: int = 0) -> Plan:
    return Plan(new_id(), "flow", nodes, terminal or (len(nodes) - 1,), as_list=as_list, deadline_ms=deadline_ms)


def fan(width: int, *, callback: bool = True) -> Plan:
    """A group of ``width`` roots, with a node that waits for all of them."""
    roots = tuple(PlanNode(TASK, new_id(), (), b"%d" % at) for at in range(width))
    if not callback:
        return Plan(new_id(), "flow", roots, tuple(range(width)))
    join = PlanNode(TASK, new_id(), tuple(range(width)), None)
    return Plan(new_id(), "flow", (*roots, join), (width,))
