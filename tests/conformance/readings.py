"""Every reader of the protocol, asked on both sides at once.

Most of what readers show stays as it was from one time to the next. So what they asked of the server the last time is
asked again in one round trip, and only those whose replies have changed are run anew.
"""

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

from conformance.by_hand import Hand, as_of_time, by_the_key
from taskora.adapters.protocol import Adapter
from taskora.adapters.vitals_store import KeyFacts, Locks
from taskora.call import Call
from taskora.connection.request import Producer, Replies, Request, pack
from taskora.model import State

PAGE = 25
_PRODUCER = Producer("reader", 0)


class Asked(NamedTuple):
    """A reader: its name with the arguments, the call, and what of its result is compared."""

    name: tuple[object, ...]
    call: Call[Any]
    shown: Callable[[Any], object] = lambda result: result


class Reading:
    """One reader with its arguments, and what it was answered the last time."""

    def __init__(self, on_server: Asked, in_memory: Asked) -> None:
        self.in_memory = in_memory
        self.result: object = None
        self.sent = b""
        self.replies: Replies | None = None
        self._shown = on_server.shown
        self._operation = cast("Any", on_server.call)._operation

    def steps(self) -> Generator[Request, Replies, None]:
        """Read from the server, and keep what is sent and answered."""
        self.sent, self.replies = b"", []
        steps = self._operation(_PRODUCER)
        try:
            request = next(steps)
            while True:
                plain = by_the_key(request)
                replies = yield plain
                self.sent += pack(plain)
                self.replies += replies
                request = steps.send(as_of_time(request, replies))
        except StopIteration as end:
            self.result = self._shown(end.value)


class Readings:
    """Compares what readers show."""

    def __init__(self, hand: Hand) -> None:
        self._hand = hand
        self._known: dict[tuple[object, ...], Reading] = {}

    def compare(self, on_server: Iterable[Asked], in_memory: Iterable[Asked]) -> None:
        """Run the same readers, each told by its name and arguments, on both sides."""
        wanted: dict[tuple[object, ...], Reading] = {}
        for first, second in zip(on_server, in_memory, strict=True):
            reading = self._known.get(first.name)
            if reading is None:
                reading = self._known[first.name] = Reading(first, second)
            wanted[first.name] = reading
        readings = list(wanted.values())
        self._refresh(readings)
        for reading in readings:
            name, call, shown = reading.in_memory
            found = shown(call.run())
            assert reading.result == found, f"{name}: {reading.result} on the server, {found} in memory"

    def _refresh(self, readings: list[Reading]) -> None:
        known = [reading for reading in readings if reading.replies is not None]
        count = sum(len(reading.replies or ()) for reading in known)
        answers = self._hand.talk(b"".join(reading.sent for reading in known), count)
        at = 0
        for reading in known:
            before = reading.replies or []
            now = answers[at : at + len(before)]
            at += len(before)
            if now != before:
                reading.replies = None
        assert at == count
        self._read_together([reading for reading in readings if reading.replies is None])

    def _read_together(self, readings: list[Reading]) -> None:
        """Run them side by side, so that each round of all is one round trip."""
        running = [(steps, next(steps)) for steps in (reading.steps() for reading in readings)]
        while running:
            answers = iter(self._hand.exchange([item for _, request in running for item in request]))
            going_on: list[tuple[Generator[Request, Replies, None], Request]] = []
            for steps, request in running:
                with contextlib.suppress(StopIteration):
                    going_on.append((steps, steps.send(list(itertools.islice(answers, len(request))))))
            running = going_on


def readers(
    one: Adapter, tasks: Sequence[str], keys: Sequence[str], workers: Sequence[str], flows: Sequence[str]
) -> Iterator[Asked]:
    """All readers of an adapter, with arguments by which they show everything that is there."""
    for task in tasks:
        yield Asked(("stats", task), one.jobs.stats(task))
        for state in State:
            yield Asked(("jobs", task, state), one.jobs.jobs(task, state, 0, PAGE))
            yield Asked(("jobs", task, state, "page"), one.jobs.jobs(task, state, 1, 2))
        yield Asked(("fences", task, *workers), one.vitals.fences([(worker, task) for worker in workers]))
        yield Asked(("locks", task), one.vitals.locks(task, PAGE), _held)
        yield Asked(("versions", task), one.vitals.versions(task, PAGE))
        yield Asked(("failures", task), one.dead_letters.failures(task, PAGE))
        yield Asked(("keys", task), one.vitals.keys(task), _counts)
        for key in keys:
            yield Asked(("buffered", task, key), one.rules.buffered(task, key))
            yield Asked(("buffer_info", task, key), one.rules.buffer_info(task, key))
    yield Asked(("throughput",), one.vitals.throughput(tasks, 1, 5))
    for workflow_id in flows:
        yield Asked(("workflow_outcome", workflow_id), one.workflows.workflow_outcome(workflow_id))
        yield Asked(("workflow", workflow_id), one.workflows.workflow(workflow_id))
        yield Asked(("broken_nodes", workflow_id), one.repairs.broken_nodes(workflow_id))
    for state_of_all in (None, "running", "completed", "failed", "cancelled"):
        yield Asked(("list_workflows", state_of_all), one.workflows.list_workflows(state_of_all, 0, PAGE))
    yield Asked(("list_workflows", "page"), one.workflows.list_workflows(None, 1, 2))
    yield Asked(("running_workflows",), one.repairs.running_workflows(0, 10_000), _in_any_order)
    yield Asked(("owed_workflows",), one.house.owed_workflows(10_000, PAGE))
    yield Asked(("overdue_workflows",), one.house.overdue_workflows(PAGE))
    yield Asked(("tasks",), one.house.tasks())
    yield Asked(("workers",), one.house.workers())
    yield Asked(("schedules",), one.schedules.list())
    yield Asked(("due",), one.schedules.due())
    for key in keys:
        yield Asked(("schedule", key), one.schedules.find(key))


def readers_of_jobs(one: Adapter, ids: Sequence[tuple[str, str]]) -> Iterator[Asked]:
    """The readers of single jobs, whether there are such jobs or not."""
    for task, job_id in ids:
        yield Asked(("job", task, job_id), one.jobs.job(task, job_id))
        yield Asked(("outcome", task, job_id), one.jobs.outcome(task, job_id))
        yield Asked(("progress", task, job_id), one.jobs.progress(task, job_id))
        yield Asked(("logs", task, job_id), one.jobs.logs(task, job_id))
        yield Asked(("follow", task, job_id), one.rules.follow(task, job_id))


def _in_any_order(page: tuple[int, list[str]]) -> object:
    return sorted(page[1])


def _held(locks: Locks) -> object:
    # Of several jobs that nobody holds, the order is not promised.
    return locks.looked_at, sorted(locks.without), locks.endless


def _counts(facts: Sequence[KeyFacts]) -> dict[str, int]:
    # How many there are of what only a server has is no promise.
    return {fact.name: fact.count for fact in facts if fact.name != "marker"}
