"""What a worker makes of what its lanes bring: jobs that begin, and jobs that it still runs and had lost."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from support import wait_until_async
from taskora.adapters.lane import Answered
from taskora.config import TaskOptions
from taskora.model import Claimed, ClaimReply
from taskora.worker import Host, Worker, WorkerSettings
from taskora.worker.host import Alone

Handler = Callable[[object, object], Awaitable[object]]


class Recording(Alone):
    """Keeps what it is told of claims."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[tuple[str, int]] = []

    def claim_begun(self, connection: str, number: int) -> None:
        self.claims.append((connection, number))


class Servers:
    """Where each task needs a lane for itself."""

    def __init__(self) -> None:
        self.lanes: list[tuple[int, Answered]] = []
        self.leases = self

    def shares(self, tasks: list[str]) -> list[list[str]]:
        return [[task] for task in tasks]

    def lane(self, worker: str, tasks: list[str], ttl_ms: int, held: Any, answered: Answered, place: int) -> Any:
        self.lanes.append((place, answered))
        return SimpleNamespace()


def nothing(*_: object) -> None: ...


def null(_: object) -> bytes:
    return b"null"


def a_task(handler: Handler) -> Any:
    return SimpleNamespace(
        options=TaskOptions(concurrency=2), is_async=True, middleware=None, checks=False, wants_context=False,
        call=handler, on_cancel=None, decode_input=nothing, encode_result=null,
    )  # fmt: skip


def a_worker(servers: Servers, host: Host, **handlers: Handler) -> Worker:
    adapter: Any = servers
    tasks = {name: a_task(handler) for name, handler in handlers.items()}
    return Worker(adapter, tasks, WorkerSettings(cancel_grace_s=0.01), host, nothing)


def take(worker: Worker, task: str, token: str) -> None:
    """Bring it a job."""
    job = Claimed(task, "id", b"1", 1, 1, 0, token, 0, "")
    worker._take(ClaimReply([job], None, "", (), ()))  # pyright: ignore[reportPrivateUsage]  # lanes are given it


async def test_each_lane_has_a_place_and_its_claims_are_told_of_once_something_of_them_runs() -> None:
    host, servers = Recording(), Servers()
    told_when_it_ran: list[list[tuple[str, int]]] = []

    async def handler(data: object, context: object) -> None:
        told_when_it_ran.append(sorted(host.claims))

    worker = a_worker(servers, host, a=handler, b=handler)
    assert [place for place, _ in servers.lanes] == [0, 1]
    for name, (_, answered) in zip("xy", servers.lanes, strict=True):
        answered(name, 1)
        answered(name, 2)
    take(worker, "a", "token")
    assert host.claims == [], "none of the jobs has begun"
    await wait_until_async(lambda: told_when_it_ran != [])
    assert told_when_it_ran == [[("x", 2), ("y", 2)]]


async def test_the_earlier_run_of_a_job_that_is_claimed_anew_is_lost_and_the_later_one_stays_known() -> None:
    ends: list[str] = []
    may_end = asyncio.Event()

    async def handler(data: object, context: object) -> None:
        number = len(ends)
        ends.append("runs")
        try:
            await may_end.wait()
        except asyncio.CancelledError:
            ends[number] = "cancelled"
            raise
        ends[number] = "ended"

    worker = a_worker(Servers(), Alone(), mail=handler)
    take(worker, "mail", "first")
    await wait_until_async(lambda: ends == ["runs"])
    (earlier,) = worker.runs.values()
    take(worker, "mail", "second")
    (later,) = worker.runs.values()
    await wait_until_async(lambda: ends == ["cancelled", "runs"])
    assert earlier.atask is not None
    await earlier.atask
    assert list(worker.runs.values()) == [later]
    assert (earlier.aborted, later.aborted) == ("lost", None)
    may_end.set()
    assert later.atask is not None
    await later.atask
    assert ends == ["cancelled", "ended"]
