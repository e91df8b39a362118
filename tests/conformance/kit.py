"""What the tests of every adapter share: shortcuts for the life of a job, by nothing but the Adapter protocol."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Collection, Sequence
from typing import TypeVar

from support import wait_until_async
from taskora import Taskora
from taskora.adapters.lane import Arrived, Lane
from taskora.adapters.protocol import Adapter, Waiter
from taskora.ids import new_id
from taskora.model import Claimed, ClaimReply, EnqueueSpec, JobInfo, NewJob, QueueStats, Settled, State, Want
from taskora.workflow_model import Plan, PlanNode, WorkflowOutcome, WorkflowRecord

T = TypeVar("T")
TASK = "mail"
TTL_MS = 30_000
SHORT_MS = 20
ALL = 10_000
PATIENCE_S = 5


class PayingLane:
    """A lane of which every step ends as a worker's does: what is noted beside tasks is told to the workflows.

    Only where tasks and workflows lie apart is anything noted; such a debt is named ``TASK:WORKFLOW``.
    """

    def __init__(self, adapter: Adapter, lane: Lane) -> None:
        self._adapter = adapter
        self._lane = lane

    async def wait_and_claim(self, wants: Sequence[Want], block_ms: int, arrived: Arrived | None = None) -> ClaimReply:
        return await self._paid(await self._lane.wait_and_claim(wants, block_ms, arrived))

    async def step(
        self, settled: Sequence[Settled], wants: Sequence[Want], arrived: Arrived | None = None
    ) -> ClaimReply:
        return await self._paid(await self._lane.step(settled, wants, arrived))

    async def _paid(self, reply: ClaimReply) -> ClaimReply:
        for owed in reply.owed:
            if ":" in owed:
                assert not await self._adapter.workflows.continue_workflow(owed).run_async()
        return reply._replace(owed=tuple(owed for owed in reply.owed if ":" not in owed))

    async def promote(self, tasks: Sequence[str]) -> int | None:
        return await self._lane.promote(tasks)

    async def wake(self) -> None:
        await self._lane.wake()

    async def stop_claiming(self) -> None:
        await self._lane.stop_claiming()

    async def close(self) -> None:
        await self._lane.close()


class Kit:
    """One adapter, and the lanes and waiters that a test opened on it."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self._lanes: list[Lane] = []
        self._waiters: list[Waiter] = []

    def lane(
        self, worker: str = "w1", tasks: Sequence[str] = (TASK,), held: Collection[str] = (), ttl_ms: int = TTL_MS
    ) -> Lane:
        lane = PayingLane(self.adapter, self.adapter.leases.lane(worker, tasks, ttl_ms, lambda _: held))
        self._lanes.append(lane)
        return lane

    def waiter(self) -> Waiter:
        waiter = self.adapter.waiter()
        self._waiters.append(waiter)
        return waiter

    @property
    def apart(self) -> bool:
        """Whether tasks, and workflows, lie in places that no single step of the server can change together."""
        return len(self.adapter.leases.shares(["a", "b"])) > 1

    async def close(self) -> None:
        for waiter in self._waiters:
            await waiter.close()
        for lane in self._lanes:
            await lane.close()

    # -- time

    async def now_ms(self) -> int:
        """The time by the adapter's own clock."""
        return (await self.adapter.schedules.due().run_async()).now_ms

    async def let_pass(self, ms: int) -> None:
        """Waits until this much time has passed by the adapter's own clock."""
        until_ms = await self.now_ms() + ms

        async def reached() -> bool:
            return await self.now_ms() > until_ms

        await wait_until_async(reached)

    # -- jobs

    async def add(self, *jobs: NewJob, task: str = TASK, spec: EnqueueSpec | None = None) -> list[bool]:
        return await self.adapter.jobs.enqueue(task, spec or EnqueueSpec(), jobs).run_async()

    async def add_many(self, count: int, task: str = TASK) -> list[str]:
        ids = [new_id() for _ in range(count)]
        await self.add(*(NewJob(job_id, b"%d" % at) for at, job_id in enumerate(ids)), task=task)
        return ids

    async def claim(self, lane: Lane, count: int = 1, task: str = TASK) -> list[Claimed]:
        return (await lane.step([], [Want(task, count)])).jobs

    async def claim_all(self, task: str = TASK) -> list[str]:
        """Claims whatever waits, as a worker of its own; returns the ids in their order."""
        return [job.job_id for job in await self.claim(self.lane(f"w{new_id()}", (task,)), ALL, task)]

    async def settle(self, lane: Lane, *settled: Settled) -> ClaimReply:
        return await lane.step(settled, [])

    async def started(self, worker: str = "w1", ttl_ms: int = TTL_MS) -> tuple[Lane, Claimed]:
        """A new job in the hands of a worker."""
        await self.add_many(1)
        lane = self.lane(worker, ttl_ms=ttl_ms)
        (job,) = await self.claim(lane)
        return lane, job

    async def job(self, job_id: str, task: str = TASK) -> JobInfo:
        found = await self.adapter.jobs.job(task, job_id).run_async()
        assert found is not None
        return found

    async def state(self, job_id: str, task: str = TASK) -> str | None:
        found = await self.adapter.jobs.outcome(task, job_id).run_async()
        return None if found is None else found.state.value

    async def stats(self, task: str = TASK) -> QueueStats:
        return await self.adapter.jobs.stats(task).run_async()

    async def ids(self, state: State, task: str = TASK, offset: int = 0, limit: int = ALL) -> list[str]:
        return [job.id for job in await self.adapter.jobs.jobs(task, state, offset, limit).run_async()]

    async def waiting(self, task: str = TASK) -> list[str]:
        return await self.ids(State.WAITING, task)

    async def active(self, task: str = TASK) -> list[str]:
        return await self.ids(State.ACTIVE, task)

    async def cancel(self, job_id: str, reason: str = "", task: str = TASK) -> str:
        return await self.adapter.jobs.cancel(task, job_id, reason).run_async()

    async def recover(
        self,
        worker: str = "w1",
        *,
        cause: str = "signal:9",
        charged: bool = True,
        max_crashes: int = 3,
        overdue_ms: int = 0,
        suspects: Sequence[str] = (),
        tasks: Sequence[str] = (TASK,),
    ) -> int:
        call = self.adapter.leases.recover(
            worker, dict.fromkeys(tasks, overdue_ms), cause=cause, charged=charged, max_crashes=max_crashes,
            suspects=suspects,
        )  # fmt: skip
        return await call.run_async()

    async def sweep(self, max_stalls: int = 1, task: str = TASK, grace_ms: int = 0) -> int:
        return await self.adapter.house.sweep(task, max_stalls, grace_ms).run_async()

    # -- workflows

    async def create(self, plan: Plan) -> str:
        await self.adapter.workflows.create_workflow(plan).run_async()
        return plan.workflow_id

    async def outcome(self, plan: Plan) -> WorkflowOutcome:
        found = await self.adapter.workflows.workflow_outcome(plan.workflow_id).run_async()
        assert found is not None
        return found

    async def record(self, plan: Plan) -> WorkflowRecord:
        found = await self.adapter.workflows.workflow(plan.workflow_id).run_async()
        assert found is not None
        return found

    async def states(self, plan: Plan) -> list[str]:
        return [each.state for each in (await self.record(plan)).nodes]

    async def pay(self, plan: Plan) -> int:
        """Writes all that the workflow is owed, as a worker or the leader does; returns in how many pieces."""
        count = 1
        while await self.adapter.workflows.continue_workflow(plan.workflow_id).run_async():
            count += 1
        return count

    async def owed(self) -> list[str]:
        return await self.adapter.house.owed_workflows(0, ALL).run_async()


@contextlib.asynccontextmanager
async def working(app: Taskora, drain: float = PATIENCE_S) -> AsyncGenerator[Taskora, None]:
    """Works on the running loop; drains and closes at the end."""
    await app.start()
    try:
        yield app
    finally:
        await app.close_async(drain)


async def soon(awaited: Awaitable[T], timeout_s: float = 3.0) -> T:
    """Waits for something that must come at once, with patience for a busy machine."""
    return await asyncio.wait_for(awaited, timeout_s)


async def blocked() -> None:
    """Gives what was started a moment to block. A test is right, if weaker, when the moment was too short."""
    for _ in range(10):
        await asyncio.sleep(0.002)


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
