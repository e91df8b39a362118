"""What a worker, and the steward on its behalf, does with running jobs in Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from taskora.adapters.lane import Answered, HeldIds, Lane
from taskora.adapters.protocol import Watch
from taskora.adapters.redis.cluster_lane import ClusterLane
from taskora.adapters.redis.complaints import Complaints
from taskora.adapters.redis.lane import RedisLane
from taskora.adapters.redis.link import Link
from taskora.adapters.redis.owed import pay
from taskora.adapters.redis.sent import numbered
from taskora.adapters.redis.watch import RedisWatch
from taskora.call import Call
from taskora.connection.request import Arg, Producer, ScriptCall, Steps
from taskora.lua import load
from taskora.model import Held


class RedisLeases:
    """See ``LeaseStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._keys = link.keys
        self._complaints = Complaints()

    def lane(
        self,
        worker: str,
        tasks: Sequence[str],
        lock_ttl_ms: int,
        held: HeldIds,
        answered: Answered | None = None,
        place: int = 0,
    ) -> Lane:
        """See ``LeaseStore``."""
        lanes = [
            RedisLane(self._link, worker, share, lock_ttl_ms, held, answered, at)
            for at, share in enumerate(self.shares(tasks), place)
        ]
        return lanes[0] if len(lanes) == 1 else ClusterLane(lanes)

    def shares(self, tasks: Sequence[str]) -> list[list[str]]:
        """See ``LeaseStore``."""
        return self._keys.together(tasks)

    def watch_cancels(self, tasks: Sequence[str]) -> Watch:
        """See ``LeaseStore``."""
        return RedisWatch(self._link, tasks)

    def extend(self, held: Sequence[Held], ttl_ms: int) -> Call[list[int]]:
        """See ``LeaseStore``."""
        shares = self._keys.together(dict.fromkeys(job.task for job in held))
        by_share = [[at for at, job in enumerate(held) if job.task in share] for share in shares]

        def steps(_: Producer) -> Steps[list[int]]:
            verdicts = [0] * len(held)
            calls = [self._extend([held[at] for at in places], ttl_ms) for places in by_share]
            for places, reply in zip(by_share, (yield calls), strict=True):
                for at, verdict in zip(places, reply, strict=True):
                    verdicts[at] = verdict
            return verdicts

        return self._link.call(steps)

    def _extend(self, held: Sequence[Held], ttl_ms: int) -> ScriptCall:
        numbers: dict[str, int] = {}
        args: list[Arg] = [ttl_ms]
        for job in held:
            args += (numbers.setdefault(job.task, len(numbers) + 1), job.job_id, job.token, job.processed_ms)
        return ScriptCall(load("extend"), [self._keys.task(task) for task in numbers], args)

    def write_progress(self, task: str, job_id: str, token: str, value: bytes) -> Call[bool]:
        """See ``LeaseStore``."""

        def steps(_: Producer) -> Steps[bool]:
            (reply,) = yield [ScriptCall(load("write_progress"), (self._keys.task(task),), (job_id, token, value))]
            return bool(reply == 1)

        return self._link.call(steps)

    def write_span(self, task: str, job_id: str, token: str, context: str) -> Call[bool]:
        """See ``LeaseStore``."""

        def steps(_: Producer) -> Steps[bool]:
            (reply,) = yield [ScriptCall(load("write_span"), (self._keys.task(task),), (job_id, token, context))]
            return bool(reply == 1)

        return self._link.call(steps)

    def write_logs(self, task: str, job_id: str, token: str, entries: Sequence[bytes]) -> Call[bool]:
        """See ``LeaseStore``."""

        def steps(producer: Producer) -> Steps[bool]:
            # A repetition after a lost reply must not append them once more.
            (reply,) = yield [numbered("write_logs", producer, self._keys.task(task), (job_id, token, *entries))]
            return bool(reply == b"1")

        return self._link.call(steps)

    def recover(
        self,
        worker: str,
        tasks: Mapping[str, int],
        *,
        cause: str,
        charged: bool,
        max_crashes: int,
        suspects: Sequence[str] = (),
        answered: Mapping[str, int] | None = None,
    ) -> Call[int]:
        """See ``LeaseStore``."""
        read = " ".join(f"{connection}{number}" for connection, number in (answered or {}).items())

        def steps(_: Producer) -> Steps[int]:
            head: tuple[Arg, ...] = (self._keys.root, worker, cause, 1 if charged else 0, max_crashes)
            replies = yield [
                ScriptCall(load("recover"), (self._keys.task(task),), (*head, overdue_ms, read, *suspects))
                for task, overdue_ms in tasks.items()
            ]
            for task, (_, owed, damage) in zip(tasks, replies, strict=True):
                yield from pay(self._keys, dict.fromkeys(owed), task)
                self._complaints.tell(damage, "recover")
            return sum(count for count, _, _ in replies)

        return self._link.call(steps)

    def fence(self, worker: str, tasks: Sequence[str], halted: bool) -> Call[None]:
        """See ``LeaseStore``."""

        def steps(_: Producer) -> Steps[None]:
            yield [
                ScriptCall(load("fence"), (self._keys.task(task),), (worker, 1 if halted else 0, "halt"))
                for task in tasks
            ]

        return self._link.call(steps)

    def extend_worker(self, worker: str, tasks: Sequence[str], ttl_ms: int) -> Call[int]:
        """See ``LeaseStore``."""

        def steps(_: Producer) -> Steps[int]:
            replies = yield [
                ScriptCall(load("extend_worker"), (self._keys.task(task),), (worker, ttl_ms)) for task in tasks
            ]
            return sum(replies)

        return self._link.call(steps)
