"""What `metrics` says, in the text format of Prometheus: what the server knows of all fleets together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from starlette.responses import Response

from taskora.board.visit import Visit
from taskora.errors import AdapterError
from taskora.model import State

_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_QUEUED: Final = (State.WAITING, State.ACTIVE, State.DELAYED, State.RETRYING, State.FAILED)

Family: TypeAlias = tuple[str, str, list[tuple[Mapping[str, str], float]]]


async def metrics(visit: Visit) -> Response:
    """Answer a scrape; while the server does not answer, with that."""
    started_s = time.perf_counter()
    try:
        await visit.app.adapter.vitals.latencies(1).run_async()
        trip_s = time.perf_counter() - started_s
        families = [*await _families(visit), *_server(1, trip_s)]
    except AdapterError:
        families = list(_server(0, None))
    return Response("\n".join(_lines(families)) + "\n", media_type=_CONTENT_TYPE)


async def _families(visit: Visit) -> list[Family]:
    desk = visit.desk
    stats, paused, workers = await asyncio.gather(desk.stats(), desk.paused(), visit.inspector.workers_async())
    queued: list[tuple[Mapping[str, str], float]] = []
    for task, count in sorted(stats.items()):
        for state in _QUEUED:
            value = getattr(count, state.value) - (count.retrying if state is State.DELAYED else 0)
            queued.append(({"task": task, "state": state.value}, max(0, value)))
    seen = [worker for worker in workers if worker.role == "worker"]
    return [
        ("taskora_queue_jobs", "Jobs in the queue by task and state.", queued),
        ("taskora_task_paused", "1 for a task that is paused.", [({"task": task}, 1) for task in sorted(paused)]),
        ("taskora_workers_seen", "Workers that are alive, of all fleets.", [({}, len(seen))]),
        ("taskora_active_jobs", "Jobs that workers say they run.", [({}, sum(worker.active for worker in seen))]),
        (
            "taskora_leaders",
            "Processes that keep house; 1 when all is well.",
            [({}, sum(one.leader for one in workers))],
        ),
    ]


def _server(up: int, trip_s: float | None) -> Iterator[Family]:
    yield "taskora_server_up", "1 when the server answers.", [({}, up)]
    if trip_s is not None:
        yield "taskora_server_round_trip_seconds", "How long the server's last answer took.", [({}, trip_s)]


def _lines(families: list[Family]) -> Iterator[str]:
    for name, meaning, samples in families:
        yield f"# HELP {name} {meaning}"
        yield f"# TYPE {name} gauge"
        for labels, value in samples:
            yield f"{name}{_labels(labels)} {value!r}"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
