"""A worker whose tasks need several lanes tells them apart."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from support import wait_until_async
from taskora.adapters.lane import Answered
from taskora.config import TaskOptions
from taskora.model import Claimed, ClaimReply
from taskora.worker import Host, Worker, WorkerSettings
from taskora.worker.host import Alone


class Recording(Alone):
    """Keeps what it is told of claims."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[tuple[str, int]] = []

    def claim_begun(self, connection: str, number: int) -> None:
        self.claims.append((connection, number))


class TwoServers:
    """Where each task needs a lane for itself."""

    def __init__(self) -> None:
        self.lanes: list[tuple[int, Answered]] = []
        self.leases = self

    def shares(self, tasks: list[str]) -> list[list[str]]:
        return [[task] for task in tasks]

    def lane(self, worker: str, tasks: list[str], ttl_ms: int, held: Any, answered: Answered, place: int) -> Any:
        self.lanes.append((place, answered))
        return SimpleNamespace()


def a_task(handler: Callable[[object, object], Awaitable[object]]) -> Any:
    return SimpleNamespace(
        options=TaskOptions(), is_async=True, middleware=None, checks=False, wants_context=False, call=handler,
        decode_input=lambda *_: None, encode_result=lambda _: b"null",
    )  # fmt: skip


async def test_each_lane_has_a_place_and_its_claims_are_told_of_once_something_of_them_runs() -> None:
    host, adapter = Recording(), TwoServers()
    told_when_it_ran: list[list[tuple[str, int]]] = []

    async def handler(data: object, context: object) -> None:
        told_when_it_ran.append(sorted(host.claims))

    made: Any = adapter
    carrier: Host = host
    worker = Worker(made, {"a": a_task(handler), "b": a_task(handler)}, WorkerSettings(), carrier, lambda: None)
    assert [place for place, _ in adapter.lanes] == [0, 1]
    for name, (_, answered) in zip("xy", adapter.lanes, strict=True):
        answered(name, 1)
        answered(name, 2)
    worker._take(ClaimReply([Claimed("a", "id", b"1", 1, 1, 0, "token", 0, "")], None, "", (), ()))
    assert host.claims == [], "none of the jobs has begun"
    await wait_until_async(lambda: told_when_it_ran != [])
    assert told_when_it_ran == [[("x", 2), ("y", 2)]]
