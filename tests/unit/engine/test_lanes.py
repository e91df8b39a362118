"""A worker whose tasks need several lanes tells them apart."""

from types import SimpleNamespace
from typing import Any

from taskora.adapters.lane import Answered
from taskora.config import TaskOptions
from taskora.worker import Host, Worker, WorkerSettings
from taskora.worker.host import Alone


class Recording(Alone):
    """Keeps what it is told of claims."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: list[tuple[str, int]] = []

    def claim_answered(self, connection: str, number: int) -> None:
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


async def test_each_lane_has_a_place_and_what_it_reads_is_told_as_it_is() -> None:
    task: Any = SimpleNamespace(options=TaskOptions(), is_async=True, middleware=None)
    host, adapter = Recording(), TwoServers()
    made: Any = adapter
    carrier: Host = host
    Worker(made, {"a": task, "b": task}, WorkerSettings(), carrier, lambda: None)
    assert [place for place, _ in adapter.lanes] == [0, 1]
    for number, (_, answered) in enumerate(adapter.lanes):
        answered("x", number)
    assert host.claims == [("x", 0), ("x", 1)]
